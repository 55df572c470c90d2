// The options of `clearway play`: which there are, what their values mean, which files are meant by a folder. Not here: playing (play.ts).

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileTrouble } from '../text/file-trouble.js';
import { nameTrouble } from '../text/plain-text.js';
import type { PcmFormat } from '../wire/pcm/format.js';
import { parseRawFormat } from '../wire/pcm/raw.js';
import { parseFlags } from './kit/flags.js';
import { UsageError } from './kit/usage.js';
import { oneOf, wholeNumber } from './kit/values.js';

export const playHelp = `Usage: clearway play FILE... [options]
       clearway play --devices [--json]
       clearway play --check [--json]

Plays audio files, bit for bit where the device allows it, and says how it went: lateness, headroom, losses. WAV goes from the page cache
into the driver's ring in one copy, the kernel's; a folder stands for the audio files in it, in order, without a gap between them.

  --device NAME      hw:0,0 (a card, exclusively), any ALSA name (default, plughw:1,0), jack, file:out.wav, raw:out.raw,
                     - (WAV to standard output), null (a dry run in real time), null:fast (as fast as it goes);
                     without it the first that works: a card, JACK, ALSA's default
  --buffer MS        the ring between player and device: 2 to 10000 (500)
  --latency WHICH    normal, or low: 4 periods of 256 frames
  --start TIME       begin there in the first file: 90, 1:30, 1:02:03.5
  --loop             begin again after the last file
  --gain=DB          -90 to 0, such as --gain=-6; 0 leaves every bit as it is (0)
  --lead-in MS       silence first, for receivers and displays that wake up slowly: 0 to 10000 (0)
  --convert          allow what changes samples (rate, channels, rounding), and say so; else it is refused
  --raw FORMAT,RATE,CHANNELS the files are bare samples, such as S16_LE,48000,2
  --direct           read from the disk straight into the ring, past the page cache, where ring and file allow it
  --no-realtime      do not ask for real-time scheduling
  --priority N       of the pump, SCHED_FIFO: 1 to 99 (60)

  --report[=FILE]    print the report at the end, with what its words mean; with FILE write it there as JSON
  --html FILE        write the report as a page
  --json             print events instead of lines, as JSON, one a line: ready, track, skipped, xrun, gap, truncated, suspended,
                     missed (events that nobody read), end, report
  --live             show on one screen how it goes
  --fail-on-xrun[=N] exit status 4 if the device ran dry, more than N times (0)
  --fail-on-late MS  exit status 4 if the pump woke later than that, at its worst
  --inject SPEC      a fault on purpose, to see that the report shows it; repeatable: stall=40ms/1s (the pump
                     sleeps 40 ms each second), stop=60ms@2s (it is stopped once), slow-disk=200ms/1s, gc (the player collects without end)

  --devices          list what can be played to: what each takes, and who holds a busy one
  --check            what is missing for real-time playing and for each kind of file, and the command that gives it
  -h, --help         print this help

Keys on a terminal: space pauses, left and right seek 5 s, down and up a minute, n goes on to the next file, q ends.
Exit status: 0 played, or ended by q, SIGINT or SIGTERM; 1 an option or a file is wrong; 2 the device cannot be used; 3 the device went away; 4 --fail-on-* was met.
`;

/** Exit statuses; the help says the same. */
export const playStatus = { played: 0, usage: 1, device: 2, gone: 3, failOn: 4 } as const;

