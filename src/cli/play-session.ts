// One run of a player for `clearway play`: its events as lines or JSON, keys, signals, the live view, the report at the end. Not here: options, which device.

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type EndEvent, type InjectedFaults, Player, PlayerError } from '../audio/player.js';
import { fileDigests } from '../audio/report/digests.js';
import { PlayRecorder } from '../audio/report/recorder.js';
import { failureOf, type PlayReport } from '../audio/report/report.js';
import { reportPage } from '../audio/report/report-page.js';
import { reportText } from '../audio/report/report-text.js';
import { mostXruns, xrunWords } from '../audio/report/words.js';
import { parseSinkName, SinkNameError } from '../audio/sinks/sink-name.js';
import { fileTrouble } from '../text/file-trouble.js';
import { counted } from '../text/units.js';
import { describeFormat } from '../wire/pcm/format.js';
import { endingSignals, onSignals, statusOfSignal } from './kit/signals.js';
import { printable } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { listenToKeys, type PlayAction } from './play-keys.js';
import { PlayLines } from './play-lines.js';
import { PlayLive } from './play-live.js';
import { type Fault, type PlayOptions, playStatus } from './play-options.js';

/** For who reads what is said, when it was ended by a signal or a key. */
const readerPatienceMs = 2000;
/** How often a pipe that is waited for is looked at, and how many times before it is said. */
const lookMs = 250;
const looksBeforeWords = 4;

function faultsOf(faults: readonly Fault[]): InjectedFaults {
  let found: InjectedFaults = {};
  for (const fault of faults) {
    if (fault.kind === 'stall') found = { ...found, stall: { ms: fault.ms, everyMs: fault.everyMs } };
    else if (fault.kind === 'stop') found = { ...found, stop: { ms: fault.ms, atMs: fault.atMs } };
    else if (fault.kind === 'slow-disk') found = { ...found, slowDisk: { ms: fault.ms, everyMs: fault.everyMs } };
    else found = { ...found, gc: true };
  }
  return found;
}

/** Writes a file that was asked for. @throws UsageError */
function save(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${fileTrouble(error)}`);
  }
}

/**
 * Looks whether a report can be written, before anything is heard: nothing is made yet. @param path where @param files what is played, which no report
 * may replace @throws UsageError
 */
export function checkReportPath(path: string, files: readonly string[]): void {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there === undefined) {
      // Of a folder that is missing, too, the reason is the system's.
      accessSync(dirname(path), constants.W_OK);
      return;
    }
    if (there.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    accessSync(path, constants.W_OK);
    const isPlayed = (file: string): boolean => {
      const source = statSync(file, { throwIfNoEntry: false });
      return source?.ino === there.ino && source.dev === there.dev;
    };
    if (!files.some(isPlayed)) return;
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${fileTrouble(error)}; choose another path`);
  }
  throw new UsageError(`${path} is what is to be played: choose another path for the report`);
}

const complaint = (sentence: string): string => `clearway play: ${printable(sentence)}`;

/** See the file's head. */
export class PlaySession {
  readonly #options: PlayOptions;
  readonly #device: string;
  readonly #mayTryAnother: boolean;
  readonly #files: readonly string[];
  readonly #player: Player;
  readonly #recorder: PlayRecorder;
  /** Where words go: not among the bytes of a WAV on standard output. */
  readonly #out: NodeJS.WriteStream;
  readonly #lines: PlayLines;
  readonly #complaints = new PlayLines(process.stderr, false);
  #live: PlayLive | undefined;
  #signalStatus = 0;
  #isHeld = false;
  #skipped = 0;
  #xruns = 0;
  #isReady = false;

