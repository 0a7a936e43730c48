/** Dates as HTTP writes them: RFC 9110, section 5.6.7. */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** The form to write, and two obsolete ones that have to be understood. */
const FORMS = [
  /^[a-z]{3}, (?<day>\d\d) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) gmt$/i,
  /^[a-z]{6,9}, (?<day>\d\d)-(?<month>[a-z]{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) gmt$/i,
  /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
];
/** The years that the form to write has room for, as milliseconds since 1970. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');
/** A year of two digits that seems to lie further ahead than this is one of the century before. */
const CENTURY_AHEAD = 50;

/** A moment (ms since 1970) cut to the second, or undefined for one that HTTP has no words for. */
export function formatHttpDate(ms: number): string | undefined {
  return ms >= FIRST_MS && ms <= LAST_MS ? new Date(ms).toUTCString() : undefined;
}

/**
 * Milliseconds since 1970, or undefined for what is no date: a header with such a one is to be ignored.
 *
 * @param now milliseconds since 1970, for years of two digits
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const parts = FORMS.map(form => form.exec(text)?.groups).find(groups => groups !== undefined);
  const month = MONTHS.indexOf(parts?.month?.toLowerCase() ?? '');
  if (parts === undefined || month < 0) return undefined;
  const [hours = 0, minutes = 0, seconds = 0] = parts.time!.split(':').map(Number);
  const day = Number(parts.day);
  const date = new Date(0);
  date.setUTCFullYear(yearOf(parts.year!, now), month, day);
  if (date.getUTCDate() !== day || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  return date.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

function yearOf(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const present = new Date(now).getUTCFullYear();
  const year = Math.floor(present / 100) * 100 + Number(digits);
  return year > present + CENTURY_AHEAD ? year - 100 : year;
}
