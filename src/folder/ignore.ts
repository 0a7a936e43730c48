/** Names that are not synchronised: the network's patterns, and what no tree should carry. */
import ignore from 'ignore';
import { PRIVATE, type RelPath } from '../core/path.ts';

/** Made by file systems for themselves at their root. */
const ALWAYS = 'lost+found';

/**
 * A predicate over the paths of a domain. Patterns are of gitignore syntax; one that ends in a slash matches files of that name
 * too, because the instances of a network must agree on a path whatever stands there on each of them.
 */
export function ignoring(patterns: readonly string[]): (path: RelPath) => boolean {
  if (patterns.length === 0) return isAlwaysIgnored;
  const matcher = matcherOf(patterns);
  return path => isAlwaysIgnored(path) || matcher.ignores(path) || matcher.ignores(`${path}/`);
}

/** The pattern by which a path is ignored, or undefined where it is not. */
export function ignoringPattern(patterns: readonly string[], path: RelPath): string | undefined {
  if (isAlwaysIgnored(path)) return path.split('/').find(name => name === ALWAYS || name === PRIVATE);
  const matcher = matcherOf(patterns);
  const found = [path, `${path}/`].map(each => matcher.checkIgnore(each)).find(({ ignored }) => ignored);
  return found && (found.rule?.pattern ?? '(a pattern of a directory above it)');
}

function matcherOf(patterns: readonly string[]) {
  return ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns]);
}

function isAlwaysIgnored(path: RelPath): boolean {
  return (
    path === ALWAYS || path.startsWith(`${ALWAYS}/`) || (path.includes(PRIVATE) && path.split('/').includes(PRIVATE))
  );
}
