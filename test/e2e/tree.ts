/** A directory tree as a value, read independently of the program under test, and how two of them differ. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** Everything that synchronised trees must agree on, of one path. */
export interface TreeNode {
  readonly kind: 'file' | 'directory' | 'symlink' | 'special';
  /** Bytes of a file, else 0. */
  readonly size: number;
  /** Date of a file in milliseconds, rounded down; else 0 (dates of directories and symlinks are not synchronised). */
  readonly mtime: number;
  /** Permission bits; 0 for a symlink. */
  readonly mode: number;
  /** Where a symlink points, as latin1. */
  readonly target?: string;
  /** SHA-256 of a file's content, where asked for. */
  readonly hash?: string;
}

/** Nodes by path relative to the tree's root. Names are bytes: each is one latin1 character, so that any name can be told. */
export type Tree = ReadonlyMap<string, TreeNode>;

const SLASH = Buffer.from('/');
const PRIVATE = Buffer.from('.dfsync');
const CHUNK = Buffer.alloc(1 << 20);
/** A report of more lines than this helps nobody. */
const MAX_LINES = 20;

/** Reads a tree; what vanishes while it is read is left out, as is the program's private directory. A missing root is an empty tree. */
export function readTree(root: string | Buffer, want: { content: boolean } = { content: false }): Tree {
  const tree = new Map<string, TreeNode>();
  readInto(tree, Buffer.from(root), Buffer.alloc(0), want.content);
  return tree;
}

/** One line per path at which the trees differ; none: they are equal. */
export function differences(a: Tree, b: Tree): string[] {
  const lines: string[] = [];
  for (const [path, left] of a) {
    const right = b.get(path);
    if (right === undefined) lines.push(`- ${show(path)} (${left.kind})`);
    else {
      const fields = differingFields(left, right);
      if (fields.length > 0) lines.push(`! ${show(path)}: ${fields.join(', ')}`);
    }
  }
  for (const [path, right] of b) if (!a.has(path)) lines.push(`+ ${show(path)} (${right.kind})`);
  return lines;
}

/**
 * Asserts that two trees are equal.
 *
 * @throws with a short diff: `-` only in the first, `+` only in the second, `!` differs
 */
export function assertSameTree(a: Tree, b: Tree, names: readonly [string, string]): void {
  const lines = differences(a, b);
  if (lines.length === 0) return;
  const more = lines.length > MAX_LINES ? `\n  … and ${lines.length - MAX_LINES} more` : '';
  throw new Error(
    `${names[0]} and ${names[1]} differ at ${lines.length} paths:\n  ${lines.slice(0, MAX_LINES).join('\n  ')}${more}`,
  );
}

/** The key that a path given as text has in a {@link Tree}. */
export function key(path: string | Buffer): string {
  return Buffer.from(path).toString('latin1');
}

function readInto(tree: Map<string, TreeNode>, root: Buffer, at: Buffer, content: boolean): void {
  const directory = at.length === 0 ? root : Buffer.concat([root, SLASH, at]);
  for (const name of orMissing(() => readdirSync(directory, { encoding: 'buffer' })) ?? []) {
    if (name.equals(PRIVATE)) continue;
    const path = at.length === 0 ? name : Buffer.concat([at, SLASH, name]);
    const node = orMissing(() => readNode(Buffer.concat([root, SLASH, path]), content));
    if (node === undefined) continue;
    tree.set(path.toString('latin1'), node);
    if (node.kind === 'directory') readInto(tree, root, path, content);
  }
}

function readNode(path: Buffer, content: boolean): TreeNode {
  const stat = lstatSync(path, { bigint: true });
  const mode = Number(stat.mode & 0o777n);
  if (stat.isDirectory()) return { kind: 'directory', size: 0, mtime: 0, mode };
  if (stat.isSymbolicLink()) {
    return {
      kind: 'symlink',
      size: 0,
      mtime: 0,
      mode: 0,
      target: readlinkSync(path, { encoding: 'buffer' }).toString('latin1'),
    };
  }
  if (!stat.isFile()) return { kind: 'special', size: 0, mtime: 0, mode };
  const file = { kind: 'file', size: Number(stat.size), mtime: milliseconds(stat.mtimeNs), mode } as const;
  return content ? { ...file, hash: hashOf(path) } : file;
}

function milliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n) - (ns % 1_000_000n < 0n ? 1 : 0);
}

function hashOf(path: Buffer): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  try {
    for (let n = readSync(fd, CHUNK); n > 0; n = readSync(fd, CHUNK)) hash.update(CHUNK.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

function differingFields(a: TreeNode, b: TreeNode): string[] {
  const fields = ['kind', 'size', 'mtime', 'mode', 'target', 'hash'] as const;
  return fields.filter(field => a[field] !== b[field]).map(field => `${field} ${value(field, a)} / ${value(field, b)}`);
}

function value(field: keyof TreeNode, node: TreeNode): string {
  if (field === 'mode') return node.mode.toString(8).padStart(4, '0');
  return field === 'hash' ? String(node.hash?.slice(0, 12)) : String(node[field]);
}

function show(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 60)}…${path.slice(-50)}` : path);
}

function orMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
