/** How the program ends where it cannot start or go on. */

/** Ends the program with an exit code and one clear message. */
export class Fatal extends Error {
  override readonly name = 'Fatal';
  readonly exitCode: number;
  /** Nothing that was foreseen: the cause's stack is worth reporting. */
  readonly isFault: boolean;

  constructor(exitCode: number, message: string, options?: ErrorOptions & { readonly isFault?: boolean }) {
    super(message, options);
    this.exitCode = exitCode;
    this.isFault = options?.isFault ?? false;
  }
}
