import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Journal, type JournalRecord } from '../../src/folder/journal.ts';
import { Crash, MemoryDisk } from '../sim/memory-disk.ts';
import { file, pathOf, tombstone } from '../support/entries.ts';

const CURRENT = 'c/journal.jsonl';
const is = (path: string, stamp = 1): JournalRecord => ({ is: file(path, { 1: stamp }) });

function opened(): { disk: MemoryDisk; journal: Journal } {
  const disk = new MemoryDisk({ now: () => 0 });
  disk.mkdir('c', 0o700);
  return { disk, journal: new Journal(disk, 'c') };
}

/** What a process finds that starts now. */
const replayed = (disk: MemoryDisk) => new Journal(disk.mount(), 'c').read();

/** The journal of a process that starts now: it replays, then goes on. */
function restarted(disk: MemoryDisk): Journal {
  const journal = new Journal(disk.mount(), 'c');
  journal.read();
  return journal;
}

describe('the journal', () => {
  it('gives back what was appended, in order, whatever the names', () => {
    const { disk, journal } = opened();
    const records: JournalRecord[] = [
      { is: file('a\nb \udcff'), identity: { inode: 7, birth: 1.25 }, kept: { mtime: 2000, mode: 0o755 } },
      { will: file('b'), staged: true },
      { will: tombstone('c') },
      { drop: pathOf('d') },
    ];
    journal.append(records.slice(0, 1));
    journal.append([]);
    journal.append(records.slice(1));
    assert.deepEqual(replayed(disk), records);
  });

  it('is empty where there is none', () => assert.deepEqual(replayed(opened().disk), []));

  it('ignores a last line that a crash cut off, and loses nothing that is appended after it', () => {
    const { disk, journal } = opened();
    journal.append([is('a')]);
    const dying = disk.mount();
    dying.failAfter(0, true);
    assert.throws(() => new Journal(dying, 'c').append([is('cut'), is('off')]), Crash);
    const [first, ...torn] = replayed(disk);
    assert.deepEqual(first, is('a'));
    assert.ok(torn.length <= 1);
    restarted(disk).append([is('b'), is('c')]);
    assert.deepEqual(replayed(disk), [first, ...torn, is('b'), is('c')]);
  });

  it('cut off at any byte it gives the lines before the cut, and all that is appended after it', () => {
    const { disk, journal } = opened();
    const records = [is('a'), { drop: pathOf('b') }, is('c\udc80')];
    journal.append(records);
    const bytes = disk.readFile(CURRENT);
    for (let cut = 0; cut <= bytes.length; cut++) {
      disk.writeFile(CURRENT, bytes.subarray(0, cut), 0o600);
      restarted(disk).append([is('later')]);
      const found = replayed(disk);
      assert.deepEqual(found.pop(), is('later'), `cut at ${cut}`);
      assert.deepEqual(found, records.slice(0, found.length), `cut at ${cut}`);
    }
  });

  it('loses nothing that is appended after a line of which a full disk took a part', () => {
    const { disk, journal } = opened();
    journal.append([is('a')]);
    disk.refuse(mutation => (mutation ? 'ENOSPC' : undefined));
    assert.throws(() => journal.append([is('cut'), is('off')]), /ENOSPC/);
    disk.refuse(() => undefined);
    journal.append([is('b'), is('c')]);
    journal.append([is('d')]);
    const found = replayed(disk);
    assert.deepEqual([found[0], ...found.slice(-3)], [is('a'), is('b'), is('c'), is('d')]);
    assert.ok(found.length <= 5);
  });

  it('ignores lines that are no records', () => {
    const { disk } = opened();
    disk.writeFile(CURRENT, Buffer.from(`null\n7\n{"is":\n${JSON.stringify(is('a'))}\n`), 0o600);
    assert.deepEqual(replayed(disk), [is('a')]);
  });
});

describe('a line that nobody here has written', () => {
  const entry = file('a', { 1: 1 });
  const lines: Record<string, unknown> = {
    'a list': [],
    nothing: {},
    'an entry without a path': { is: { ...entry, path: undefined } },
    'an entry that leads out': { is: { ...entry, path: '../a' } },
    'an entry of no kind': { is: { ...entry, kind: 'pipe' } },
    'an entry without a version': { is: { ...entry, version: {} } },
    'an entry that is none': { is: 7 },
    'a symlink without a target': { is: { ...entry, kind: 'symlink' } },
    'an identity that is none': { is: entry, identity: 7 },
    'attributes that are none': { is: entry, kept: { mode: 'x' } },
    'an intent that is none': { will: 'a' },
    'an intent from outside': { will: entry, moved: 'd/../../etc/passwd' },
    'an intent from the root': { will: entry, moved: 'outside' },
    'outcomes that are none': { did: 7 },
    'an outcome that is none': { did: [7] },
    'content of nothing': { unsynced: {} },
    'a path that is none': { drop: 7 },
  };
  for (const [name, line] of Object.entries(lines))
    it(`is ignored: ${name}`, () => {
      const { disk } = opened();
      disk.writeFile(CURRENT, Buffer.from(`${JSON.stringify(line)}\n${JSON.stringify(is('b'))}\n`), 0o600);
      assert.deepEqual(replayed(disk), [is('b')]);
    });
});

describe('a flush', () => {
  it('that has ended leaves what was appended since it began', () => {
    const { disk, journal } = opened();
    journal.append([is('a')]);
    journal.rotate();
    assert.equal(journal.bytes, 0);
    journal.append([is('b')]);
    assert.deepEqual(replayed(disk), [is('a'), is('b')]);
    journal.discardBefore();
    assert.deepEqual(replayed(disk), [is('b')]);
  });

  it('that failed loses nothing, and the order stays', () => {
    const { disk, journal } = opened();
    journal.append([is('a', 1)]);
    journal.rotate();
    journal.append([is('a', 2)]);
    journal.rotate();
    journal.append([is('a', 3)]);
    assert.deepEqual(replayed(disk), [is('a', 1), is('a', 2), is('a', 3)]);
  });

  it('of nothing is nothing', () => {
    const { disk, journal } = opened();
    journal.rotate();
    journal.discardBefore();
    assert.deepEqual(disk.list('c'), []);
  });

  it('is due by bytes, those of a former process counted', () => {
    const { disk, journal } = opened();
    journal.append([is('a')]);
    const next = new Journal(disk.mount(), 'c');
    next.read();
    assert.ok(next.bytes > 0);
    assert.equal(next.bytes, journal.bytes);
  });
});
