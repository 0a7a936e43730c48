import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { checkConfig } from '../../src/cli/check-config.ts';
import { EXAMPLE, oneSite, role, server } from '../config/networks.ts';

class Text extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

describe('check-config', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'dfsync-check-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  const check = async (content: string | undefined) => {
    const file = join(directory, content === undefined ? 'none' : 'network.json');
    if (content !== undefined) writeFileSync(file, content);
    const [out, err] = [new Text(), new Text()];
    const code = await checkConfig(file, out, err);
    return { code, out: out.text, err: err.text };
  };

  it('says who pulls from whom, for which domains', async () => {
    const { code, out, err } = await check(EXAMPLE);
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.equal(
      out,
      `2 sites, 3 instances, 3 domains
domain common: directory common, sites north, south
domain acme.example: directory acme, sites north, south
domain local.example: directory local, site north

site north: domains common, acme.example, local.example
  n1 (dfsync1, roleid 1) at 127.0.0.1:7421, interface lo, gateway, separate
    pulls from n2 (dfsync2, roleid 2) at 127.0.0.1:7422: common, acme.example, local.example
    pulls from site south by s1 (dfsync3, roleid 3) at 127.0.0.1:7423: common, acme.example
  n2 (dfsync2, roleid 2) at 127.0.0.1:7422, interface lo, separate
    pulls from n1 (dfsync1, roleid 1) at 127.0.0.1:7421: common, acme.example, local.example

site south: domains common, acme.example
  s1 (dfsync3, roleid 3) at 127.0.0.1:7423, interface lo, gateway, separate
    pulls from site north by n1 (dfsync1, roleid 1) at 127.0.0.1:7421: common, acme.example
`,
    );
  });

  it('shows disabled instances, other gateways, outer addresses and warnings', async () => {
    const description = {
      sites: [
        {
          name: 'north',
          servers: [
            server(1),
            server(2, { external_address: 'n2.example' }),
            server(3, { roles: [role(3, { enabled: false })] }),
          ],
        },
        { name: 'south', servers: [server(4)] },
      ],
      extra: true,
    };
    const { code, out, err } = await check(JSON.stringify(description));
    assert.equal(code, 0);
    assert.match(err, /^warning: extra: unknown field/);
    assert.match(out, /4 instances \(1 disabled\), 1 domain$/m);
    assert.match(out, /^ {2}s3 .*, disabled\n\nsite south/m);
    assert.match(out, /^ {2}s2 .* at 10\.0\.0\.2:7420, from other sites n2\.example:7420/m);
    assert.match(out, /pulls from site north by s1 .* at 10\.0\.0\.1:7420, else s2 .* at n2\.example:7420: common$/m);
  });

  it('says that a single instance has nothing to do', async () => {
    const { code, out } = await check(JSON.stringify(oneSite(server(1))));
    assert.equal(code, 0);
    assert.match(out, /nothing to synchronise with/);
    assert.match(out, /pulls from nobody/);
  });

  it('tells every problem with its path and answers 3', async () => {
    const { code, out, err } = await check(JSON.stringify(oneSite(server(1, { address: 7 }), server(2, { name: '' }))));
    assert.equal(code, 3);
    assert.equal(out, '');
    assert.deepEqual(
      err.split('\n').map(line => line.split(' ', 2).join(' ')),
      [
        'error: sites[0].servers[0].address:',
        'error: sites[0].servers[1].name:',
        `${join(directory, 'network.json')}: not`,
        '',
      ],
    );
  });

  it('answers 3 for a file that cannot be read', async () => {
    const { code, err } = await check(undefined);
    assert.equal(code, 3);
    assert.match(err, /cannot read .*none: there is no such file/);
  });
});
