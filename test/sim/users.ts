/**
 * What users do on a server: operations on the tree as it stands there, whoever put it there, recorded for the oracle as the
 * difference between before and after.
 */
import type { Domain } from '../../src/core/topology.ts';
import { SMALL_BYTES } from '../../src/sync/bundles.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { type History, NO_HISTORY, record, type State } from './oracle.ts';
import type { Chance } from './random.ts';
import { treeOf } from './tree.ts';

/** The kinds of operations, with how often each is done. */
export const OPERATIONS = {
  create: 12,
  edit: 12,
  editSameSize: 4,
  editWithOldDate: 3,
  append: 3,
  restore: 5,
  touch: 3,
  chmod: 5,
  chmodDirectory: 3,
  chown: 3,
  renameFile: 7,
  renameTree: 5,
  remove: 8,
  removeTree: 6,
  makeDirectory: 4,
  symlink: 4,
  fileForTree: 3,
  treeForFile: 3,
  unpack: 2,
  save: 3,
  flash: 2,
} as const;

export type Operation = keyof typeof OPERATIONS;

/** A file of every domain that nobody touches, so that a domain is never emptied. */
export const ANCHOR = 'anchor';

const NAMES = ['a', 'b', 'c', 'd'];
const MAX_DEPTH = 3;
const DAY_MS = 86_400_000;

/** A former state of a file. */
interface Former {
  readonly bytes: Uint8Array;
  readonly mtime: number;
  readonly mode: number;
}

export class Users {
  readonly histories = new Map<string, History>();
  readonly #former = new Map<string, Former[]>();
  /** Which content a path had with a size and date: another one must differ in them, as it does for real. */
  readonly #known = new Map<string, string>();
  #sizes = 0;

  /** Does an operation; answers what it came to, for the log. */
  perform(operation: Operation, disk: MemoryDisk, domain: Domain, who: Omit<Actor, 'disk' | 'directory'>): string {
    const before = treeOf(disk, domain.directory);
    const act = new Act(this, { ...who, disk, directory: domain.directory }, before);
    const said = act.run(operation);
    this.#tellApart(disk, domain);
    return this.#record(domain, before, treeOf(disk, domain.directory), who) ? said : `${said} (nothing changed)`;
  }

  /** Takes a whole tree as made by one user at once. */
  found(disk: MemoryDisk, domain: Domain, who: Pick<Actor, 'node' | 'operation'>): void {
    this.#record(domain, new Map(), treeOf(disk, domain.directory), who);
  }

  /** Sizes that no other content has. */
  freshSize(): number {
    return 24 + ++this.#sizes;
  }

  former(place: string): readonly Former[] {
    return this.#former.get(place) ?? [];
  }

  remember(place: string, former: Former): void {
    this.#former.set(place, [...this.former(place), former]);
  }

  #tellApart(disk: MemoryDisk, { directory }: Domain): void {
    for (const [path, state] of treeOf(disk, directory)) {
      if (state.kind !== 'file') continue;
      const place = `${directory}/${path}`;
      let { mtime } = state;
      const key = () => `${place} ${state.content.split('#')[1]} ${mtime}`;
      while ((this.#known.get(key()) ?? state.content) !== state.content) mtime++;
      this.#known.set(key(), state.content);
      if (mtime !== state.mtime) disk.setDate(place, mtime);
    }
  }

  #record(
    { name }: Domain,
    before: ReadonlyMap<string, State>,
    after: ReadonlyMap<string, State>,
    { node, operation }: Pick<Actor, 'node' | 'operation'>,
  ): boolean {
    const old = this.histories.get(name) ?? NO_HISTORY;
    let history = old;
    // Deletions deepest first, then what is new with parents first.
    for (const [path, state] of [...before].reverse())
      if (!after.has(path)) history = record(history, { node, operation, path, before: state, after: undefined });
    for (const [path, state] of after)
      history = record(history, { node, operation, path, before: before.get(path), after: state });
    this.histories.set(name, history);
    return history !== old;
  }
}

