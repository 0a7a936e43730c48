/** The charts of growth. */
import type { Chart, Point } from './curve.ts';

/** Measured points by the names of their lines. */
export type Points = ReadonlyMap<string, readonly Point[]>;

/** Every chart, with the points that there are. */
export function chartsOf(points: Points): Chart[] {
  const line = (label: string, name: string) => ({ label, points: points.get(name) ?? [] });
  const seconds = 'seconds';
  const files = 'files, 100 in a directory';
  return [
    {
      name: 'first-sync',
      title: 'First sync to an empty peer',
      x: files,
      y: seconds,
      lines: [line('dfsync', 'first-sync dfsync'), line('rsync -a', 'first-sync rsync')],
    },
    {
      name: 'scan',
      title: 'Scan that finds nothing new',
      x: files,
      y: seconds,
      lines: [line('dfsync', 'scan dfsync'), line('find -printf', 'scan find')],
    },
    { name: 'memory', title: 'Memory at rest', x: files, y: 'MB (PSS)', lines: [line('dfsync', 'memory')] },
    { name: 'restart', title: 'Restart until ready', x: files, y: seconds, lines: [line('dfsync', 'restart')] },
    {
      name: 'quiet-cpu',
      title: 'A quiet minute: CPU time of each of two',
      x: files,
      y: 'CPU seconds',
      lines: [line('dfsync', 'quiet cpu')],
    },
    {
      name: 'quiet-traffic',
      title: 'A quiet minute: traffic between two',
      x: files,
      y: 'KB',
      lines: [line('dfsync', 'quiet wire')],
    },
    {
      name: 'latency',
      title: 'One file until all peers have it',
      x: 'peers',
      y: 'milliseconds',
      lines: [line('median', 'latency median'), line('worst', 'latency worst')],
    },
  ];
}