const flags = {
  device: { type: 'string' },
  buffer: { type: 'string' },
  latency: { type: 'string' },
  start: { type: 'string' },
  loop: { type: 'boolean' },
  gain: { type: 'string' },
  'lead-in': { type: 'string' },
  convert: { type: 'boolean' },
  raw: { type: 'string' },
  direct: { type: 'boolean' },
  'no-realtime': { type: 'boolean' },
  priority: { type: 'string' },
  report: { type: 'string' },
  html: { type: 'string' },
  json: { type: 'boolean' },
  live: { type: 'boolean' },
  'fail-on-xrun': { type: 'string' },
  'fail-on-late': { type: 'string' },
  inject: { type: 'string', multiple: true },
  devices: { type: 'boolean' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** A fault that is made on purpose. */
export type Fault =
  /** The pump sleeps, so long and so often. */
  | { readonly kind: 'stall'; readonly ms: number; readonly everyMs: number }
  /** The pump is stopped by a signal once, so long, at that time. */
  | { readonly kind: 'stop'; readonly ms: number; readonly atMs: number }
  /** Files are read so much later, so often. */
  | { readonly kind: 'slow-disk'; readonly ms: number; readonly everyMs: number }
  /** The player's own process collects garbage without end. */
  | { readonly kind: 'gc' };

/** What was asked for. */
export interface PlayOptions {
  readonly action: 'help' | 'devices' | 'check' | 'play';
  readonly files: readonly string[];
  readonly device: string | undefined;
  readonly bufferMs: number;
  readonly latency: 'low' | 'normal';
  readonly startSeconds: number;
  readonly loop: boolean;
  readonly gainDb: number;
  readonly leadInMs: number;
  readonly convert: boolean;
  readonly raw: PcmFormat | undefined;
  readonly direct: boolean;
  readonly realtime: boolean;
  readonly priority: number;
  /** Printed, or where it is written. */
  readonly report: { readonly path: string | undefined } | undefined;
  readonly html: string | undefined;
  readonly json: boolean;
  readonly live: boolean;
  readonly failOnXruns: number | undefined;
  readonly failOnLateMs: number | undefined;
  readonly faults: readonly Fault[];
}

const defaultBufferMs = 500;
const defaultPriority = 60;

/** A number with a fraction, within bounds. @throws UsageError */
function decimal(name: string, value: string | undefined, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^-?\d{1,6}(?:\.\d{1,6})?$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be a number from ${least} to ${most}`);
}

/** Seconds of `90`, `1:30`, `1:02:03.5`. @throws UsageError */
export function secondsOf(value: string | undefined): number {
  if (value === undefined) return 0;
  const [, hours, minutes, seconds] = /^(?:(?:(\d{1,3}):)?(\d{1,5}):)?(\d{1,7}(?:\.\d{1,6})?)$/.exec(value) ?? [];
  if (seconds === undefined || (minutes !== undefined && Number(seconds) >= 60)) {
    throw new UsageError(`--start is ${JSON.stringify(value)}, and must be a time such as 90, 1:30 or 1:02:03.5`);
  }
  return Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds);
}

/** What `--raw` says. @throws UsageError */
export function rawFormat(value: string | undefined): PcmFormat | undefined {
  if (value === undefined) return undefined;
  const format = parseRawFormat(value);
  if ('refusal' in format) throw new UsageError(`--raw: ${format.refusal}`);
  return format;
}

/** Milliseconds of `40ms`, `1s`, `1.5s`. */
function durationMs(text: string): number {
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s)$/.exec(text) ?? [];
  return number === undefined ? Number.NaN : Number(number) * (unit === 's' ? 1000 : 1);
}

const longestFaultMs = 60_000;

/** What one `--inject` says. @throws UsageError */
export function faultOf(value: string): Fault {
  if (value === 'gc') return { kind: 'gc' };
  const [, kind, first = '', sign, second = ''] = /^(stall|stop|slow-disk)=([^/@]+)([/@])(.+)$/.exec(value) ?? [];
  const [ms, other] = [durationMs(first), durationMs(second)];
  const isRight = ms > 0 && ms <= longestFaultMs && other >= 0 && other <= 3_600_000;
  if (isRight && kind === 'stop' && sign === '@') return { kind, ms, atMs: other };
  if (isRight && (kind === 'stall' || kind === 'slow-disk') && sign === '/' && other > ms)
    return { kind, ms, everyMs: other };
  throw new UsageError(
    `--inject is ${JSON.stringify(value)}, and must be stall=40ms/1s, stop=60ms@2s, slow-disk=200ms/1s or gc`,
  );
}

/** Options whose value may be left out take it behind a `=` only: `--report FILE` would swallow a file that is to be played. */
function withOptionalValues(args: readonly string[]): string[] {
  return args.map((each) => (each === '--report' || each === '--fail-on-xrun' ? `${each}=` : each));
}

/** Reads the command line. @throws UsageError */
export function playOptions(args: readonly string[]): PlayOptions {
  const { values, positionals } = parseFlags('play', withOptionalValues(args), flags, Number.POSITIVE_INFINITY);
  const action = values.help ? 'help' : values.devices ? 'devices' : values.check ? 'check' : 'play';
  if (action === 'play' && positionals.length === 0)
    throw new UsageError('nothing to play: give a file or a folder, or see what there is to play to with --devices');
  if ((action === 'devices' || action === 'check') && positionals.length > 0)
    throw new UsageError(`--${action} plays nothing: leave the files out`);
  const latency = oneOf('latency', values.latency, ['low', 'normal']) ?? 'normal';
  if (latency === 'low' && values.buffer !== undefined)
    throw new UsageError('--latency low and --buffer both say how long the ring is: give one of them');
  const xruns = values['fail-on-xrun'];
  return {
    action,
    files: positionals,
    device: values.device,
    bufferMs: wholeNumber('buffer', values.buffer, defaultBufferMs, 2, 10_000),
    latency,
    startSeconds: secondsOf(values.start),
    loop: values.loop === true,
    gainDb: decimal('gain', values.gain, -90, 0) ?? 0,
    leadInMs: wholeNumber('lead-in', values['lead-in'], 0, 0, 10_000),
    convert: values.convert === true,
    raw: rawFormat(values.raw),
    direct: values.direct === true,
    realtime: values['no-realtime'] !== true,
    priority: wholeNumber('priority', values.priority, defaultPriority, 1, 99),
    report: values.report === undefined ? undefined : { path: values.report === '' ? undefined : values.report },
    html: values.html,
    json: values.json === true,
    live: values.live === true,
    failOnXruns:
      xruns === undefined ? undefined : wholeNumber('fail-on-xrun', xruns === '' ? undefined : xruns, 0, 0, 1e6),
    failOnLateMs: decimal('fail-on-late', values['fail-on-late'], 0, 60_000),
    faults: (values.inject ?? []).map(faultOf),
  };
}

/** `-`: standard input, where that is a file. @throws UsageError */
function standardInput(): string {
  if (statSync('/dev/stdin', { throwIfNoEntry: false })?.isFile() === true) return '/dev/stdin';
  throw new UsageError(
    'standard input is no file, and what is played is read in more than one place: write it to a file first (... > song.wav; clearway play song.wav)',
  );
}

/** Extensions that a folder is searched for. What is named by itself is opened whatever its name is. */
const extensions = /\.(?:wav|wave|rf64|bw64|w64|flac|oga|ogg|opus|mp3|aiff?|aifc|caf|au|snd)$/i;

/** Most files of a folder. */
const mostFiles = 10_000;

const byName = new Intl.Collator('en', { numeric: true }).compare;

function filesOfFolder(folder: string, found: string[]): void {
  const entries: Dirent[] = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => byName(a.name, b.name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) filesOfFolder(path, found);
    else if (extensions.test(entry.name)) found.push(path);
    if (found.length > mostFiles)
      throw new UsageError(`the folder has more than ${mostFiles} audio files: name a smaller one`);
  }
}

/** The files that are meant: of a folder those in it and beneath it, by name, `2` before `10`. @throws UsageError */
export function filesMeant(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    try {
      if (name === '-') return [standardInput()];
      if (!statSync(name).isDirectory()) return [name];
      const found: string[] = [];
      filesOfFolder(name, found);
      if (found.length === 0)
        throw new UsageError(`the folder ${name} has no audio files: name one that has, or the files themselves`);
      return found;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`cannot play ${name}: ${fileTrouble(error)}${nameTrouble(name)}`);
    }
  });
}
