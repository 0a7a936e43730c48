/** What is fuzzed: something that takes bytes from outside, and never does anything but take or refuse them. */

export interface Target {
  readonly name: string;
  /** Inputs that are right, from which the others are made. */
  readonly inputs: readonly Buffer[];
  /** Of all inputs so many are enough for a run with the tests. */
  readonly share: number;
  /** Begins; what it answers throws for an input that was neither taken as it has to be, nor refused as it has to be. */
  begin(): Promise<Running>;
}

export interface Running extends AsyncDisposable {
  run(input: Buffer): Promise<void>;
}

/** A target that needs nothing to begin with. */
export function always(run: (input: Buffer) => void | Promise<void>): () => Promise<Running> {
  return async () => ({ run: async input => await run(input), async [Symbol.asyncDispose]() {} });
}
