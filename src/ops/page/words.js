/** Numbers, times and paths as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** @param {number} bytes */
export function bytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** @param {number} value */
export function count(value) {
  return value.toLocaleString('en-US');
}

/**
 * A number with its noun.
 *
 * @param {number} value
 * @param {string} noun
 */
export function counted(value, noun) {
  return `${count(value)} ${value === 1 ? noun : noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/**
 * How long ago, or until when.
 *
 * @param {number} at
 * @param {number} now
 */
export function ago(at, now) {
  return at > now + 1000 ? `in ${duration(at - now)}` : `${duration(now - at)} ago`;
}

/**
 * The time of a day, with the day unless it is today.
 *
 * @param {number} at
 * @param {number} now
 */
export function clock(at, now) {
  const date = new Date(at);
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time.slice(0, 5)}`;
}

/**
 * A path with everything visible: a name may hold control characters, signs that turn the direction of writing, and bytes that are no
 * UTF-8, each of which is one lone surrogate here.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu, sign => {
    const code = /** @type {number} */ (sign.codePointAt(0));
    const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
    return byte <= 0xff ? `\\x${byte.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * A path within a URL: bytes that are no UTF-8 as themselves.
 *
 * @param {string} path
 */
export function encoded(path) {
  return path
    .split('/')
    .map(name =>
      [...name]
        .map(sign => {
          const code = /** @type {number} */ (sign.codePointAt(0));
          if (code >= 0xdc80 && code <= 0xdcff) return `%${(code - 0xdc00).toString(16)}`;
          return sign.isWellFormed() ? encodeURIComponent(sign) : '';
        })
        .join(''),
    )
    .join('/');
}

/** The shape of each level: it has to be told without colour. */
export const SIGNS = /** @type {const} */ ({
  ok: '✓',
  busy: '↻',
  warn: '▲',
  bad: '✕',
  idle: '–',
  wait: '…',
});

/** @typedef {keyof typeof SIGNS} Level */
