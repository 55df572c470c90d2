// The entry of the pump's process. It waits for requests of a sink, plays, and ends with a word in the shared region. Between sinks it is an ordinary process that may take its time; while it
// plays, all of it is the loop. Descriptor 3 is the shared region, 4 a socket for files. Not here: the loop (loop.ts), who starts it (../player.ts).

import { fstatSync } from 'node:fs';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MAP, mapMemory, PROT } from '../../kernel/memory.js';
import { parentProcess, signalAtParentsEnd } from '../../kernel/scheduling.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { negotiate } from '../../wire/pcm/negotiate.js';
import { loadSink } from '../sinks/open-sink.js';
import { isSinkError, offerOf, type Sink, type SinkRequest } from '../sinks/sink.js';
import { endStream } from '../sound-ledger.js';
import { PumpClock, Time } from './clock.js';
import { Fetcher } from './fetcher.js';
import { Figures } from './figures.js';
import { FileSlots } from './file-slots.js';
import { PumpLoop } from './loop.js';
import { LoopEnd } from './loop-end.js';
import { wakeFramesOf } from './loop-times.js';
import { holdCompilers, rehearse } from './rehearse.js';
import { giveTurnBack, hurry, lockRanges, takeTurn, tellRights } from './rights.js';
import {
  EventCause,
  EventKind,
  FeederWord,
  layoutSeal,
  offsets,
  PlayerWord,
  PumpNumber,
  type PumpReply,
  type PumpSettings,
  PumpState,
  PumpWord,
  readText,
  writeText,
} from './shared-layout.js';
import { Volume } from './volume.js';

const regionDescriptor = 3;
const socketDescriptor = 4;
const sigkill = 9;
const idleNs = 2e6;
/** A mebibyte of the young generation: of what is allocated while it plays (next to nothing) the first. */
const touchedArrays = 256;
const touchedElements = 512;

/** Node's, with `--expose-gc`. */
declare const gc: undefined | (() => void);

/** What compiled code depends on. */
const shapeOf = ({ sample, channels }: PcmFormat): string => `${sample} ${channels}`;

class PumpProcess {
  readonly #region: ArrayBuffer;
  readonly #address: number;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #settings: PumpSettings;
  readonly #clock = new PumpClock();
  readonly #figures: Figures;
  readonly #slots = new FileSlots(socketDescriptor);
  /** When collections happened, in milliseconds of `performance.now()`. */
  readonly #collections: number[] = [];
  #sink: Sink | undefined;
  #refusals: string[] = [];
  /** The form of samples that was rehearsed with. */
  #rehearsed = '';
  /** When the stream stopped because its format ended; -1: it did not. */
  #formatEndedNs = -1;