interface Actor {
  readonly node: number;
  /** Number of the operation. */
  readonly operation: number;
  readonly chance: Chance;
  readonly disk: MemoryDisk;
  readonly directory: string;
  /** Time on this server. */
  readonly now: number;
}

/** One operation. Where there is nothing to do it on, it does nothing. */
class Act {
  readonly #users: Users;
  readonly #is: Actor;
  readonly #tree: ReadonlyMap<string, State>;

  constructor(users: Users, actor: Actor, tree: ReadonlyMap<string, State>) {
    this.#users = users;
    this.#is = actor;
    this.#tree = tree;
  }

  run(operation: Operation): string {
    const path = this[operation]();
    return `${operation} ${path ?? 'nothing'}`;
  }

  create(): string | undefined {
    const path = this.#free();
    if (path !== undefined) this.#write(path, this.#size());
    return path;
  }

  edit(): string | undefined {
    return this.#onFile(path => this.#write(path, this.#size()));
  }

  editSameSize(): string | undefined {
    return this.#onFile((path, place) => this.#write(path, this.#is.disk.lstat(place)!.size));
  }

  editWithOldDate(): string | undefined {
    return this.#onFile((path, place) => {
      this.#write(path, this.#users.freshSize());
      this.#is.disk.setDate(place, this.#oldDate());
    });
  }

  append(): string | undefined {
    return this.#onFile((_, place) => this.#is.disk.append(place, Buffer.from(`+${this.#is.operation}`)));
  }

  restore(): string | undefined {
    return this.#onFile((path, place) => {
      const former = this.#users.former(place);
      if (former.length === 0) return;
      const { bytes, mtime, mode } = this.#is.chance.pick(former);
      this.#is.disk.writeFile(this.#at(path), bytes, mode);
      this.#is.disk.setDate(place, mtime);
    });
  }

  touch(): string | undefined {
    return this.#onFile((_, place) => this.#is.disk.setDate(place, this.#is.now));
  }

  chmod(): string | undefined {
    return this.#onFile((_, place) => this.#is.disk.chmod(place, this.#is.chance.pick([0o600, 0o640, 0o644, 0o755])));
  }

  chmodDirectory(): string | undefined {
    const path = this.#pick('directory');
    if (path !== undefined) this.#is.disk.chmod(this.#at(path), this.#is.chance.pick([0o500, 0o700, 0o750, 0o755]));
    return path;
  }

  chown(): string | undefined {
    return this.#onFile((_, place) => this.#is.disk.chown(place, this.#is.chance.int(1, 9), 5));
  }

  renameFile(): string | undefined {
    const { chance, disk } = this.#is;
    const from = this.#pick('file');
    const to = chance.chance(0.3) ? this.#pick('file') : this.#free();
    if (from === undefined || to === undefined || from === to) return undefined;
    disk.rename(this.#at(from), this.#at(to));
    return `${from} to ${to}`;
  }

  renameTree(): string | undefined {
    const from = this.#pick('directory');
    const to = this.#free();
    if (from === undefined || to === undefined || `${to}/`.startsWith(`${from}/`)) return undefined;
    this.#is.disk.rename(this.#at(from), this.#at(to));
    return `${from} to ${to}`;
  }

  remove(): string | undefined {
    const path = this.#pick('file', 'symlink');
    if (path !== undefined) this.#unlink(path);
    return path;
  }

  removeTree(): string | undefined {
    const path = this.#pick('directory');
    if (path !== undefined) this.#clear(path);
    return path;
  }

  makeDirectory(): string | undefined {
    const path = this.#free();
    if (path !== undefined) this.#is.disk.mkdir(this.#at(path), 0o755);
    return path;
  }

  symlink(): string | undefined {
    const path = this.#is.chance.chance(0.5) ? this.#free() : this.#pick('symlink', 'file');
    if (path === undefined) return undefined;
    if (this.#is.disk.lstat(this.#at(path))) this.#unlink(path);
    this.#is.disk.symlink(`to ${this.#is.operation}`, this.#at(path));
    return path;
  }

  fileForTree(): string | undefined {
    const path = this.#pick('directory');
    if (path === undefined) return undefined;
    this.#clear(path);
    this.#write(path, this.#size());
    return path;
  }

  treeForFile(): string | undefined {
    const path = this.#pick('file', 'symlink');
    if (path === undefined) return undefined;
    this.#unlink(path);
    this.#is.disk.mkdir(this.#at(path), 0o755);
    for (const name of this.#names(2)) this.#write(`${path}/${name}`, this.#size());
    return path;
  }

  /** An archive: files of one size and date. */
  unpack(): string | undefined {
    const path = this.#free();
    if (path === undefined) return undefined;
    this.#is.disk.mkdir(this.#at(path), 0o755);
    const size = this.#users.freshSize();
    const date = this.#oldDate();
    for (const name of this.#names(3)) {
      this.#write(`${path}/${name}`, size);
      this.#is.disk.setDate(this.#at(`${path}/${name}`), date);
    }
    return path;
  }

  /** As editors save: written beside, renamed over. */
  save(): string | undefined {
    return this.#onFile((path, place) => {
      this.#write(`${path}~`, this.#size());
      this.#is.disk.rename(`${place}~`, place);
    });
  }

  /** A temporary file that comes and goes. */
  flash(): string | undefined {
    const path = this.#free();
    if (path === undefined) return undefined;
    this.#write(path, 10);
    this.#unlink(path);
    return path;
  }

  #onFile(act: (path: string, place: string) => void): string | undefined {
    const path = this.#pick('file');
    if (path !== undefined) act(path, this.#at(path));
    return path;
  }

  #pick(...kinds: readonly State['kind'][]): string | undefined {
    const paths = [...this.#tree]
      .filter(([path, { kind }]) => path !== ANCHOR && kinds.includes(kind))
      .map(([path]) => path);
    return paths.length === 0 ? undefined : this.#is.chance.pick(paths);
  }

  /** A path where nothing stands, in a directory that does. */
  #free(): string | undefined {
    const { chance } = this.#is;
    const inDirectory = chance.chance(0.6) ? this.#pick('directory') : undefined;
    const path = inDirectory === undefined ? chance.pick(NAMES) : `${inDirectory}/${chance.pick(NAMES)}`;
    return this.#tree.has(path) || path.split('/').length > MAX_DEPTH ? undefined : path;
  }

  #names(most: number): string[] {
    return this.#is.chance.shuffle(NAMES).slice(0, this.#is.chance.int(1, most));
  }

  #size(): number {
    const fresh = this.#users.freshSize();
    return this.#is.chance.chance(0.03) ? SMALL_BYTES + fresh : fresh;
  }

  #oldDate(): number {
    return this.#is.now - this.#is.chance.int(1, 300) * DAY_MS;
  }

  #write(path: string, size: number): void {
    const { disk, operation, node } = this.#is;
    const id = `${operation}@${node}:${path}`;
    const bytes = new Uint8Array(Math.max(size, id.length + 1)).fill(46);
    bytes.set(Buffer.from(`${id}\n`));
    this.#keepFormer(path);
    disk.writeFile(this.#at(path), bytes, disk.lstat(this.#at(path))?.mode ?? 0o644);
  }

  #keepFormer(path: string): void {
    const place = this.#at(path);
    const stat = this.#is.disk.lstat(place);
    if (stat?.kind === 'file')
      this.#users.remember(place, { bytes: this.#is.disk.readFile(place), mtime: stat.mtime, mode: stat.mode });
  }

  #unlink(path: string): void {
    this.#keepFormer(path);
    this.#is.disk.unlink(this.#at(path));
  }

  #clear(directory: string): void {
    const below = [...this.#tree].filter(([path]) => path.startsWith(`${directory}/`)).reverse();
    for (const [path, { kind }] of below)
      kind === 'directory' ? this.#is.disk.rmdir(this.#at(path)) : this.#unlink(path);
    this.#is.disk.rmdir(this.#at(directory));
  }

  #at(path: string): string {
    return `${this.#is.directory}/${path}`;
  }
}
