/** The names of steps that change a volume: what is done, and in which areas. */

/** `rename staging>tree`: the operation, and what kind of place each path is. */
export function stepName(operation: string, paths: readonly string[]): string {
  return `${operation.replace(/Sync$/, '')} ${paths.map(areaOf).join('>')}`;
}

/** What a place on the volume is for: of many alike, one name. */
function areaOf(path: string): string {
  const [first, area, , name] = path.split('/');
  if (first !== '.dfsync') return 'tree';
  if (area === undefined || area === '') return 'private';
  if (area !== 'cache' || name === undefined) return area;
  return `cache/${name.replace(/-[0-9a-f]*/, '')}`;
}
