/** What a process with all its descendants takes, read from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second in which /proc tells CPU time: 100 on every Linux. */
const TICKS = 100;

/** Kilobytes of memory, summed over the processes of a tree. */
export interface Memory {
  /** Each shared page counted once, by shares: what would be free without the tree. */
  readonly pss: number;
  /** Shared pages counted in each process. */
  readonly rss: number;
  /** The most that each process ever had resident, summed although they need not have been at the same time. */
  readonly highest: number;
}

/** A process and its descendants, those that are alive. */
export function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statFields(Number(name))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(below)];
  return below(root);
}

/** Seconds of CPU that a tree has used since it was started; those of descendants that have ended are counted once they were waited for. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  // After the state and the parent: fields 14 to 17 of proc(5), utime, stime, cutime, cstime.
  for (const pid of treeOf(root)) for (const field of statFields(pid)?.slice(11, 15) ?? []) ticks += Number(field);
  return ticks / TICKS;
}

/** Memory of a tree at this moment. */
export function memoryOf(root: number): Memory {
  const sum = { pss: 0, rss: 0, highest: 0 };
  for (const pid of treeOf(root)) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    sum.pss += kilobytes(rollup, 'Pss');
    sum.rss += kilobytes(rollup, 'Rss');
    sum.highest += kilobytes(read(`/proc/${pid}/status`), 'VmHWM');
  }
  return sum;
}

/** Bytes that a process has caused to be written to the disk, whole pages. */
export function bytesWritten(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0);
}

/** A value of a file such as `smaps_rollup`, in kilobytes; 0 where it is not told. */
export function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
}

/** The fields of /proc/PID/stat from the state on: the name before them may hold anything. */
function statFields(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Empty where the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
