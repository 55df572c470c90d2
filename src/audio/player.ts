// The player: starts the feeder (a thread) and the pump (a process), says what they are to do, and tells what happened. It can be used from any program: nothing of what is heard waits for this thread.
// Not here: reading files (feeder), feeding the device (pump), the report's words (report).

import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { closeDescriptor } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { explainMissingFile } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import { wrongState } from '../text/coded.js';
import { Faults } from './faults.js';
import type { FedTrack, FeederCommand, FeederSays, FeederStart } from './feeder/messages.js';
import {
  EventReader,
  type GapEvent,
  type SuspendedEvent,
  type TruncatedEvent,
  type XrunEvent,
} from './player-events.js';
import {
  checkSeconds,
  checkVolume,
  PlayerError,
  type PlayerOptions,
  refuseOwnFile,
  settingsOf,
} from './player-options.js';
import {
  layoutSeal,
  offsets,
  PlayerNumber,
  PlayerWord,
  PumpNumber,
  type PumpSettings,
  PumpState,
  PumpWord,
  readText,
  regionBytes,
  writeText,
} from './pump/shared-layout.js';
import { type PumpExit, type PumpProcess, startPump } from './pump-process.js';
import { connectJack } from './sinks/jack-connect.js';
import type { SinkOpening, SinkSettings } from './sinks/sink.js';
import { parseSinkName, type SinkName } from './sinks/sink-name.js';
import { countSoundCopies } from './sound-ledger.js';
import type { SourceVerdict } from './sources/source.js';

export { type InjectedFaults, PlayerError, type PlayerOptions } from './player-options.js';

const feederEntry = new URL('feeder/feeder-thread.js', import.meta.url);

/** Bytes of the PCM ring: 2.5 s of 192 kHz, 32 bits, stereo, and more than that of everything usual. */
const pcmBytes = 8 * 1024 * 1024;
const pollMs = 50;
/** A pump that was told to stop and does not is ended by force. */
const stopPatienceMs = 3000;
const feederPatienceMs = 1000;
const defaultRampMs = 50;
const mostKept = 1000;
/** As many as a folder may hold. */
const mostTracks = 10_000;

/** A sink that was opened, and what the pump was given for its work. */
export interface ReadyEvent {
  readonly device: string;
  readonly opening: SinkOpening;
}

/** A file that is left out, and why. */
export interface SkippedEvent {
  readonly path: string;
  readonly sentence: string;
}

/** What is known of a track. */
export interface PlayedTrack {
  readonly track: FedTrack;
  /** Frames that were handed over, and what its source says of them; undefined while it is being fed. */
  fedFrames: number | undefined;
  verdict: SourceVerdict | undefined;
  /** All of it was handed over, from its beginning. */
  isWhole: boolean;
  /** Frames that it owed and that were no longer there. */
  missingFrames: number;
}

/** How it ended. */
export interface EndEvent {
  readonly reason: 'played' | 'stopped' | 'failed';
  readonly failure: PlayerError | undefined;
}

/** Where it is. */
export interface PlayPosition {
  readonly track: FedTrack;
  readonly frame: number;
  readonly seconds: number;
}

/** Events of a {@link Player}, with what listeners are given. */
export interface PlayerEvents {
  ready: [ReadyEvent];
  /** A track begins to be heard. */
  track: [FedTrack];
  xrun: [XrunEvent];
  gap: [GapEvent];
  truncated: [TruncatedEvent];
  suspended: [SuspendedEvent];
  skipped: [SkippedEvent];
  paused: [];
  playing: [];
  end: [EndEvent];
}

/** What a player is doing. */
export type PlayerState = keyof typeof PumpState;

/** By their number. */
const stateNames = Object.keys(PumpState) as readonly PlayerState[];

/** See the file's head. It begins with {@link start}; what it holds is given back when it has ended. */
export class Player extends EventEmitter<PlayerEvents> {
  /** Settled when it has ended, however that was; never rejected. */
  readonly ended: Promise<EndEvent>;
  /** Everything that was, or is about to be, heard: the last ten thousand, and how many there were before. */
  readonly tracks: PlayedTrack[] = [];
  forgottenTracks = 0;
  /** Events of the device, the last thousand. */
  readonly xruns: XrunEvent[] = [];
  /** The sink that was opened last. */
  opening: SinkOpening | undefined;
  /** What the pump asked for and was refused, a sentence each with the fix. */
  refusals: readonly string[] = [];

