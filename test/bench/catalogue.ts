/** All works, in the order in which they are measured. */
import { bursts } from './bursts.ts';
import { fanOut, firstSync } from './first-sync.ts';
import { large } from './large-file.ts';
import { crossSite, latency } from './latency.ts';
import { million } from './million.ts';
import { oneChange } from './one-change.ts';
import { quiet } from './quiet.ts';
import { rename } from './rename.ts';
import type { Work } from './work.ts';

export const WORKS: readonly Work[] = [
  firstSync,
  large,
  fanOut,
  latency,
  crossSite,
  bursts,
  million,
  quiet,
  rename,
  oneChange,
];
