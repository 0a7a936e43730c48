/** One line on a terminal that says how far long work is and how fast; nothing elsewhere. */
import { formatBytes } from './demo-lines.ts';

const CLEAR = '\r\u001b[K';
/** The rate is that of about so long: what was faster at the start is no promise. */
const RATE_MS = 5_000;

export class Progress {
  readonly #out: NodeJS.WritableStream;
  readonly #isTTY: boolean;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
    this.#isTTY = (out as Partial<NodeJS.WriteStream>).isTTY === true;
  }

  /** Shows a text, and the rate at which `bytes` grows. */
  show(text: string, bytes: number): void {
    if (this.#isTTY) this.#out.write(`${CLEAR}${text}${this.#rate(bytes, performance.now())}`);
  }

  clear(): void {
    if (this.#isTTY) this.#out.write(CLEAR);
  }

  #rate(bytes: number, now: number): string {
    // It begins anew with each domain.
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = [];
    this.#samples.push({ at: now, bytes });
    while (now - this.#samples[0]!.at > RATE_MS) this.#samples.shift();
    const [first] = this.#samples;
    const ms = now - first!.at;
    return ms > 0 && bytes > first!.bytes ? `, ${formatBytes(((bytes - first!.bytes) / ms) * 1000)}/s` : '';
  }
}
