/** Names that are not synchronised: the network's patterns, and what no tree should carry. */
import ignore from 'ignore';
import type { RelPath } from '../core/path.ts';

/** Made by file systems for themselves at their root. */
const ALWAYS = 'lost+found';

/**
 * A predicate over the paths of a domain. Patterns are of gitignore syntax; one that ends in a slash matches files of that name
 * too, because the instances of a network must agree on a path whatever stands there on each of them.
 */
export function ignoring(patterns: readonly string[]): (path: RelPath) => boolean {
  const always = (path: RelPath) =>
    path === ALWAYS ||
    path.startsWith(`${ALWAYS}/`) ||
    (path.includes('.dfsync') && path.split('/').includes('.dfsync'));
  if (patterns.length === 0) return always;
  const matcher = ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns]);
  return path => always(path) || matcher.ignores(path) || matcher.ignores(`${path}/`);
}
