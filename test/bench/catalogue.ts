/** All works, in the order in which they are measured. */
import { bursts } from './bursts.ts';
import { fanOut, firstSync, large } from './first-sync.ts';
import { million } from './million.ts';
import type { Work } from './work.ts';

export const WORKS: readonly Work[] = [firstSync, large, fanOut, bursts, million];
