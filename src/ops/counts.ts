/** Sums of what happened, by labels. */
import type { Labels, Sample } from './reading.ts';
import type { Status } from './status.ts';

/** One metric that counts events. */
export interface Counting {
  readonly name: `dfsync_${string}_total`;
  readonly help: string;
  readonly labels: readonly string[];
  /** Every series that a status has, from 0 on, so that a rate sees the first event too; undefined: those that were counted. */
  known?(status: Status): readonly Labels[];
}

/** Its sums. */
export class Counts {
  readonly #counting: Counting;
  readonly #sums = new Map<string, { readonly labels: Labels; sum: number }>();

  constructor(counting: Counting) {
    this.#counting = counting;
  }

  add(labels: Labels, by = 1): void {
    const key = this.#keyOf(labels);
    const known = this.#sums.get(key);
    if (known) known.sum += by;
    else this.#sums.set(key, { labels, sum: by });
  }

  /**
   * The sums, as far as a status knows them. Those of others are forgotten: should such a peer or domain come back, its series
   * starts anew, which every reader of counters knows.
   */
  read(status: Status): Sample[] {
    const known = this.#counting.known?.(status);
    if (!known) return [...this.#sums.values()].map(({ labels, sum }): Sample => [labels, sum]);
    const kept = new Set<string>();
    const samples = known.map((labels): Sample => {
      const key = this.#keyOf(labels);
      kept.add(key);
      return [labels, this.#sums.get(key)?.sum ?? 0];
    });
    for (const key of this.#sums.keys()) if (!kept.has(key)) this.#sums.delete(key);
    return samples;
  }

  #keyOf(labels: Labels): string {
    return this.#counting.labels.map(name => labels[name]).join('\0');
  }
}

/** Each domain with each value of the other labels, all of them closed sets. */
export function ofDomains(
  status: Status,
  others: Readonly<Record<string, readonly string[]>>,
  domains: readonly string[] = status.domains.map(({ domain }) => domain),
): Labels[] {
  let series: Labels[] = domains.map(domain => ({ domain }));
  for (const [name, values] of Object.entries(others))
    series = series.flatMap(labels => values.map(value => ({ ...labels, [name]: value })));
  return series;
}
