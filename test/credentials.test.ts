import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CredentialError, Credentials } from '../src/credentials.ts';
import { createLogger, SILENT } from '../src/ops/log.ts';
import { until } from './e2e/until.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dfsync-credentials-'));
});
after(() => rmSync(directory, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

describe('tokens of operators', () => {
  it('are none where no file is named', () => {
    const credentials = new Credentials({}, SILENT);
    assert.deepEqual([credentials.peerTokens, credentials.opsTokens], [[], { read: [], admin: [] }]);
  });

  for (const flag of ['tokenFile', 'readTokenFile', 'adminTokenFile'] as const)
    it(`that cannot be read are an error that names the file: ${flag}`, () => {
      const missing = join(directory, `no ${flag}`);
      assert.throws(
        () => new Credentials({ [flag]: missing }, SILENT),
        error => error instanceof CredentialError && error.message.includes(missing),
      );
    });

  it('are followed; what cannot be used is refused, logged without its content, and the old ones stay', async t => {
    const lines: string[] = [];
    const log = createLogger({ output: { write: line => lines.push(line) } });
    const readTokenFile = put('read', 'reader-1\n');
    const adminTokenFile = put('admin', 'chief-1\n');
    const credentials = new Credentials({ readTokenFile, adminTokenFile }, log);
    assert.deepEqual(credentials.opsTokens, { read: ['reader-1'], admin: ['chief-1'] });
    const stop = new AbortController();
    t.after(() => stop.abort());
    credentials.follow(stop.signal);
    put('admin', 'chief-2\nchief-1\n');
    await until('the new token', () => credentials.opsTokens.admin.length === 2);
    assert.deepEqual(credentials.opsTokens, { read: ['reader-1'], admin: ['chief-2', 'chief-1'] });
    put('read', 'reader with blanks\n');
    await until('the refusal', () => lines.some(line => line.includes('token.refused')));
    assert.deepEqual(credentials.opsTokens.read, ['reader-1']);
    assert.doesNotMatch(lines.join(''), /reader-1|reader with|chief-/);
    assert.match(lines.join(''), new RegExp(`token\\.applied.*${adminTokenFile}.*"accepted":2`));
  });
});
