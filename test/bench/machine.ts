/** The machine on which was measured, and what else ran on it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { VERSION } from '../../src/program-version.ts';
import type { Room } from './work.ts';

/** What a figure depends on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memory: string;
  readonly directory: string;
  readonly fileSystem: string;
  readonly kernel: string;
  readonly node: string;
  readonly rsync: string;
  readonly dfsync: string;
  /** Load averages of 1, 5 and 15 minutes before anything was started. */
  readonly load: string;
  readonly at: string;
}

/** Asks it. */
export function describeMachine(directory: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    directory,
    fileSystem: fileSystemOf(directory, readFileSync('/proc/self/mountinfo', 'utf8')),
    kernel: release(),
    node: process.version,
    rsync: /version (\S+)/.exec(said('rsync', '--version'))?.[1] ?? 'none',
    dfsync: [VERSION, said('git', '-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD').trim()].join(' '),
    load: loadavg()
      .map(each => each.toFixed(2))
      .join(' '),
    at: new Date().toISOString().slice(0, 16).replace('T', ' '),
  };
}

/** One line for each fact. */
export function renderMachine(machine: Readonly<Record<string, unknown>> | Machine): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`).padEnd(12)} ${value}`)
    .join('\n');
}

/** The type of the file system of a directory, from the text of `/proc/self/mountinfo`. */
export function fileSystemOf(directory: string, mounts: string): string {
  const path = realpathSync(directory);
  let best = { point: '', type: 'unknown' };
  for (const line of mounts.split('\n')) {
    const [before, after] = line.split(' - ');
    const point = before?.split(' ')[4];
    if (point === undefined || after === undefined || point.length < best.point.length) continue;
    if (point === '/' || path === point || path.startsWith(`${point}/`)) best = { point, type: after.split(' ')[0]! };
  }
  return best.type;
}

/** Why there is not room enough in a directory, or undefined. */
export function lackOf({ bytes, files }: Room, directory: string): string | undefined {
  const { bavail, bsize, ffree, files: inodes } = statfsSync(directory);
  if (bavail * bsize < bytes)
    return `${directory} has ${gigabytes(bavail * bsize)} free, ${gigabytes(bytes)} are needed: say --directory, or --scale`;
  // Some file systems make inodes as they need them and tell 0.
  if (inodes > 0 && ffree < files)
    return `${directory} has ${ffree} free inodes, ${Math.ceil(files)} are needed: say --directory, or --scale`;
  return undefined;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function said(file: string, ...args: string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
