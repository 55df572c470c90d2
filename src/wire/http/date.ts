// HTTP dates (RFC 9110 section 5.6.7): the three forms that a recipient must read, the one form that a sender may write.
// Not here: any clock.

/** Bytes of an IMF-fixdate, always. */
export const HTTP_DATE_BYTES = 29;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const SECONDS_PER_DAY = 86400;
const EARLIEST = -62167219200; // 0000-01-01T00:00:00Z
const LATEST = 253402300799; // 9999-12-31T23:59:59Z

const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';
const MONTH = `(${MONTHS.join('|')})`;
const IMF_FIXDATE = new RegExp(`^(?:${DAYS.join('|')}), (\\d\\d) ${MONTH} (\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(
  `^(?:Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday), (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} GMT$`,
);
const ASCTIME = new RegExp(`^(?:${DAYS.join('|')}) ${MONTH} ((?:\\d| )\\d) ${TIME} (\\d{4})$`);

/**
 * Reads an HTTP-date in any of its three forms. Case and spaces count, the day and time must exist (a leap second does), the
 * name of the day is not compared with the date.
 *
 * @param nowSeconds for the two-digit year of the RFC 850 form: a date more than 50 years ahead is of the past century
 * @returns seconds since 1970, or undefined when it is no HTTP-date
 */
export function parseHttpDate(text: string, nowSeconds: number = Date.now() / 1000): number | undefined {
  let match = IMF_FIXDATE.exec(text);
  if (match !== null) return toSeconds(Number(match[3]), match[2]!, match[1]!, match, 4);
  match = RFC_850.exec(text);
  if (match !== null) return ofTwoDigitYear(match, nowSeconds);
  match = ASCTIME.exec(text);
  if (match !== null) return toSeconds(Number(match[6]), match[1]!, match[2]!, match, 3);
  return undefined;
}

/**
 * The IMF-fixdate of a time: `Sun, 06 Nov 1994 08:49:37 GMT`.
 *
 * @param seconds since 1970; fractions are cut, years outside 0 to 9999 are clamped to them, for the form has four digits
 */
export function formatHttpDate(seconds: number): string {
  const bytes = new Uint8Array(HTTP_DATE_BYTES);
  writeHttpDate(bytes, 0, seconds);
  return String.fromCharCode(...bytes);
}

/**
 * Writes the 29 bytes of an IMF-fixdate at `offset`. Allocates nothing.
 *
 * @param seconds as for formatHttpDate
 * @returns the offset after it
 */
export function writeHttpDate(bytes: Uint8Array, offset: number, seconds: number): number {
  const whole = Math.min(Math.max(Math.floor(seconds), EARLIEST), LATEST);
  const days = Math.floor(whole / SECONDS_PER_DAY);
  const time = whole - days * SECONDS_PER_DAY;
  // Civil date from a day count (Howard Hinnant, "chrono-compatible low-level date algorithms"): years begin in March.
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 2 : monthFromMarch - 10;
  const year = yearOfEra + era * 400 + (month <= 1 ? 1 : 0);

  letters(bytes, offset, DAYS[(((days + 4) % 7) + 7) % 7]!);
  bytes[offset + 3] = 0x2c;
  bytes[offset + 4] = 0x20;
  twoDigits(bytes, offset + 5, day);
  bytes[offset + 7] = 0x20;
  letters(bytes, offset + 8, MONTHS[month]!);
  bytes[offset + 11] = 0x20;
  twoDigits(bytes, offset + 12, Math.floor(year / 100));
  twoDigits(bytes, offset + 14, year % 100);
  bytes[offset + 16] = 0x20;
  twoDigits(bytes, offset + 17, Math.floor(time / 3600));
  bytes[offset + 19] = 0x3a;
  twoDigits(bytes, offset + 20, Math.floor(time / 60) % 60);
  bytes[offset + 22] = 0x3a;
  twoDigits(bytes, offset + 23, time % 60);
  bytes[offset + 25] = 0x20;
  letters(bytes, offset + 26, 'GMT');
  return offset + HTTP_DATE_BYTES;
}

function toSeconds(year: number, monthName: string, dayText: string, match: RegExpExecArray, timeAt: number) {
  const month = MONTHS.indexOf(monthName);
  const day = Number(dayText);
  const [hour, minute, second] = [Number(match[timeAt]), Number(match[timeAt + 1]), Number(match[timeAt + 2])];
  if (hour > 23 || minute > 59 || second > 60 || day < 1 || day > daysInMonth(year, month)) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day); // Date.UTC would read the years 0 to 99 as 1900 to 1999.
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
}

function daysInMonth(year: number, month: number): number {
  if (month === 1) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

/** The latest date of the RFC 850 form that is not more than 50 years after now. */
function ofTwoDigitYear(match: RegExpExecArray, nowSeconds: number): number | undefined {
  const limit = new Date(nowSeconds * 1000);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const lastYear = limit.getUTCFullYear();
  const year = lastYear - ((lastYear - Number(match[3])) % 100);
  const seconds = toSeconds(year, match[2]!, match[1]!, match, 4);
  if (seconds === undefined || seconds <= limit.getTime() / 1000) return seconds;
  return toSeconds(year - 100, match[2]!, match[1]!, match, 4);
}

function letters(bytes: Uint8Array, offset: number, text: string): void {
  bytes[offset] = text.charCodeAt(0);
  bytes[offset + 1] = text.charCodeAt(1);
  bytes[offset + 2] = text.charCodeAt(2);
}

function twoDigits(bytes: Uint8Array, offset: number, value: number): void {
  const tens = Math.floor(value / 10);
  bytes[offset] = 0x30 + tens;
  bytes[offset + 1] = 0x30 + (value - tens * 10);
}
