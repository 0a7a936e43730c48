/** How far a domain has come on an instance, how fast, and for how long yet. */

/** What a file costs besides its bytes, so that a thousand small ones do not pass for one of their sum. */
const FILE_COST_BYTES = 16 * 1024;
/** A rate that people read: not that of one answer, nor that of a minute ago. */
const RATE_OVER_MS = 3_000;
/** What is left is told from the pace of so long; a first pull comes in bursts. */
const PACE_OVER_MS = 10_000;
/** A shorter time says nothing about the pace. */
const PACE_FROM_MS = 1_000;
/** Nor does less of the whole: the first answers bring little. */
const PACE_FROM_SHARE = 0.01;

/** How much there is of something. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** What was known at one moment. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Work that is done, see {@link workOf}. */
  readonly work: number;
  /** Bytes of files received since the instance started. */
  readonly received: number;
}

/** How far a domain has come. */
export interface Progress {
  /** From 0 to 1; absent where nobody knows yet what there is in all. */
  readonly share?: number;
  /** Absent where there is no basis for an estimate yet. */
  readonly remainingMs?: number;
}

/** What it takes to fetch so much, in bytes. */
export function workOf({ files, bytes }: Amount): number {
  return bytes + files * FILE_COST_BYTES;
}

/** The samples with a newer one, without those that are of no use any more. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  // A counter that fell was started anew.
  const kept = last !== undefined && sample.received < last.received ? [] : samples;
  return [...kept.filter(({ at }) => at >= sample.at - PACE_OVER_MS), sample];
}

/** Bytes received in a second, of late; 0 from less than two samples. */
export function rateOf(samples: readonly Sample[]): number {
  return paceOf(samples, RATE_OVER_MS, 1, ({ received }) => received) * 1000;
}

/** How far it has come to a total amount of work. */
export function progressOf(samples: readonly Sample[], total: number | undefined): Progress {
  const now = samples.at(-1);
  if (now === undefined || !total) return {};
  // The time before anything came is no part of the pace.
  const begun = samples.slice(samples.findIndex(({ work }, i) => work !== samples[i + 1]?.work));
  const pace = paceOf(begun, PACE_OVER_MS, PACE_FROM_MS, ({ work }) => work);
  const share = Math.min(1, now.work / total);
  const gained = (now.work - begun[0]!.work) / total;
  return pace > 0 && gained >= PACE_FROM_SHARE
    ? { share, remainingMs: Math.max(0, total - now.work) / pace }
    : { share };
}

/** The growth of a value in a millisecond, of late; 0 where that cannot be told. */
function paceOf(samples: readonly Sample[], overMs: number, fromMs: number, value: (sample: Sample) => number): number {
  const last = samples.at(-1);
  const first = last && samples.find(({ at }) => at >= last.at - overMs);
  if (!first || last.at - first.at < fromMs) return 0;
  return (value(last) - value(first)) / (last.at - first.at);
}
