/** Paths as operators type them. */
import { toBytes } from '../core/path.ts';

/** A path as it was shown: one that is not plain text is shown, and taken, as JSON. */
export function pathOf(raw: string): string {
  if (!raw.startsWith('"')) return raw;
  try {
    const parsed: unknown = JSON.parse(raw);
    return typeof parsed === 'string' ? parsed : raw;
  } catch {
    return raw;
  }
}

/** Its bytes, percent-encoded; slashes stay. */
export function encodePath(path: string): string {
  return [...toBytes(path)]
    .map(byte => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._~/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
