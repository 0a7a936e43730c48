/** Free ports on 127.0.0.1 for processes that are told their ports. */
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range from which the kernel takes ports for outgoing connections: none of these can take it between probe and use.
const FIRST = 12_000;
const COUNT = 20_000;

const given = new Set<number>();

/** A port that nobody listens on, never the same twice in a process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
