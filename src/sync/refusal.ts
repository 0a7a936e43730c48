/** Why a peer's question is not answered, in the terms of HTTP. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 400 | 403 | 404 | 409 | 410 | 412 | 503;
  /** Short and fixed, for `title` of a problem document. */
  readonly title: string;
  /** Seconds after which asking again makes sense. */
  readonly retryAfter?: number;

  constructor(status: Refusal['status'], title: string, detail: string, retryAfter?: number) {
    super(detail);
    this.status = status;
    this.title = title;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}
