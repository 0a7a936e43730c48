import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import { Feed } from '../../src/sync/feed.ts';
import { pathOf } from '../support/entries.ts';

const ACME = 'acme' as DomainName;
const CAPACITY = 262_144;

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
  it('hears of a change, all of them once', async () => {
    const feed = new Feed('e1');
    const signal = new AbortController().signal;
    const waiting = [feed.news(signal), feed.news(signal)];
    feed.append(ACME, pathOf('p'), 'south');
    await Promise.all(waiting);
  });

  it('hears of a heartbeat', async () => {
    const feed = new Feed('e1');
    const news = feed.news(new AbortController().signal);
    feed.beat();
    await news;
    assert.equal(feed.sequence, 0);
  });

  it('waits no longer than it wants to', async () => {
    const feed = new Feed('e1');
    await feed.news(AbortSignal.abort());
    const stop = new AbortController();
    const news = feed.news(stop.signal);
    stop.abort();
    await news;
  });

  it('does not hear of what came before', async () => {
    const feed = filled(3);
    let heard = false;
    const news = feed.news(new AbortController().signal).then(() => {
      heard = true;
    });
    await Promise.resolve();
    assert.equal(heard, false);
    feed.append(ACME, undefined, undefined);
    await news;
  });
});