  readonly #options: PlayerOptions;
  readonly #device: string;
  readonly #sink: SinkName;
  readonly #settings: SinkSettings;
  readonly #faults: Faults;
  #settle!: (end: EndEvent) => void;
  #region: Region | undefined;
  #words = new Int32Array(0);
  #numbers = new Float64Array(0);
  #events: EventReader | undefined;
  #pump: PumpProcess | undefined;
  #feeder: Worker | undefined;
  #poll: NodeJS.Timeout | undefined;
  #stopping: NodeJS.Timeout | undefined;
  #failure: PlayerError | undefined;
  #isStopped = false;
  #isHeld = false;
  #isReadyTold = true;
  /** Ports of JACK are to be joined, as soon as the pump has them. */
  #isJoinDue = false;
  #heard = -1;
  #state = 0;
  #volume: number;
  #closers: (() => void)[] = [];

  /** @throws PlayerError, SinkNameError for options that mean nothing */
  constructor(options: PlayerOptions) {
    super();
    this.#options = options;
    this.#device = options.device ?? 'default';
    this.#sink = parseSinkName(this.#device);
    this.#settings = settingsOf(options);
    this.#volume = checkVolume(options.volume ?? 1);
    this.#faults = new Faults(options.inject ?? {});
    if (options.files.length === 0) throw new PlayerError('nothing to play: give at least one file', 'usage');
    refuseOwnFile(this.#sink, options.files);
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The shared region's bytes, for who draws figures of it (report/region-figures.ts); undefined before the start and after the end. */
  get region(): ArrayBuffer | undefined {
    return this.#region?.buffer;
  }

  /** What it does just now. */
  get state(): PlayerState {
    return stateNames[this.#state] ?? 'starting';
  }

  /** The process that feeds the device; -1 before it began. */
  get pumpPid(): number {
    return this.#pump?.pid ?? -1;
  }

  /** Begins. What comes of it is told by events, and by {@link ended}. May be called once. @throws SystemError without memory or descriptors */
  start(): void {
    if (this.#region !== undefined || this.#failure !== undefined) throw wrongState('a player plays once');
    const region = new Region(regionBytes(pcmBytes), { kind: 'memfd', name: 'clearway-audio' });
    this.#region = region;
    this.#words = new Int32Array(region.buffer, 0, offsets.pcm / 4);
    this.#numbers = new Float64Array(region.buffer, 0, offsets.pcm / 8);
    this.#events = new EventReader(region.buffer);
    const { realtime = true, priority = 60, inject } = this.#options;
    const settings: PumpSettings = { parentPid: process.pid, isRealtime: realtime, priority, rampMs: defaultRampMs };
    writeText(region.bytes, offsets.settings, JSON.stringify(settings));
    this.#words[PlayerWord.isPlaying] = this.#isHeld ? 0 : 1;
    this.#numbers[PlayerNumber.volume] = this.#volume;
    this.#words[PlayerWord.stallUs] = (inject?.stall?.ms ?? 0) * 1000;
    this.#words[PlayerWord.stallEveryUs] = (inject?.stall?.everyMs ?? 0) * 1000;
    const [ours, theirs] = unixStreamPair();
    this.#closers.push(() => closeDescriptor(ours));
    try {
      this.#pump = startPump(region.fd, theirs, this.#sink.kind === 'file' && this.#sink.path === undefined);
    } finally {
      closeDescriptor(theirs);
    }
    void this.#pump.ended.then((exit) => this.#finish(exit));
    this.#feeder = this.#startFeeder(region, ours);
    this.#poll = setInterval(() => this.#look(), pollMs);
  }

  #startFeeder(region: Region, socket: number): Worker {
    const { files, raw, startSeconds = 0, leadInMs = 0, loop = false, inject } = this.#options;
    const { address, byteLength } = region;
    const start: FeederStart = {
      ...{ address, byteLength, socket, files, raw, startSeconds, leadInMs, isLoop: loop },
      ...{ sink: this.#sink, settings: this.#settings, slowDisk: inject?.slowDisk },
    };
    const worker = new Worker(feederEntry, { workerData: start, execArgv: [] });
    worker.on('message', (says: FeederSays) => this.#hear(says));
    worker.on('error', (error) => this.#fail(`the feeder ended: ${explainMissingFile(error).message}`, 'usage'));
    return worker;
  }

  /** Goes on after {@link pause}. */
  play(): void {
    this.#hold(false);
  }

  /** Holds: what is queued stays. */
  pause(): void {
    this.#hold(true);
  }

  #hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#words[PlayerWord.isPlaying] = isHeld ? 0 : 1;
  }

  /** To a time, in seconds, of what is heard, or of another file of the list (its place, from 0). @throws PlayerError */
  seek(seconds: number, file?: number): void {
    if (file !== undefined && !(Number.isInteger(file) && file >= 0 && file < this.#options.files.length))
      throw new PlayerError(`there is no file ${file}: they are 0 to ${this.#options.files.length - 1}`, 'usage');
    this.#tell({ kind: 'seek', seconds: checkSeconds(seconds), ...(file === undefined ? {} : { file }) });
  }

  /** To the file after what is heard; behind the last one it ends. */
  next(): void {
    this.#tell({ kind: 'skip', files: 1 });
  }

  /** To the file before what is heard. */
  previous(): void {
    this.#tell({ kind: 'skip', files: -1 });
  }

  /** Factor for samples, 0 to 16, reached by a ramp; 1 is 0 dB and leaves every bit as it is. @throws PlayerError */
  setVolume(volume: number): void {
    this.#volume = checkVolume(volume);
    if (this.#words.length === 0) return;
    this.#numbers[PlayerNumber.volume] = volume;
    Atomics.add(this.#words, PlayerWord.volumeGeneration, 1);
  }

  /** Ends it: what is queued is dropped. Resolves when device, process and thread are given back. */
  async stop(): Promise<EndEvent> {
    this.#isStopped = true;
    if (this.#region === undefined && this.#failure === undefined)
      this.#settleAt({ reason: 'stopped', failure: undefined });
    this.#askToStop();
    return await this.ended;
  }

  /** The track that is heard and where; undefined before the first. */
  position(): PlayPosition | undefined {
    if (this.#words.length === 0) return undefined;
    for (let attempt = 0; attempt < 100; attempt++) {
      const sequence = Atomics.load(this.#words, PumpWord.positionSequence);
      const number = Atomics.load(this.#words, PumpWord.track);
      const frame = this.#numbers[PumpNumber.positionFrame]!;
      if (sequence % 2 !== 0 || sequence !== Atomics.load(this.#words, PumpWord.positionSequence)) continue;
      const track = this.#trackOf(number)?.track;
      return track === undefined ? undefined : { track, frame, seconds: frame / track.format.rate };
    }
    return undefined;
  }

  /** It is over, and does not begin again. */
  #settleAt(end: EndEvent): void {
    this.#failure ??= new PlayerError('it has ended', 'usage');
    this.#settle(end);
  }

  #tell(command: FeederCommand): void {
    this.#feeder?.postMessage(command);
  }

  #askToStop(): void {
    if (this.#words.length === 0) return;
    Atomics.store(this.#words, PlayerWord.stop, 1);
    this.#stopping ??= setTimeout(() => this.#pump?.kill('SIGKILL'), stopPatienceMs);
  }

  #fail(sentence: string, reason: PlayerError['reason']): void {
    this.#failure ??= new PlayerError(sentence, reason);
    this.#askToStop();
  }

  #trackOf(number: number): PlayedTrack | undefined {
    return this.tracks[number - (this.tracks[0]?.track.number ?? 0)];
  }

  #hear(says: FeederSays): void {
    if (says.kind === 'opened') {
      this.opening = says.opening;
      this.#isReadyTold = false;
      this.#isJoinDue = this.#sink.kind === 'jack';
    } else if (says.kind === 'track') {
      const { track } = says;
      this.tracks.push({ track, fedFrames: undefined, verdict: undefined, isWhole: false, missingFrames: 0 });
      if (this.tracks.length <= mostTracks) return;
      this.tracks.shift();
      this.forgottenTracks++;
    } else if (says.kind === 'fed') {
      const track = this.#trackOf(says.number);
      if (track === undefined) return;
      track.fedFrames = says.frames;
      track.verdict = says.verdict;
      track.isWhole = says.isWhole;
    } else if (says.kind === 'skipped') this.emit('skipped', { path: says.path, sentence: says.sentence });
    else if (says.kind === 'over') this.#askToStop();
    else this.#fail(says.sentence, says.kind === 'hung' ? 'gone' : says.reason);
  }

  /** Looks what the pump's words say, and tells of it. */
  #look(): void {
    if (this.#region === undefined || this.#events === undefined) return;
    const state = Atomics.load(this.#words, PumpWord.state);
    this.#tellReady(state);
    if (this.#isJoinDue && this.#isInCycles()) this.#join();
    // Held before the device was started, at the begin of a format: nobody hears that it is another state of the pump's.
    const told = state === PumpState.filling && this.#isHeld ? PumpState.paused : state;
    if (told !== this.#state) {
      this.#state = told;
      if (told === PumpState.paused) this.emit('paused');
      else if (told === PumpState.playing) {
        this.#faults.began(this.#pump);
        this.emit('playing');
      }
    }
    this.#tellTracks();
    for (const event of this.#events.take()) {
      if (event.kind === 'xrun') {
        this.xruns.push(event);
        if (this.xruns.length > mostKept) this.xruns.shift();
        this.emit('xrun', event);
      } else if (event.kind === 'gap') this.emit('gap', event);
      else if (event.kind === 'suspended') this.emit('suspended', event);
      else {
        const track = this.#trackOf(event.track);
        if (track !== undefined) track.missingFrames += event.framesLost;
        this.emit('truncated', event);
      }
    }
  }

  #tellReady(state: number): void {
    if (this.#isReadyTold || this.opening === undefined || state < PumpState.filling) return;
    this.#isReadyTold = true;
    const text = readText(this.#region!.bytes, offsets.rights);
    this.refusals = text === '' ? [] : (JSON.parse(text) as string[]);
    this.emit('ready', { device: this.#device, opening: this.opening });
  }

  /** In this process, once the pump is in its cycles: a server refuses ports of a client that is not, each time with a line in its log. */
  #join(): void {
    this.#isJoinDue = false;
    const { opening } = this;
    const isActive = (): boolean | undefined =>
      this.#words.length > 0 && this.opening === opening && !this.#isStopped ? this.#isInCycles() : undefined;
    void connectJack(this.pumpPid, opening!.format.channels, isActive);
  }

  #isInCycles(): boolean {
    const state = Atomics.load(this.#words, PumpWord.state);
    return state >= PumpState.playing && state <= PumpState.draining;
  }

  /** Tracks that began to be heard since; a short one may be over already. */
  #tellTracks(): void {
    const heard = Atomics.load(this.#words, PumpWord.track);
    const first = this.tracks[0]?.track.number ?? 0;
    for (let number = Math.max(first, this.#heard + 1); number <= heard; number++) {
      const track = this.#trackOf(number)?.track;
      if (track === undefined) return;
      this.#heard = number;
      this.emit('track', track);
    }
  }

  /** The pump has ended: everything is given back. */
  async #finish(exit: PumpExit): Promise<void> {
    clearInterval(this.#poll);
    clearTimeout(this.#stopping);
    this.#faults.end();
    this.#tell({ kind: 'close' });
    const isOver = await this.#feederEnds();
    const failure = this.#failure ?? this.#failureOf(exit);
    const reason = failure !== undefined ? 'failed' : this.#isStopped ? 'stopped' : 'played';
    const end: EndEvent = { reason, failure };
    try {
      this.#look();
      countSoundCopies(this.#numbers, this.opening);
      this.emit('end', end);
    } finally {
      // Also where a listener throws.
      this.#giveBack(isOver, end);
    }
  }

  #giveBack(isOver: boolean, end: EndEvent): void {
    for (const close of this.#closers.splice(0)) close();
    this.#words = new Int32Array(0);
    this.#numbers = new Float64Array(0);
    // A feeder that hangs in a file (a server of files that is gone) may still come back to its memory.
    if (isOver) this.#region?.unmap();
    this.#region = undefined;
    this.#settleAt(end);
  }

  #failureOf({ code, signal, said }: PumpExit): PlayerError | undefined {
    const state = Atomics.load(this.#words, PumpWord.state);
    if (state === PumpState.failed) return new PlayerError(readText(this.#region!.bytes, offsets.trouble), 'gone');
    if ((state === PumpState.ended && code === 0) || this.#isStopped) return undefined;
    const how = signal === null ? `with status ${code}` : `by ${signal}`;
    const last = said.split('\n').findLast((line) => line.trim() !== '') ?? '';
    const words =
      this.#words[PumpWord.seal] === layoutSeal ? 'the pump ended while it played' : 'the pump did not start';
    return new PlayerError(`${words}, ${how}${last === '' ? '' : `: ${last}`}`, 'gone');
  }

  /** Ends the feeder; false: it hangs. */
  async #feederEnds(): Promise<boolean> {
    const feeder = this.#feeder;
    if (feeder === undefined || feeder.threadId === -1) return true;
    const gone = new Promise<boolean>((resolve) => feeder.once('exit', () => resolve(true)));
    const patience = (): Promise<boolean> =>
      new Promise((resolve) => setTimeout(() => resolve(false), feederPatienceMs).unref());
    if (await Promise.race([gone, patience()])) return true;
    void feeder.terminate();
    return await Promise.race([gone, patience()]);
  }
}
