/** What is wrong, or odd, in a file that an operator wrote; collected, so that all of it is told at once. */

/** One finding. */
export interface Problem {
  /** JSON path into the document, e.g. `sites[0].servers[1].name`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A problem as one line of text. */
export function formatProblem(problem: Problem): string {
  return problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;
}

/** The JSON path of a field or of an item of a list. */
export function pathTo(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** Collects what is found: problems refuse the document, warnings do not. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get warnings(): readonly Problem[] {
    return this.#warnings;
  }

  problem(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  warn(path: string, message: string): void {
    this.#warnings.push({ path, message });
  }

  /** Takes over what another collector found. */
  add(other: Findings): void {
    this.#problems.push(...other.problems);
    this.#warnings.push(...other.warnings);
  }

  /** Takes over what another collector found about something that must not refuse the document. */
  addAsWarnings(other: Findings): void {
    this.#warnings.push(...other.problems, ...other.warnings);
  }
}
