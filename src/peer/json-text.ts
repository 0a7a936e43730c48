/** JSON from outside. A kilobyte on the wire may unfold to megabytes of text, and each `[],` of that to forty bytes of memory. */
import { WireError } from './byte-reader.ts';

/**
 * Values in one text: the longest stretch of the feed has some 60,000. What a schema then says of each wrong one takes a few hundred
 * bytes more.
 */
export const MAX_JSON_VALUES = 250_000;

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = Buffer.from('"\\,[{');

/**
 * Parses the bytes of one JSON text.
 *
 * @throws {@link WireError} for what is none, or has too many values
 */
export function parseJson(bytes: Buffer): unknown {
  // A value takes two bytes at least: an empty list. Short texts, such as the lines of an answer, need no look.
  if (bytes.length > 2 * MAX_JSON_VALUES && hasTooMany(bytes))
    throw new WireError(`more than ${MAX_JSON_VALUES} values`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new WireError('not JSON', { cause: error });
  }
}

/** Counts, without making any, where values begin: behind commas and brackets that are in no string. */
function hasTooMany(bytes: Buffer): boolean {
  let values = 1;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) inString = !inString;
    else if (inString) {
      if (byte === BACKSLASH) i++;
    } else if ((byte === COMMA || byte === BRACKET || byte === BRACE) && ++values > MAX_JSON_VALUES) return true;
  }
  return false;
}
