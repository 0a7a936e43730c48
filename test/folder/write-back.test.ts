import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { DiskError } from '../../src/folder/disk.ts';
import { WriteBack } from '../../src/folder/write-back.ts';

/** The shells that wait for this process. */
const shells = () =>
  spawnSync('pgrep', ['-P', String(process.pid), '-x', 'sh'])
    .stdout.toString()
    .trim()
    .split('\n')
    .filter(Boolean);

describe('a write-back', () => {
  it('ends, once and again, with one shell for all', async () => {
    const writeBack = new WriteBack(tmpdir());
    await writeBack.run();
    const before = shells();
    await Promise.all([writeBack.run(), writeBack.run(), writeBack.run()]);
    await writeBack.run();
    assert.deepEqual(shells(), before);
  });

  it('that is asked for while one is under way is another one, shared by all who ask', async () => {
    const writeBack = new WriteBack(tmpdir());
    const first = writeBack.run();
    const [second, third] = [writeBack.run(), writeBack.run()];
    assert.notEqual(second, first);
    assert.equal(third, second);
    await Promise.all([first, second]);
  });

  it('of what is not there is an error, and no end of it', async () => {
    const writeBack = new WriteBack('/nowhere/at/all');
    for (let i = 0; i < 2; i++)
      await assert.rejects(writeBack.run(), (error: unknown) => error instanceof DiskError && error.code === 'EIO');
  });

  it('goes on with another shell where one was killed', async () => {
    const writeBack = new WriteBack(tmpdir());
    const before = shells();
    await writeBack.run();
    const [shell] = shells().filter(pid => !before.includes(pid));
    const asked = writeBack.run();
    execFileSync('kill', ['-9', shell!]);
    await asked.catch(error => assert.ok(error instanceof DiskError));
    await writeBack.run().catch(() => {});
    await writeBack.run();
  });

  for (const [name, path] of [
    ['sync', '/nowhere'],
    ['a shell', ''],
  ] as const)
    it(`without ${name} is left to the system`, () => {
      // In a process of its own: the search path belongs to all of one.
      const script = `
        import { symlinkSync, mkdtempSync } from 'node:fs';
        const { WriteBack } = await import(${JSON.stringify(new URL('../../src/folder/write-back.ts', import.meta.url).href)});
        const only = mkdtempSync('/tmp/dfsync-path-');
        if (${path !== ''}) symlinkSync('/bin/sh', only + '/sh');
        process.env.PATH = only;
        await new WriteBack('/tmp').run();
        console.log('done');`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
      assert.equal(stdout.toString().trim(), 'done', stderr.toString());
    });

  it('keeps no process alive', () => {
    const script = `
      const { WriteBack } = await import(${JSON.stringify(new URL('../../src/folder/write-back.ts', import.meta.url).href)});
      await new WriteBack('/tmp').run();`;
    assert.equal(spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 }).status, 0);
  });
});
