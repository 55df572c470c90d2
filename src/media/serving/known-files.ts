// What is known of files that have to be read first: films, subtitles. One reading for all who wait, kept by what the file was when it was
// read (inode, times, size), under a bound of bytes, least recently used first to go. Not here: reading (file-reading.ts).

import type { OpenFile } from '../../serve/open-files.js';
import type { Until } from '../../serve/waiting.js';
import type { Loop } from '../../transport/loop.js';
import { type FilmReading, FilmRefusal } from '../film.js';
import { FileReading } from './file-reading.js';

/** A file, and what no two versions of it share. */
export interface KnownBy {
  readonly identity: string;
  readonly file: OpenFile;
}

/** Why there is nothing now: a refusal, or what has to be waited for first. */
export type NotNow = { readonly refusal: FilmRefusal } | { readonly until: Until };

/** What is known: a value, or why there is none now. */
export type Knowledge<Value> = { readonly value: Value } | NotNow;

/** Files read at the same time by one thread, and those whose turn is still to come. */
const mostReadings = 8;
const mostInLine = 256;
/** How long those who waited are answered until the loop has its turn. */
const turnMs = 1;
/** Those who may wait for one file. */
const mostWaiters = 4096;
/** What a refusal takes. */
const refusalBytes = 512;
/** Files that are known at most, however small they are: an entry, with what is made of it elsewhere, takes some 25 KiB beside its tables. */
export const mostKnown = 1024;

interface Reading<Value> {
  readonly identity: string;
  readonly file: OpenFile;
  readonly reader: FilmReading<Value>;
}

interface Entry<Value> {
  readonly known: { readonly value: Value } | { readonly refusal: FilmRefusal };
  /** What it takes by itself. */
  readonly bytes: number;
  readonly shared: Shared | undefined;
}

/** Memory that several values hold together, and what it takes. */
export interface Shared {
  readonly holder: object;
  readonly bytes: number;
}

/** What a value takes: by itself, and together with others. */
export interface Taken {
  readonly bytes: number;
  readonly shared?: Shared | undefined;
}

/** Too many wait already: ask again. */
const busyRefusal = new FilmRefusal('has to wait: other films are being read', 503);

/** See the file's head. */
export class KnownFiles<Value> {
  readonly #loop: Loop;
  readonly #mostBytes: number;
  readonly #takenBy: (value: Value) => Taken;
  readonly #letGo: (value: Value) => void;
  /** Least recently used first. */
  readonly #known = new Map<string, Entry<Value>>();
  readonly #waiting = new Map<string, Array<() => void>>();
  /** Those who are still to be read, first come first; each keeps its file open. */
  readonly #inLine: Reading<Value>[] = [];
  /** Values that hold what is shared. */
  readonly #sharers = new Map<object, number>();
  #reading = 0;
  #bytes = 0;

  /** @param mostBytes that are kept, by `takenBy`. @param letGo is told of each value that is kept no longer, after that. */
  constructor(
    loop: Loop,
    mostBytes: number,
    takenBy: (value: Value) => Taken,
    letGo: (value: Value) => void = () => {},
  ) {
    this.#loop = loop;
    this.#mostBytes = mostBytes;
    this.#takenBy = takenBy;
    this.#letGo = letGo;
  }

