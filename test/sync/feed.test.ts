import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import { Feed } from '../../src/sync/feed.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { pathOf } from '../support/entries.ts';

const ACME = 'acme' as DomainName;
const CAPACITY = 1_048_576;

function filled(count: number): Feed {
  const feed = new Feed('e1');
  for (let i = 1; i <= count; i++) feed.append(ACME, pathOf(`p${i}`), undefined);
  return feed;
}

const pathsAfter = (feed: Feed, since: number) => [...feed.after(since)].map(({ path }) => path);

describe('the feed', () => {
  it('gives what came after a cursor, oldest first', () => {
    const feed = filled(5);
    assert.equal(feed.sequence, 5);
    assert.deepEqual(pathsAfter(feed, 3), ['p4', 'p5']);
    assert.deepEqual(pathsAfter(feed, 5), []);
    assert.deepEqual([...feed.after(4)], [{ sequence: 5, domain: ACME, path: 'p5', via: undefined }]);
  });

  it('tells of each change whose it is and where it came from', () => {
    const feed = new Feed('e1');
    const changes: [domain: string, via: string | undefined][] = [
      ['acme', undefined],
      ['acme', 'south'],
      ['beta', 'south'],
      ['acme', undefined],
    ];
    for (const [domain, via] of changes) feed.append(domain as DomainName, pathOf('p'), via);
    assert.deepEqual(
      [...feed.after(0)].map(({ domain, via }) => [domain, via]),
      changes,
    );
  });

  it('covers as much as it remembers, and nothing of the future', () => {
    const feed = filled(CAPACITY + 10);
    const cases: [since: number, covered: boolean][] = [
      [0, false],
      [9, false],
      [10, true],
      [CAPACITY + 10, true],
      [CAPACITY + 11, false],
    ];
    for (const [since, covered] of cases) assert.equal(feed.covers(since), covered, `${since}`);
    const all = pathsAfter(feed, 10);
    assert.deepEqual([all.length, all[0], all.at(-1)], [CAPACITY, 'p11', `p${CAPACITY + 10}`]);
  });

  it('new and empty covers its beginning', () => {
    assert.ok(new Feed('e1').covers(0));
    assert.ok(!new Feed('e1').covers(1));
  });
});

describe('who waits for news', () => {
  const clock = new VirtualClock(0);
  /** Waits for an hour; answers whether that is over. */
  const waiting = (feed: Feed, signal = new AbortController().signal) => {
    const wait = { isOver: false };
    void feed.news(3_600_000, clock.view(), signal).then(() => {
      wait.isOver = true;
    });
    return wait;
  };

  it('hears of a change, all of them once', async () => {
    const feed = new Feed('e1');
    const waits = [waiting(feed), waiting(feed)];
    feed.append(ACME, pathOf('p'), 'south');
    await clock.settle();
    assert.ok(waits.every(({ isOver }) => isOver));
  });

  it('hears of a heartbeat', async () => {
    const feed = new Feed('e1');
    const wait = waiting(feed);
    feed.beat();
    await clock.settle();
    assert.ok(wait.isOver);
    assert.equal(feed.sequence, 0);
  });

  it('waits no longer than it wants to', async () => {
    const feed = new Feed('e1');
    const stop = new AbortController();
    const waits = [waiting(feed, AbortSignal.abort()), waiting(feed, stop.signal), waiting(feed)];
    const ended = () => waits.map(({ isOver }) => isOver);
    await clock.settle();
    assert.deepEqual(ended(), [true, false, false]);
    stop.abort();
    await clock.settle();
    assert.deepEqual(ended(), [true, true, false]);
    await clock.run(clock.now() + 3_600_000);
    assert.deepEqual(ended(), [true, true, true]);
  });

  it('does not hear of what came before', async () => {
    const feed = filled(3);
    const wait = waiting(feed);
    await clock.settle();
    assert.equal(wait.isOver, false);
    feed.append(ACME, undefined, undefined);
    await clock.settle();
    assert.ok(wait.isOver);
  });
});
