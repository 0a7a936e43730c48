/** An index in a map on which plans are carried out, with the checks that a disk would make. */
import assert from 'node:assert/strict';
import { type Entry, isEqual, isLive, isSameContent } from '../../src/core/entry.ts';
import { isBelow, parentOf, type RelPath } from '../../src/core/path.ts';
import type { Action, View } from '../../src/core/plan.ts';
import { sameVersion } from '../../src/core/version.ts';

export class ModelFolder implements View {
  /** Live entries of which nothing is on the disk. */
  readonly held = new Set<RelPath>();
  readonly #entries: Map<RelPath, Entry>;

  constructor(entries: Iterable<Entry> = []) {
    this.#entries = new Map([...entries].map(entry => [entry.path, entry]));
  }

  get(path: RelPath): Entry | undefined {
    return this.#entries.get(path);
  }

  liveChildren(directory: RelPath): number {
    return this.all().filter(entry => isLive(entry) && parentOf(entry.path) === directory).length;
  }

  liveBelow(directory: RelPath): Entry[] {
    return this.all().filter(entry => isLive(entry) && isBelow(entry.path, directory));
  }

  isHeld(path: RelPath): boolean {
    return this.held.has(path);
  }

  /** Every entry, by path. */
  all(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Carries actions out one by one; fails where a disk would refuse one, or the tree would not be a tree. */
  apply(actions: readonly Action[]): void {
    for (const action of actions) {
      this.#expect(action.entry.path, action.was);
      this.#applyOne(action);
      this.#expectTree(action);
    }
  }

  #applyOne(action: Action): void {
    const { entry } = action;
    switch (action.do) {
      case 'record':
        assert.ok(
          entry.kind === 'tombstone' ? !isLive(action.was) || isEqual(entry, action.was) : isEqual(entry, action.was!),
          'a record changes no disk',
        );
        break;
      case 'remove':
        assert.ok(isLive(action.was) && entry.kind === 'tombstone');
        assert.equal(this.liveChildren(entry.path), 0, `${entry.path} is not empty`);
        break;
      case 'mkdir':
        assert.ok(entry.kind === 'directory' && (action.was?.kind !== 'directory' || this.held.has(entry.path)));
        break;
      case 'rename':
        this.#expect(action.source.path, action.source);
        assert.ok(isLive(action.source) && action.was?.kind !== 'directory' && isSameContent(action.source, entry));
        this.#entries.set(action.tombstone.path, action.tombstone);
        break;
      case 'move': {
        const inside = this.liveBelow(action.source.path);
        assert.deepEqual(
          new Set(inside.map(({ path }) => path)),
          new Set(action.below.map(({ source }) => source.path)),
        );
        for (const { entry, was, source, tombstone } of [action, ...action.below]) {
          this.#expect(source.path, source);
          this.#expect(entry.path, was);
          assert.ok(!isLive(was) && isEqual(source, entry), `${source.path} needs more than another name`);
          assert.equal(entry.path, source.path.replace(action.source.path, action.entry.path));
          assert.equal(tombstone.path, source.path);
        }
        for (const { entry, tombstone } of action.below) {
          this.#entries.set(tombstone.path, tombstone);
          this.#entries.set(entry.path, entry);
        }
        this.#entries.set(action.tombstone.path, action.tombstone);
        break;
      }
      case 'chmod':
        assert.ok(entry.kind === action.was.kind && (entry.kind === 'directory' || isSameContent(entry, action.was)));
        break;
      case 'symlink':
      case 'fetch':
        assert.equal(entry.kind, action.do === 'symlink' ? 'symlink' : 'file');
        for (const tombstone of action.below) {
          assert.ok(isBelow(tombstone.path, entry.path) && isLive(this.get(tombstone.path)));
          this.#entries.set(tombstone.path, tombstone);
        }
        break;
      default:
        action satisfies never;
    }
    this.#entries.set(entry.path, entry);
  }

  #expect(path: RelPath, was: Entry | undefined): void {
    const is = this.get(path);
    const same = is && was ? isEqual(is, was) && sameVersion(is.version, was.version) : is === was;
    assert.ok(same, `${path}: planned upon ${JSON.stringify(was)}, is ${JSON.stringify(is)}`);
  }

  #expectTree(action: Action): void {
    for (const { path, kind } of this.all()) {
      const parent = parentOf(path);
      if (kind !== 'tombstone' && parent !== undefined)
        assert.equal(this.get(parent)?.kind, 'directory', `${path} stands in nothing after ${JSON.stringify(action)}`);
    }
  }
}
