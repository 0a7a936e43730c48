import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../src/core/entry.ts';
import type { DomainName, RelPath } from '../src/core/path.ts';
import { lastChanges } from '../src/service-changes.ts';
import { Feed } from '../src/sync/feed.ts';

test('the newest changes are told once each, as they are now, and no more than a screen of them', () => {
  const feed = new Feed('e');
  const domain = 'acme.example' as DomainName;
  const entries = new Map<string, Entry>();
  const change = (path: string, entry: Partial<Entry>, via?: string) => {
    const seen = { kind: 'file', size: 1, mtime: 5, mode: 0o644, version: { 1: 10 } } as const;
    entries.set(path, { ...seen, path: path as RelPath, ...entry });
    feed.append(domain, path as RelPath, via);
  };
  for (let i = 0; i < 60; i++) change(`old/${i}`, {});
  change('a', { size: 1 });
  change('a', { size: 2, version: { 1: 10, 2: 20 } }, 'south');
  change('b', { kind: 'tombstone', size: 0, version: { 1: 30 } });
  change('c', { version: { 0: 40 }, from: { path: 'd' as RelPath, version: { 1: 1 } } });
  change('e', { kind: 'directory', size: 0, version: { 0: 0 } });
  feed.append(domain, undefined, undefined);
  const folders = new Map([[domain, { get: (path: string) => entries.get(path) }]]);
  const names = new Map([
    [1, 'one'],
    [2, 'two'],
  ]);
  const changes = lastChanges(feed, folders, names);
  assert.equal(changes.length, 50);
  assert.deepEqual(changes.slice(0, 5), [
    { domain, path: 'e', kind: 'directory', size: 0 },
    { domain, path: 'c', kind: 'file', size: 1, from: 'd', at: 40 },
    { domain, path: 'b', kind: 'tombstone', size: 0, at: 30, by: 'one' },
    { domain, path: 'a', kind: 'file', size: 2, at: 20, by: 'two', via: 'south' },
    { domain, path: 'old/59', kind: 'file', size: 1, at: 10, by: 'one' },
  ]);
});