  /** What is known; where nothing is, reading begins. @param read makes the reader, if it is needed. */
  get({ identity, file }: KnownBy, read: () => FilmReading<Value>): Knowledge<Value> {
    const entry = this.#known.get(identity);
    if (entry !== undefined) {
      this.#known.delete(identity);
      this.#known.set(identity, entry);
      return entry.known;
    }
    let waiting = this.#waiting.get(identity);
    if (waiting === undefined) {
      if (this.#inLine.length >= mostInLine) return { refusal: busyRefusal };
      waiting = [];
      this.#waiting.set(identity, waiting);
      this.#inLine.push({ identity, file: file.retain(), reader: read() });
      this.#readNext();
    }
    if (waiting.length >= mostWaiters) return { refusal: busyRefusal };
    const list = waiting;
    return { until: (done) => list.push(done) };
  }

  /** As {@link get}, for what nobody waits for: reading begins only where nobody is in line. */
  idly(by: KnownBy, read: () => FilmReading<Value>): Knowledge<Value> {
    const isIdle = this.#reading < mostReadings || this.#known.has(by.identity);
    return isIdle ? this.get(by, read) : { refusal: busyRefusal };
  }

  /** Whether anything is being read. */
  get isReading(): boolean {
    return this.#reading > 0;
  }

  /** What is kept: files, and bytes of memory. */
  get kept(): { readonly files: number; readonly bytes: number } {
    return { files: this.#known.size, bytes: this.#bytes };
  }

  /** Forgets everything; what is being read goes on. */
  clear(): void {
    const entries = [...this.#known.values()];
    this.#known.clear();
    this.#sharers.clear();
    this.#bytes = 0;
    for (const entry of entries) this.#forget(entry);
  }

  /** Lets go of the value that was used least recently. False: none is kept. */
  dropOldest(): boolean {
    for (const [identity, entry] of this.#known) {
      if (!('value' in entry.known)) continue;
      this.#drop(identity, entry);
      this.#forget(entry);
      return true;
    }
    return false;
  }

  #forget({ known }: Entry<Value>): void {
    if ('value' in known) this.#letGo(known.value);
  }

  #readNext(): void {
    while (this.#reading < mostReadings && this.#inLine.length > 0) {
      const { identity, file, reader } = this.#inLine.shift()!;
      this.#reading++;
      new FileReading(this.#loop, file, reader, (outcome) => this.#end(identity, outcome));
      file.release();
    }
  }

  #end(identity: string, outcome: Value | FilmRefusal): void {
    this.#reading--;
    this.#readNext();
    const waiting = this.#waiting.get(identity)!;
    this.#waiting.delete(identity);
    // Answers are a turn of their own, and come before what is kept for one turn alone is forgotten.
    this.#loop.nextTurn(() => this.#wake(waiting, 0));
    if (outcome instanceof FilmRefusal) this.#keep(identity, { refusal: outcome }, { bytes: refusalBytes });
    else this.#keep(identity, { value: outcome }, this.#takenBy(outcome));
  }

  /** Each makes an answer of its own: thousands in one turn would hold the loop. */
  #wake(waiting: ReadonlyArray<() => void>, from: number): void {
    const untilMs = performance.now() + turnMs;
    for (let index = from; index < waiting.length; ) {
      waiting[index++]!();
      if (index === waiting.length || performance.now() < untilMs) continue;
      this.#loop.nextTurn(() => this.#wake(waiting, index));
      return;
    }
  }

  /** What is larger than all that may be kept is kept alone: its viewers need it. */
  #keep(identity: string, known: Entry<Value>['known'], { bytes, shared }: Taken): void {
    const more = (): number => bytes + (shared === undefined || this.#sharers.has(shared.holder) ? 0 : shared.bytes);
    for (const [oldest, entry] of this.#known) {
      if (this.#bytes + more() <= this.#mostBytes && this.#known.size < mostKnown) break;
      this.#drop(oldest, entry);
      this.#forget(entry);
    }
    this.#bytes += more();
    if (shared !== undefined) this.#sharers.set(shared.holder, (this.#sharers.get(shared.holder) ?? 0) + 1);
    const entry = { known, bytes, shared };
    this.#known.set(identity, entry);
    if (!('refusal' in known) || known.refusal.status !== 503) return;
    // What the disk or memory refused may be there soon.
    this.#loop.nextTurn(() => {
      if (this.#known.get(identity) === entry) this.#drop(identity, entry);
    });
  }

  /** Keeps it no longer. What it shared is gone with the last one that held it. */
  #drop(identity: string, { bytes, shared }: Entry<Value>): void {
    this.#known.delete(identity);
    this.#bytes -= bytes;
    if (shared === undefined) return;
    const left = this.#sharers.get(shared.holder)! - 1;
    if (left > 0) this.#sharers.set(shared.holder, left);
    else {
      this.#sharers.delete(shared.holder);
      this.#bytes -= shared.bytes;
    }
  }
}