  /** @param mayTryAnother there is another device to try, and nobody named this one @throws UsageError */
  constructor(options: PlayOptions, files: readonly string[], device: string, mayTryAnother: boolean) {
    this.#options = options;
    this.#files = files;
    this.#device = device;
    this.#mayTryAnother = mayTryAnother;
    this.#out = device === '-' || device === 'raw:-' || device === 'file:-' ? process.stderr : process.stdout;
    this.#lines = new PlayLines(this.#out, options.json);
    try {
      this.#player = new Player({
        ...{ files, device, bufferMs: options.bufferMs, latency: options.latency, startSeconds: options.startSeconds },
        ...{ loop: options.loop, volume: 10 ** (options.gainDb / 20), leadInMs: options.leadInMs },
        ...{ convert: options.convert, direct: options.direct, realtime: options.realtime, priority: options.priority },
        ...(options.raw === undefined ? {} : { raw: options.raw }),
        inject: faultsOf(options.faults),
      });
    } catch (error) {
      throw error instanceof PlayerError || error instanceof SinkNameError ? new UsageError(error.message) : error;
    }
    this.#recorder = new PlayRecorder(this.#player, { device, gainDb: options.gainDb });
  }

  /** Plays. @returns the exit status; `undefined`: this device did not take it, and the next one is to be tried */
  async run(): Promise<number | undefined> {
    this.#listen();
    const forgetSignals = onSignals(endingSignals, (signal) => {
      this.#signalStatus = statusOfSignal(signal);
      void this.#player.stop();
    });
    const forgetKeys = listenToKeys(process.stdin, (action) => this.#act(action));
    const waiting = this.#watchPipe();
    try {
      this.#player.start();
      const end = await this.#player.ended;
      this.#live?.close();
      // Who ends it does not wait for a reader that has stopped, and for which something is still to be written.
      if (end.reason === 'stopped') setTimeout(() => process.exit(), readerPatienceMs).unref();
      return await this.#finish(end);
    } finally {
      clearInterval(waiting);
      this.#live?.close();
      forgetKeys();
      forgetSignals();
    }
  }

  #say(event: string, fields: object, words: string | undefined): void {
    if (this.#options.json) this.#lines.write(JSON.stringify({ event, ...fields }));
    else if (words !== undefined && this.#live?.isDrawn !== true) this.#lines.write(words);
  }

  #complain(sentence: string): void {
    if (this.#live?.isDrawn !== true) this.#complaints.write(complaint(sentence));
  }

  #listen(): void {
    const player = this.#player;
    const { live, json } = this.#options;
    if (live && !json && this.#out.isTTY === true)
      this.#live = new PlayLive(player, this.#device, this.#files.length, this.#out);
    player.on('ready', ({ device, opening }) => {
      const chosen = this.#options.device === undefined ? ' (the first that works; --device takes another)' : '';
      const { kind, format } = opening;
      const words = `device: ${device}${chosen}: ${kind}, ${describeFormat(format)}`;
      this.#say('ready', { device, opening }, this.#isReady && !json ? undefined : words);
      this.#isReady = true;
      for (const note of opening.notes) this.#complain(note);
    });
    player.on('track', (track) => {
      const { path, codec, format, words: change } = track;
      const became = change === '' ? '' : ` (${change})`;
      this.#say('track', track, `${printable(path)}: ${codec}, ${describeFormat(format)}${became}`);
      for (const note of track.notes) this.#complain(`${path}: ${note}`);
    });
    player.on('skipped', ({ path, sentence }) => {
      this.#skipped++;
      if (json) this.#say('skipped', { path, sentence }, undefined);
      else this.#complain(sentence);
    });
    player.on('xrun', (event) => {
      const isTold = ++this.#xruns <= mostXruns;
      const words = this.#xruns === mostXruns ? 'more xruns are counted, and not told of one by one' : undefined;
      const told = `xrun ${xrunWords({ ...event, latenessUs: event.latenessMs * 1000 })}`;
      this.#say('xrun', event, isTold ? [told, words].filter((each) => each !== undefined).join('\n') : undefined);
    });
    player.on('gap', (event) => this.#say('gap', event, `a gap of ${event.gapMs.toFixed(0)} ms: the format changed`));
    player.on('truncated', (event) =>
      this.#say('truncated', event, `the file ended early: ${event.framesLost} frames that it owed are missing`),
    );
    player.on('suspended', (event) => this.#say('suspended', event, 'the system slept; it plays on'));
  }

  /** A named pipe cannot be opened before somebody reads it: that it is waited for is said, once. Gives the timer. */
  #watchPipe(): NodeJS.Timeout | undefined {
    const { path } = this.#target;
    if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return undefined;
    let looks = 0;
    const timer = setInterval(() => {
      if (this.#isReady) clearInterval(timer);
      else if (this.#player.state === 'opening' && ++looks === looksBeforeWords) {
        clearInterval(timer);
        this.#complain(`${path} is a pipe that nobody reads yet: it plays as soon as somebody does (cat ${path})`);
      }
    }, lookMs);
    return timer;
  }

  /** The file that is written to, where it is one. */
  get #target(): { readonly path: string | undefined; readonly isRaw: boolean } {
    const sink = parseSinkName(this.#device);
    return sink.kind === 'file' ? sink : { path: undefined, isRaw: false };
  }

  #act(action: PlayAction): void {
    const player = this.#player;
    if (action.kind === 'quit') void player.stop();
    else if (action.kind === 'next') player.next();
    else if (action.kind === 'seek') player.seek((player.position()?.seconds ?? 0) + action.seconds);
    else {
      // What is wanted counts: a pump that is about to begin is not paused yet.
      this.#isHeld = !this.#isHeld;
      if (this.#isHeld) player.pause();
      else player.play();
    }
  }

  async #finish(end: EndEvent): Promise<number | undefined> {
    const { failure } = end;
    if (failure !== undefined && failure.reason === 'device' && !this.#isReady && this.#mayTryAnother) {
      this.#complain(`${this.#device} is left out: ${failure.message}`);
      return undefined;
    }
    if (this.#options.json)
      this.#lines.writeLast(JSON.stringify({ event: 'end', reason: end.reason, failure: failure?.message ?? null }));
    if (end.reason === 'played') await this.#compare();
    const report = this.#recorder.report();
    if (report !== undefined) this.#tell(report);
    if (failure !== undefined) {
      this.#complaints.writeLast(complaint(failure.message));
      return playStatus[failure.reason];
    }
    const { failOnXruns, failOnLateMs } = this.#options;
    const failed = report && failureOf(report, { xruns: failOnXruns, lateMs: failOnLateMs });
    if (failed !== undefined) {
      this.#complaints.writeLast(complaint(failed));
      return playStatus.failOn;
    }
    return this.#skipped > 0 ? playStatus.usage : this.#signalStatus;
  }

  /** What was written to a file is read back for the report, where it has to be what was decoded. */
  async #compare(): Promise<void> {
    const { report, html, json, gainDb, leadInMs, raw } = this.#options;
    const { path, isRaw } = this.#target;
    const { opening, tracks } = this.#player;
    const isWanted = report !== undefined || html !== undefined || json;
    if (!isWanted || gainDb !== 0 || leadInMs > 0 || opening === undefined) return;
    // Of a pipe nothing can be read back.
    if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    try {
      this.#recorder.digests = await fileDigests({ path, isRaw, format: opening.format, tracks, sourceFormat: raw });
    } catch (error) {
      this.#complain(`what was written was not compared: ${(error as Error).message}`);
    }
  }

  /** The report, in every form that was asked for; without one the sentence about bits. @throws UsageError where a file cannot be written */
  #tell(report: PlayReport): void {
    const { report: wanted, html, json } = this.#options;
    if (json) this.#lines.writeLast(JSON.stringify({ event: 'report', ...report }));
    else if (wanted !== undefined && wanted.path === undefined)
      this.#lines.writeLast(reportText(report, this.#columns()).trimEnd());
    else
      this.#lines.writeLast(
        `${counted(report.xrunCount, 'xrun')}, ${counted(report.lostFrames, 'frame')} missing; ${report.sentence}`,
      );
    if (wanted?.path !== undefined) save(wanted.path, `${JSON.stringify(report, null, 2)}\n`);
    if (html !== undefined) save(html, reportPage(report));
  }

  #columns(): number {
    return this.#out.isTTY === true && this.#out.columns > 0 ? Math.min(80, this.#out.columns) : 80;
  }
}
