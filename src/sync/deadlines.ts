/** Deadlines: a binary heap of what is due when, the earliest first. */

interface Deadline<T> {
  readonly at: number;
  readonly item: T;
}

/** An item may be in it several times; whoever takes it out knows which of its deadlines still holds. */
export class Deadlines<T> {
  readonly #heap: Deadline<T>[] = [];

  /** The earliest deadline, or undefined. */
  get first(): Deadline<T> | undefined {
    return this.#heap[0];
  }

  add(at: number, item: T): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push({ at, item });
    for (let parent = (hole - 1) >> 1; hole > 0 && heap[parent]!.at > at; parent = (hole - 1) >> 1) {
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = { at, item };
  }

  /** Takes the earliest out. */
  take(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first?.item;
    let hole = 0;
    for (let child = 1; child < heap.length; child = 2 * hole + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = last;
    return first.item;
  }
}
