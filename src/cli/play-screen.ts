// The live view of `clearway play --live`: one screen of at most 80 columns, redrawn in place, on which nothing wraps. Pure text. Not here: who draws it (play-live.ts).

import { timeWords } from '../audio/report/words.js';
import { clockWords, counted } from '../text/units.js';
import { printable } from './kit/terminal.js';

/** How it goes. */
export interface PlayView {
  readonly file: string;
  /** Which of how many, from 1. */
  readonly number: number;
  readonly files: number;
  readonly isPaused: boolean;
  readonly seconds: number;
  /** `undefined`: the file does not say how long it is. */
  readonly ofSeconds: number | undefined;
  readonly device: string;
  readonly hasClock: boolean;
  /** Queued at the last look, and what the ring holds, in milliseconds; the least so far. */
  readonly headroomMs: number;
  readonly leastMs: number;
  readonly ringMs: number;
  /** Microseconds. */
  readonly lateness: { readonly p50: number; readonly p99: number; readonly max: number } | undefined;
  readonly wakeUps: number;
  readonly xruns: number;
  readonly scheduling: string;
}

const mostColumns = 80;
const names = 11;

/** A bar of so many characters, with a mark where it was at its least; below 0: without one. */
export function bar(share: number, least: number, width: number): string {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * width);
  const mark = least < 0 ? -1 : Math.min(width - 1, Math.floor(Math.min(1, least) * width));
  return Array.from({ length: width }, (_, at) => (at === mark ? '|' : at < filled ? '#' : '.')).join('');
}

/** The end of a name tells files apart; what would move the cursor is left out. */
function shortName(text: string, width: number): string {
  const clean = printable(text);
  return clean.length <= width ? clean : `…${clean.slice(1 - width)}`;
}

/** The screen; each line ends with a newline. @param columns of the terminal */
export function playScreen(view: PlayView, columns: number): string {
  const width = Math.max(20, Math.min(columns, mostColumns));
  const { file, number, files, isPaused, seconds, ofSeconds, device, lateness } = view;
  const line = (name: string, words: string): string => `${name.padEnd(names)}${words}`.slice(0, width);
  const room = Math.max(8, width - names - 26);
  const length = ofSeconds === undefined ? '' : ` of ${clockWords(ofSeconds)}`;
  const place = ofSeconds === undefined || ofSeconds <= 0 ? '' : `  ${bar(seconds / ofSeconds, -1, room)}`;
  const ring = view.ringMs > 0 ? view.ringMs : 1;
  const clocked = view.hasClock
    ? [
        line(
          'headroom',
          `[${bar(view.headroomMs / ring, view.leastMs / ring, room)}] least ${timeWords(view.leastMs * 1000)}`,
        ),
        line(
          'lateness',
          lateness === undefined
            ? 'not woken yet'
            : `p50 ${timeWords(lateness.p50)}, p99 ${timeWords(lateness.p99)}, max ${timeWords(lateness.max)}, ${counted(view.wakeUps, 'wake-up')}`,
        ),
      ]
    : [line('headroom', 'no clock'), line('lateness', 'no clock')];
  return [
    line(isPaused ? 'paused' : 'playing', `${number}/${files} ${shortName(file, width - names - 8)}`),
    line('position', `${clockWords(seconds)}${length}${place}`),
    line('device', shortName(device, width - names)),
    ...clocked,
    line('xruns', String(view.xruns)),
    line('scheduling', view.scheduling),
    'space pause, arrows seek, n next, q quit'.slice(0, width),
  ]
    .map((each) => `${each}\n`)
    .join('');
}