  constructor() {
    const mapping = mapMemory(
      fstatSync(regionDescriptor).size,
      PROT.READ | PROT.WRITE,
      MAP.SHARED | MAP.POPULATE,
      regionDescriptor,
    );
    this.#region = mapping.buffer;
    this.#address = mapping.address;
    this.#bytes = new Uint8Array(mapping.buffer);
    this.#words = new Int32Array(mapping.buffer, 0, offsets.pcm / 4);
    this.#numbers = new Float64Array(mapping.buffer, 0, offsets.pcm / 8);
    this.#settings = JSON.parse(readText(this.#bytes, offsets.settings)) as PumpSettings;
    this.#figures = new Figures(this.#region, this.#clock);
    this.#words[PumpWord.seal] = layoutSeal;
    this.#words[PumpWord.pid] = process.pid;
    if (this.#settings.isRealtime) hurry();
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#collections.push(entry.startTime);
    }).observe({ entryTypes: ['gc'] });
  }

  /** Serves requests until there are none any more. */
  async run(): Promise<void> {
    for (;;) {
      const asked = this.#await();
      if (asked === undefined) return this.#end(PumpState.ended);
      const end = await this.#serve(asked);
      if (end === LoopEnd.none) continue;
      if (end === LoopEnd.gone) {
        writeText(this.#bytes, offsets.trouble, this.#sink?.trouble() ?? 'the device went away');
        return this.#end(PumpState.failed);
      }
      if (end !== LoopEnd.formatEnds) return this.#end(PumpState.ended);
    }
  }

  #end(state: number): void {
    this.#sink?.close();
    this.#slots.close();
    this.#setState(state);
  }

  #setState(state: number): void {
    Atomics.store(this.#words, PumpWord.state, state);
  }

  /** Waits for a request: its number; undefined: nobody will ask any more. */
  #await(): number | undefined {
    this.#setState(PumpState.idle);
    for (;;) {
      const request = Atomics.load(this.#words, FeederWord.request);
      if (request !== this.#words[PumpWord.reply]) return request;
      if (Atomics.load(this.#words, PlayerWord.stop) !== 0) return undefined;
      if (parentProcess() !== this.#settings.parentPid) return undefined;
      this.#flush();
      Atomics.add(this.#words, PumpWord.heartbeat, 1);
      this.#clock.read();
      this.#clock.times[Time.deadline] = this.#clock.times[Time.now]! + idleNs;
      this.#clock.sleep();
    }
  }

  /** A seek while no sink is open. */
  #flush(): void {
    const generation = Atomics.load(this.#words, FeederWord.flushGeneration);
    if (generation === this.#words[PumpWord.flushed]) return;
    Atomics.store(this.#words, PumpWord.head, this.#words[FeederWord.flushTail]!);
    Atomics.store(this.#words, PumpWord.flushed, generation);
  }

  /** Opens what was asked for and plays. */
  async #serve(asked: number): Promise<number> {
    this.#setState(PumpState.opening);
    const request = JSON.parse(readText(this.#bytes, offsets.request)) as SinkRequest;
    let reply: PumpReply;
    try {
      this.#sink ??= await loadSink(request.sink, this.#clock);
      reply = this.#open(this.#sink, request);
    } catch (error) {
      reply = {
        refusal: error instanceof Error ? error.message : String(error),
        reason: isSinkError(error) ? error.reason : 'device',
      };
    }
    writeText(this.#bytes, offsets.reply, JSON.stringify(reply));
    Atomics.store(this.#words, PumpWord.reply, asked);
    if ('refusal' in reply) {
      this.#sink?.close();
      return LoopEnd.none;
    }
    return this.#play(this.#sink!, reply);
  }

  #open(sink: Sink, { source, lossy, settings }: SinkRequest): PumpReply {
    const options = { convert: settings.convert, lossy };
    const agreement = negotiate(source, sink.offers(source), options);
    if ('refusal' in agreement) return { refusal: agreement.refusal, reason: 'device' };
    const opening = sink.open(agreement.format, settings);
    if (opening.speakers === undefined) return { opening, agreement };
    // Where its channels go is what many devices say only when they are configured.
    const placed = negotiate(source, [offerOf(opening)], options);
    return 'refusal' in placed ? { refusal: placed.refusal, reason: 'device' } : { opening, agreement: placed };
  }

  async #play(sink: Sink, { opening }: Extract<PumpReply, { opening: unknown }>): Promise<number> {
    const { format, periodFrames, ringFrames, clock } = opening;
    const isTimed = clock !== 'none';
    if (isTimed && this.#rehearsed === '') {
      rehearse(sink, opening, this.#clock, () => Atomics.load(this.#words, PlayerWord.stop) === 0);
      this.#rehearsed = shapeOf(format);
    }
    const volume = new Volume(format.sample, format.channels, (format.rate * this.#settings.rampMs) / 1000);
    const fetcher = new Fetcher(this.#region, sink, format, this.#slots, volume);
    const loop = new PumpLoop({
      ...{ region: this.#region, clock: this.#clock, sink, opening, fetcher, volume, figures: this.#figures },
      wakeFrames: wakeFramesOf(ringFrames, periodFrames, format.rate),
      parentPid: this.#settings.parentPid,
      isRehearsal: false,
    });
    if (isTimed) this.#prepare(sink);
    else tellRights(this.#words, this.#numbers);
    if (this.#formatEndedNs >= 0) this.#tellGap();
    // What is done with the first file has been done when playing begins.
    this.#slots.receive();
    holdCompilers(this.#rehearsed === shapeOf(format));
    const began = performance.now();
    this.#figures.begin(periodFrames, format.rate);
    const heapBytes = process.memoryUsage().heapUsed;
    const end = loop.run();
    this.#figures.takeUsage();
    this.#numbers[PumpNumber.allocatedBytes]! += Math.max(0, process.memoryUsage().heapUsed - heapBytes);
    const stopped = performance.now();
    giveTurnBack();
    holdCompilers(false);
    this.#figures.end();
    this.#clock.read();
    this.#formatEndedNs = end === LoopEnd.formatEnds ? this.#clock.times[Time.now]! : -1;
    if (end === LoopEnd.formatEnds) {
      fetcher.passEnd();
      endStream(this.#numbers, opening);
    }
    fetcher.close();
    this.#setState(PumpState.closing);
    if (end !== LoopEnd.gone) sink.close();
    await this.#countCollections(began, stopped);
    return end;
  }

  /** Memory is collected and locked, and only then the thread is made real-time. */
  #prepare(sink: Sink): void {
    gc?.();
    // Pages of the young generation are there before something is put into them: of both its halves, of which a collection takes the other.
    for (let half = 0; half < 2; half++) {
      touchYoung();
      gc?.();
    }
    // Of each sink that is opened the memory is its own; what is locked already stays so.
    const { address, buffer } = sink.memory;
    const refusals = lockRanges([
      { address: this.#address, length: this.#region.byteLength },
      { address, length: buffer.byteLength },
    ]);
    if (this.#settings.isRealtime) refusals.push(...takeTurn(this.#settings.priority));
    this.#refusals = [...new Set([...this.#refusals, ...refusals])];
    tellRights(this.#words, this.#numbers);
    writeText(this.#bytes, offsets.rights, JSON.stringify(this.#refusals));
  }

  #tellGap(): void {
    this.#clock.read();
    const gap = this.#clock.times[Time.now]! - this.#formatEndedNs;
    this.#figures.event(
      EventKind.formatGap,
      EventCause.none,
      this.#words[PumpWord.track]!,
      new Float64Array([0, gap, 0]),
    );
  }

  /** Collections are told of by the event loop, to which this process comes back now. */
  async #countCollections(began: number, stopped: number): Promise<void> {
    await nextTurn();
    await nextTurn();
    const within = this.#collections.filter((at) => at >= began && at <= stopped).length;
    this.#words[PumpWord.collections]! += within;
    this.#collections.length = 0;
  }
}

function touchYoung(): void {
  let touched: number[] = [];
  for (let each = 0; each < touchedArrays; each++) touched = new Array<number>(touchedElements).fill(touched.length);
}

async function main(): Promise<void> {
  signalAtParentsEnd(sigkill);
  // A terminal's Ctrl-C is the player's to understand.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  await new PumpProcess().run();
  process.exit(0);
}

void main();
