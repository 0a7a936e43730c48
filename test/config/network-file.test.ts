import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FollowTimes } from '../../src/config/follow.ts';
import type { Parsed } from '../../src/config/network.ts';
import { NetworkFile } from '../../src/config/network-file.ts';
import { oneSite, server, valid } from './networks.ts';

/** So rarely that only an event can bring a change. */
const BY_EVENT: FollowTimes = { quietMs: 20, pollMs: 3_600_000 };

const text = (...ids: number[]) => JSON.stringify(oneSite(...ids.map(id => server(id))));
const count = (parsed: Parsed | undefined) => (parsed === undefined ? undefined : valid(parsed).instances.length);

/** What was reported, to be waited for. */
class Reports {
  readonly all: Parsed[] = [];
  #wake: (() => void) | undefined;

  readonly take = (parsed: Parsed): void => {
    this.all.push(parsed);
    this.#wake?.();
  };

  async next(wanted: (parsed: Parsed) => boolean): Promise<Parsed> {
    for (;;) {
      const found = this.all.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  ofSize(instances: number): Promise<Parsed> {
    return this.next(parsed => 'network' in parsed && parsed.network.instances.length === instances);
  }
}

// What is waited for and never comes fails here.
describe('the file of the description', { timeout: 30_000 }, () => {
  let directory: string;
  let file: string;
  let stop: AbortController;
  let reports: Reports;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dfsync-config-'));
    file = join(directory, 'network.json');
    stop = new AbortController();
    reports = new Reports();
  });
  afterEach(() => {
    stop.abort();
    rmSync(directory, { recursive: true });
  });

  const loaded = (...ids: number[]) => {
    writeFileSync(file, text(...ids));
    const description = new NetworkFile(file);
    assert.equal(count(description.load()), ids.length);
    return description;
  };

  for (const [name, prepare, message] of [
    ['is missing', () => {}, /cannot read .*network\.json: there is no such file/],
    ['is a directory', () => mkdirSync(file), /no regular file/],
    ['is not its own end', () => symlinkSync(file, file), /cannot read/],
  ] as const)
    it(`says so where it ${name}`, () => {
      prepare();
      const parsed = new NetworkFile(file).load();
      assert.ok('problems' in parsed);
      assert.match(parsed.problems[0]!.message, message);
    });

  it('is reported when it is written, and when it is replaced by rename', async () => {
    loaded(1).follow(reports.take, stop.signal, BY_EVENT);
    writeFileSync(file, text(1, 2));
    await reports.ofSize(2);
    writeFileSync(`${file}.new`, text(1, 2, 3));
    renameSync(`${file}.new`, file);
    await reports.ofSize(3);
  });

  it('is reported with its problems, then valid again', async () => {
    loaded(1).follow(reports.take, stop.signal, BY_EVENT);
    writeFileSync(file, '{ "sites": 7 }');
    const refused = await reports.next(parsed => 'problems' in parsed);
    assert.ok('problems' in refused);
    assert.deepEqual(
      refused.problems.map(problem => problem.path),
      ['sites'],
    );
    writeFileSync(file, text(1, 2));
    await reports.ofSize(2);
  });

  it('is reported when it goes away', async () => {
    loaded(1).follow(reports.take, stop.signal, BY_EVENT);
    rmSync(file);
    const gone = await reports.next(parsed => 'problems' in parsed);
    assert.ok('problems' in gone && /no such file/.test(gone.problems[0]!.message));
  });

  it('is reported when Kubernetes swaps the directory behind it', async () => {
    const publish = (version: string, content: string) => {
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, 'network.json'), content);
      symlinkSync(version, join(directory, '..data_tmp'));
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    };
    publish('..v1', text(1));
    symlinkSync('..data/network.json', file);
    const description = new NetworkFile(file);
    description.load();
    description.follow(reports.take, stop.signal, BY_EVENT);
    publish('..v2', text(1, 2));
    await reports.ofSize(2);
  });

  it('is reported when it changed between load and follow', async () => {
    const description = loaded(1);
    writeFileSync(file, text(1, 2));
    description.follow(reports.take, stop.signal, BY_EVENT);
    await reports.ofSize(2);
  });

  it('is found by polling where no event comes: behind a symlink, in a directory that was replaced', async t => {
    const target = mkdtempSync(join(tmpdir(), 'dfsync-elsewhere-'));
    t.after(() => rmSync(target, { recursive: true }));
    writeFileSync(join(target, 'real.json'), text(1));
    symlinkSync(join(target, 'real.json'), file);
    const description = new NetworkFile(file);
    description.load();
    description.follow(reports.take, stop.signal, { quietMs: 20, pollMs: 20 });
    writeFileSync(join(target, 'real.json'), text(1, 2));
    await reports.ofSize(2);
    rmSync(target, { recursive: true });
    await reports.next(parsed => 'problems' in parsed);
    mkdirSync(target);
    writeFileSync(join(target, 'real.json'), text(1, 2, 3));
    await reports.ofSize(3);
  });

  it('is reported once per change of its content', async () => {
    loaded(1).follow(reports.take, stop.signal, BY_EVENT);
    writeFileSync(file, text(1));
    writeFileSync(join(directory, 'other'), 'x');
    writeFileSync(file, text(1, 2));
    await reports.ofSize(2);
    writeFileSync(file, text(1, 2));
    writeFileSync(file, text(1, 2, 3));
    await reports.ofSize(3);
    assert.deepEqual(reports.all.map(count), [2, 3]);
  });

  it('is no longer followed after the signal', async () => {
    loaded(1).follow(reports.take, stop.signal, BY_EVENT);
    const other = new AbortController();
    const witness = new Reports();
    const second = new NetworkFile(file);
    second.load();
    second.follow(witness.take, other.signal, BY_EVENT);
    stop.abort();
    writeFileSync(file, text(1, 2));
    await witness.ofSize(2);
    other.abort();
    assert.deepEqual(reports.all, []);
  });
});
