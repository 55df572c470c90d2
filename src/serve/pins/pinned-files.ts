// PinnedFiles: what one serving thread knows of files that are pinned in memory: which versions there are, the ring's registered buffers
// over them, and whether anybody, the kernel included, still sends from them. The memory is the main thread's (pin-keeper.ts), which
// frees one when every thread has said that it is done with it.

import { Errno } from '../../kernel/errno.js';
import type { Loop } from '../../transport/loop.js';
import type { FileMapping, FileResidency, PinnedSource } from '../../transport/output.js';
import type { ToldPin } from './told-pin.js';

/** Bytes of one registered buffer: registering looks up every page, some 1 ms for so many, and each turn does one. */
const bufferBytes = 16 * 1024 * 1024;

/** A file in memory as a sender sees it. */
export class PinnedFile implements FileMapping, FileResidency, PinnedSource {
  readonly #told: ToldPin;
  /** The ring's buffers; -1 where it has none. */
  readonly buffers: Int32Array;
  #references = 0;
  /** Called when nobody refers to it. */
  onIdle: (() => void) | undefined;

  constructor(told: ToldPin) {
    this.#told = told;
    this.buffers = new Int32Array(Math.ceil(told.mappedBytes / bufferBytes)).fill(-1);
  }

  /** The descriptor of its memory. */
  get fd(): number {
    return this.#told.fd;
  }

  /** Always: the pages are locked. */
  covers(): boolean {
    return true;
  }

  address(offset: number): number {
    return this.#told.address + offset;
  }

  /** Up to the end of a registered buffer. */
  room(offset: number): number {
    return Math.min(bufferBytes - (offset % bufferBytes), this.#told.length - offset);
  }

  reaches(end: number): boolean {
    return end <= this.#told.length;
  }

  buffer(offset: number): number {
    return this.buffers[Math.floor(offset / bufferBytes)] ?? -1;
  }

  /** Somebody refers to it until {@link release}. */
  retain(): void {
    this.#references++;
  }

  /** Somebody does no more. */
  release(): void {
    this.#references--;
    if (this.#references === 0) this.onIdle?.();
  }

  /** Nobody refers to it. */
  get isIdle(): boolean {
    return this.#references === 0;
  }
}

/** What a thread says of its pins. */
export interface PinListener {
  /** Nobody here sends from a file any more that was dropped. */
  unpinned(id: number): void;
  /** In words, once. */
  warning(message: string): void;
}

/** See the file's head. */
export class PinnedFiles {
  readonly #loop: Loop;
  readonly #listener: PinListener;
  readonly #byIdentity = new Map<number, Map<number, PinnedFile>>();
  readonly #byId = new Map<number, { readonly told: ToldPin; readonly file: PinnedFile }>();
  #isRefused = false;

  constructor(loop: Loop, listener: PinListener) {
    this.#loop = loop;
    this.#listener = listener;
  }

  /** The pinned memory of a version of a file. */
  of(identityHigh: number, identityLow: number): PinnedFile | undefined {
    return this.#byIdentity.get(identityHigh)?.get(identityLow);
  }

  /** A file is pinned from now on: who opens it again gets its memory. */
  add(told: ToldPin): void {
    if (this.#byId.has(told.id)) return;
    const file = new PinnedFile(told);
    this.#byId.set(told.id, { told, file });
    const lows = this.#byIdentity.get(told.identityHigh) ?? new Map<number, PinnedFile>();
    lows.set(told.identityLow, file);
    this.#byIdentity.set(told.identityHigh, lows);
    this.#register(told, file, 0);
  }

  /** Registers a file's pages with the ring, a part each turn. */
  #register(told: ToldPin, file: PinnedFile, index: number): void {
    const { zeroCopy } = this.#loop.engine;
    if (zeroCopy === undefined || this.#isRefused || index === file.buffers.length || !this.#byId.has(told.id)) return;
    const from = index * bufferBytes;
    const buffer = zeroCopy.register(told.address + from, Math.min(bufferBytes, told.mappedBytes - from));
    if (buffer < 0) {
      this.#isRefused = true;
      const why = -buffer === Errno.ENOMEM ? 'the limit of locked memory is reached' : `errno ${-buffer}`;
      const fix = 'raise it with `ulimit -l` or LimitMEMLOCK=, or give the process CAP_IPC_LOCK';
      this.#listener.warning(
        `pinned files are not registered with the ring (${why}), and are sent all the same: ${fix}`,
      );
      return;
    }
    file.buffers[index] = buffer;
    this.#loop.nextTurn(() => this.#register(told, file, index + 1));
  }

  /** A file is not pinned any more; it is let go of when nobody sends from it. */
  drop(id: number): void {
    const known = this.#byId.get(id);
    if (known === undefined) return;
    const { told, file } = known;
    this.#byId.delete(id);
    const lows = this.#byIdentity.get(told.identityHigh);
    if (lows?.get(told.identityLow) === file) lows.delete(told.identityLow);
    if (lows?.size === 0) this.#byIdentity.delete(told.identityHigh);
    const end = (): void => {
      file.onIdle = undefined;
      for (const buffer of file.buffers) if (buffer >= 0) this.#loop.engine.zeroCopy?.unregister(buffer);
      this.#listener.unpinned(id);
    };
    if (file.isIdle) end();
    else file.onIdle = end;
  }
}
