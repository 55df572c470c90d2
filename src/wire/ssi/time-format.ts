// strftime(3) for `config timefmt`, in English and without the C library: times of documents, not of a locale.
// Pure: the time and its zone come with the call.

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** A moment as a calendar shows it. */
interface Calendar {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly zone: string;
  /** Minutes east of Greenwich. */
  readonly offsetMinutes: number;
  readonly seconds: number;
}

function calendarOf(date: Date, isGmt: boolean): Calendar {
  const offsetMinutes = isGmt ? 0 : -date.getTimezoneOffset();
  const shifted = new Date(date.getTime() + offsetMinutes * 60_000);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth(),
    day: shifted.getUTCDate(),
    weekday: shifted.getUTCDay(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    zone: isGmt ? 'GMT' : localZone(date),
    offsetMinutes,
    seconds: Math.floor(date.getTime() / 1000),
  };
}

function localZone(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

function pad(value: number, width = 2, fill = '0'): string {
  return String(value).padStart(width, fill);
}

function dayOfYear({ year, month, day }: Calendar): number {
  return Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
}

function zoneOffset({ offsetMinutes }: Calendar): string {
  const size = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

/** Week of the year from the first Sunday (0) or Monday (1) on; 0 before it. */
function weekOfYear(at: Calendar, firstWeekday: number): number {
  return Math.floor((dayOfYear(at) + 6 - ((at.weekday - firstWeekday + 7) % 7)) / 7);
}

/** Year and week of ISO 8601: week 1 is the one with the year's first Thursday. */
function isoWeek({ year, month, day, weekday }: Calendar): { readonly year: number; readonly week: number } {
  const thursday = new Date(Date.UTC(year, month, day + 4 - (weekday || 7)));
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.floor((thursday.getTime() - first) / 86_400_000 / 7) + 1;
  return { year: thursday.getUTCFullYear(), week };
}

const conversions: Readonly<Record<string, (at: Calendar) => string>> = {
  a: (at) => days[at.weekday]!.slice(0, 3),
  A: (at) => days[at.weekday]!,
  b: (at) => months[at.month]!.slice(0, 3),
  B: (at) => months[at.month]!,
  c: (at) => expand('%a %b %e %H:%M:%S %Y', at),
  C: (at) => pad(Math.floor(at.year / 100)),
  d: (at) => pad(at.day),
  D: (at) => expand('%m/%d/%y', at),
  e: (at) => pad(at.day, 2, ' '),
  F: (at) => expand('%Y-%m-%d', at),
  g: (at) => pad(isoWeek(at).year % 100),
  G: (at) => String(isoWeek(at).year),
  h: (at) => months[at.month]!.slice(0, 3),
  H: (at) => pad(at.hour),
  I: (at) => pad(at.hour % 12 || 12),
  j: (at) => pad(dayOfYear(at), 3),
  k: (at) => pad(at.hour, 2, ' '),
  l: (at) => pad(at.hour % 12 || 12, 2, ' '),
  m: (at) => pad(at.month + 1),
  M: (at) => pad(at.minute),
  n: () => '\n',
  p: (at) => (at.hour < 12 ? 'AM' : 'PM'),
  r: (at) => expand('%I:%M:%S %p', at),
  R: (at) => expand('%H:%M', at),
  s: (at) => String(at.seconds),
  S: (at) => pad(at.second),
  t: () => '\t',
  T: (at) => expand('%H:%M:%S', at),
  u: (at) => String(at.weekday || 7),
  U: (at) => pad(weekOfYear(at, 0)),
  V: (at) => pad(isoWeek(at).week),
  w: (at) => String(at.weekday),
  W: (at) => pad(weekOfYear(at, 1)),
  x: (at) => expand('%m/%d/%y', at),
  X: (at) => expand('%H:%M:%S', at),
  y: (at) => pad(at.year % 100),
  Y: (at) => String(at.year),
  z: zoneOffset,
  Z: (at) => at.zone,
  '%': () => '%',
};

function expand(format: string, at: Calendar): string {
  return format.replace(/%([\s\S])/g, (whole, letter: string) => {
    const conversion = Object.hasOwn(conversions, letter) ? conversions[letter] : undefined;
    return conversion === undefined ? whole : conversion(at);
  });
}

/** A moment in the format of strftime(3); a conversion that is not known stays as it is. */
export function formatTime(format: string, date: Date, isGmt: boolean): string {
  return expand(format, calendarOf(date, isGmt));
}
