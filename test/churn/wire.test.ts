/** The wire in every weather: what passes is what was sent, and what is cut is cut. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { CLEAR, type Weather, Wire } from './wire.ts';

const SENT = randomBytes(100_000);

let echo: Server;
let wire: Wire;
before(async () => {
  echo = createServer({ allowHalfOpen: true }, socket => socket.on('error', () => {}).pipe(socket));
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  wire = await Wire.to((echo.address() as AddressInfo).port);
});
after(() => {
  wire.close();
  echo.close();
});

async function send(): Promise<Buffer> {
  const socket = connect({ port: wire.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(SENT);
  return buffer(socket);
}

describe('through a wire', () => {
  const weathers: Weather[] = [CLEAR, { is: 'slow', delayMs: 5 }, { is: 'narrow', bytesPerSecond: 2_000_000 }];
  for (const weather of weathers)
    it(`that is ${weather.is} everything comes as it was sent`, async () => {
      wire.weather = weather;
      assert.ok((await send()).equals(SENT));
    });

  it('that stands still nothing comes until it clears', async () => {
    wire.weather = { is: 'still' };
    let arrived = false;
    const answer = send().then(bytes => {
      arrived = true;
      return bytes;
    });
    await once(echo, 'connection');
    assert.equal(arrived, false);
    wire.weather = CLEAR;
    assert.ok((await answer).equals(SENT));
  });

  it('that is reset an answer under way ends with an error, and the next one comes', async () => {
    wire.weather = { is: 'still' };
    const answer = assert.rejects(send(), { code: 'ECONNRESET' });
    await once(echo, 'connection');
    wire.reset();
    await answer;
    wire.weather = CLEAR;
    assert.ok((await send()).equals(SENT));
  });

  it('that is cut nobody gets through', async () => {
    wire.weather = { is: 'cut' };
    await assert.rejects(send(), { code: /ECONNRESET|EPIPE/ as unknown as string });
    wire.weather = CLEAR;
  });
});
