/** The middle of some measurements, and how far they lie apart. */

/** The median. Throws where there is nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies, interpolated. Throws where there is nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const rest = at - low;
  return sorted[low]! + (rest === 0 ? 0 : rest * (sorted[low + 1]! - sorted[low]!));
}

/** What a process that rests holds, of samples some of which fell into work: the median of their lowest quarter. */
export function atRest(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return median(sorted.slice(0, Math.max(1, Math.ceil(sorted.length / 4))));
}
