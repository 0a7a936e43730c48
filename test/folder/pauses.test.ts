/** What operators wish of domains outlasts the process that they said it to. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import { Pauses } from '../../src/folder/pauses.ts';
import { realDisk } from '../../src/folder/real-disk.ts';

const [ACME, LOCAL] = ['acme.example', '__proto__'] as DomainName[] as [DomainName, DomainName];

/** A volume; `again` is what a new process of a roleid makes of it. */
function volume(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'dfsync-pauses-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, '.dfsync'));
  const again = async (roleid = 1) => {
    const pauses = new Pauses(realDisk(root), roleid);
    return { pauses, understood: await pauses.open() };
  };
  return { again, file: join(root, '.dfsync/paused.json') };
}

describe('a paused domain', () => {
  test('is told apart from others, and from what was so before', async t => {
    const { pauses, understood } = await volume(t).again();
    assert.equal(understood, true);
    assert.deepEqual(await pauses.pause([ACME, LOCAL], 1000), [ACME, LOCAL]);
    assert.deepEqual(await pauses.pause([ACME], 2000), []);
    assert.equal(pauses.since(ACME), 1000);
    assert.deepEqual(await pauses.resume([LOCAL]), [LOCAL]);
    assert.deepEqual(await pauses.resume([LOCAL]), []);
    assert.equal(pauses.reason(LOCAL), undefined);
    assert.match(
      pauses.reason(ACME)!,
      /^paused .* since 1970-01-01T00:00:01\.000Z; dfsync resume --domain acme\.example/,
    );
  });

  test('stays so, since the same time, whatever its name, until it is resumed', async t => {
    const { again } = volume(t);
    await (await again()).pauses.pause([ACME, LOCAL], 1000);
    const second = (await again()).pauses;
    assert.deepEqual([second.since(ACME), second.since(LOCAL)], [1000, 1000]);
    await Promise.all([second.resume([ACME]), second.resume([LOCAL])]);
    const third = (await again()).pauses;
    assert.deepEqual([third.since(ACME), third.since(LOCAL)], [undefined, undefined]);
  });

  test('is not one of another instance that takes the volume over', async t => {
    const { again } = volume(t);
    await (await again(1)).pauses.pause([ACME], 1000);
    const { pauses, understood } = await again(2);
    assert.deepEqual([understood, pauses.since(ACME)], [true, undefined]);
  });

  for (const [name, content] of [
    ['no JSON', '{"roleid": 1, "paused"'],
    ['something else', '{"roleid": 1, "paused": [{"domain": "acme.example", "since": "yesterday"}]}'],
  ] as const)
    test(`is forgotten where its file is ${name}, which is said, and written anew`, async t => {
      const { again, file } = volume(t);
      writeFileSync(file, content);
      const { pauses, understood } = await again();
      assert.deepEqual([understood, pauses.since(ACME)], [false, undefined]);
      await pauses.pause([ACME], 3000);
      assert.equal((await again()).pauses.since(ACME), 3000);
    });

  test('that cannot be written is so all the same, and is written once that is possible', async t => {
    const { again, file } = volume(t);
    const { pauses } = await again();
    mkdirSync(`${file}.new`);
    await assert.rejects(pauses.pause([ACME], 1000), { name: 'DiskError' });
    assert.equal(pauses.since(ACME), 1000);
    rmdirSync(`${file}.new`);
    assert.deepEqual(await pauses.pause([ACME], 2000), []);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { roleid: 1, paused: [{ domain: ACME, since: 1000 }] });
  });
});
