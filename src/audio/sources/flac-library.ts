// libFLAC by the FFI: its stream decoder, fed from a descriptor, whose blocks are seen where the library decoded them.
// Nothing is copied here: a block's planes stay valid until the next one is asked for (libFLAC's stream_decoder.c decodes into memory of
// its own, which is given back or used again by the next call only). Not here: what is made of the blocks (flac-source.ts).

import { type Library, type NativeFunction, openLibrary, registerCallback, viewMemory } from '../../kernel/ffi.js';
import { readAt } from '../../kernel/file.js';
import { copyMemory } from '../../kernel/memory.js';
import { little64, setLittle64 } from '../../kernel/words.js';
import { Region } from '../../memory/region.js';
import { sonames } from '../sonames.js';

/** FLAC__STREAM_DECODER_* states. */
const state = { endOfStream: 4, seekError: 6 } as const;
const errorCrc = 2;

const readContinue = 0;
const readEnd = 1;
const readAbort = 2;

/** A block as the library decoded it. The planes are the library's. */
export interface FlacBlock {
  /** Of its first frame, as the block's own header says. */
  readonly number: number;
  readonly frames: number;
  readonly channels: number;
  readonly bits: number;
  /** A channel's samples as 32-bit integers, the value at the lower end. */
  readonly planes: readonly DataView[];
}

/** What one step of the decoder gave. */
export interface FlacStep {
  readonly block: FlacBlock | undefined;
  /** Errors that the library told of on the way, and whether a checksum was among them. */
  readonly errors: number;
  readonly isCrcWrong: boolean;
  /** Blocks of silence that the library put in front of the block for others that it could not decode. */
  readonly filled: number;
  readonly isEnd: boolean;
}

interface Functions {
  readonly create: NativeFunction;
  readonly destroy: NativeFunction;
  readonly setSumChecking: NativeFunction;
  readonly start: NativeFunction;
  readonly startOgg: NativeFunction;
  readonly processHead: NativeFunction;
  readonly processOne: NativeFunction;
  readonly seek: NativeFunction;
  readonly flush: NativeFunction;
  readonly finish: NativeFunction;
  readonly getState: NativeFunction;
}

const startArguments =
  '(int64 decoder, int64 read, int64 seek, int64 tell, int64 length, int64 eof, int64 write, int64 metadata, int64 error, int64 client)';

function bindFunctions(library: Library): Functions {
  const bind = (result: string, name: string, rest = '(int64 decoder)') =>
    library.bind(`${result} FLAC__stream_decoder_${name}${rest}`);
  return {
    create: bind('int64', 'new', '()'),
    destroy: bind('void', 'delete'),
    setSumChecking: bind('int', 'set_md5_checking', '(int64 decoder, int value)'),
    start: bind('int', 'init_stream', startArguments),
    startOgg: bind('int', 'init_ogg_stream', startArguments),
    processHead: bind('int', 'process_until_end_of_metadata'),
    processOne: bind('int', 'process_single'),
    seek: bind('int', 'seek_absolute', '(int64 decoder, uint64 sample)'),
    flush: bind('int', 'flush'),
    finish: bind('int', 'finish'),
    getState: bind('int', 'get_state'),
  };
}

/** The library once it is loaded, with the callbacks that serve every decoder of this thread: the calls never overlap. */
interface Loaded {
  readonly functions: Functions;
  readonly callbacks: Readonly<Record<'read' | 'seek' | 'tell' | 'length' | 'eof' | 'write' | 'error', number>>;
  readonly version: string;
  /** libFLAC before 1.4 (soname 8) knows no more than 24 bits. */
  readonly mostBits: number;
}

let loaded: Loaded | undefined;
/** The decoder whose call is running: callbacks are for it. */
let current: FlacDecoder | undefined;
/** Where what C gives by address is looked at: 8 bytes of a count, 40 of a block's header, 64 of planes' addresses. */
let glance: Region | undefined;
const headerAt = 64;
const headerBytes = 32;
const planesAt = 128;

/** Address of the place where what C gives by address is looked at. */
function glanceRegion(): Region {
  glance ??= new Region(4096);
  return glance;
}

function loadWord(address: number): number {
  const region = glanceRegion();
  copyMemory(region.address, address, 8);
  return little64(region.data, 0);
}

function storeWord(address: number, value: number): void {
  const region = glanceRegion();
  setLittle64(region.data, 0, value);
  copyMemory(address, region.address, 8);
}

function registerAll(): Loaded['callbacks'] {
  const register = (prototype: string, callback: (...values: never[]) => unknown) =>
    registerCallback(prototype, callback).address;
  return {
    read: register(
      'int clearway_flac_read(int64 d, int64 buffer, int64 bytes, int64 c)',
      (_: number, buffer: number, bytes: number) => (current === undefined ? readAbort : current.onRead(buffer, bytes)),
    ),
    seek: register('int clearway_flac_seek(int64 d, int64 offset, int64 c)', (_: number, offset: number) =>
      current === undefined ? 1 : current.onSeek(offset),
    ),
    tell: register('int clearway_flac_tell(int64 d, int64 offset, int64 c)', (_: number, offset: number) =>
      current === undefined ? 1 : current.onTell(offset),
    ),
    length: register('int clearway_flac_length(int64 d, int64 length, int64 c)', (_: number, length: number) =>
      current === undefined ? 1 : current.onLength(length),
    ),
    eof: register('int clearway_flac_eof(int64 d, int64 c)', () => (current?.isAtEnd === false ? 0 : 1)),
    write: register(
      'int clearway_flac_write(int64 d, int64 frame, int64 planes, int64 c)',
      (_: number, frame: number, planes: number) => (current === undefined ? 1 : current.onWrite(frame, planes)),
    ),
    error: register('void clearway_flac_error(int64 d, int status, int64 c)', (_: number, status: number) =>
      current?.onError(status),
    ),
  };
}

function load(): Loaded | undefined {
  if (loaded !== undefined) return loaded;
  const library = openLibrary(sonames.libFLAC);
  if (library === undefined) return undefined;
  const version = library.text('FLAC__VERSION_STRING') ?? `of ${library.name}`;
  const mostBits = library.name === 'libFLAC.so.8' ? 24 : 32;
  loaded = { functions: bindFunctions(library), callbacks: registerAll(), version, mostBits };
  return loaded;
}

/** The version of the libFLAC that this host has, or undefined. */
export function flacVersion(): string | undefined {
  return load()?.version;
}

/** Bits a sample that this host's libFLAC decodes; 0 without one. */
export function flacMostBits(): number {
  return load()?.mostBits ?? 0;
}

/** One decoder of libFLAC over a part of a file. */
export class FlacDecoder {
  readonly #library: Loaded;
  readonly #fd: number;
  readonly #start: number;
  readonly #length: number;
  readonly #isOgg: boolean;
  #handle = 0;
  #position = 0;
  #isRunning = false;
  #readErrno = 0;
  #block: FlacBlock | undefined;
  #blocks = 0;
  #errors = 0;
  #isCrcWrong = false;
  /** Views of the library's planes, by address; they are few, and as long as the longest block seen there. */
  readonly #views = new Map<number, DataView>();

  /**
   * @param start where the stream begins in the file. @param end where it ends.
   * @throws Error where the library is not there, or has no memory.
   */
  constructor(fd: number, start: number, end: number, isOgg: boolean) {
    const library = load();
    if (library === undefined) throw new Error('there is no libFLAC');
    this.#library = library;
    this.#fd = fd;
    this.#start = start;
    this.#length = end - start;
    this.#isOgg = isOgg;
  }

  /** The errno with which the file could not be read, 0 where it could. */
  get readErrno(): number {
    return this.#readErrno;
  }

  /** Whether a stream was begun and not finished. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Whether the read position is at the end of the stream. */
  get isAtEnd(): boolean {
    return this.#position >= this.#length;
  }

  #call(call: () => number | bigint): number {
    current = this;
    try {
      return Number(call());
    } finally {
      current = undefined;
    }
  }

  /** Starts from the beginning, the sum being checked; gives whether the head of the stream was understood. */
  begin(): boolean {
    const { functions, callbacks } = this.#library;
    if (this.#handle === 0) this.#handle = Number(functions.create());
    if (this.#handle === 0) return false;
    if (this.#isRunning) this.finish();
    this.#position = 0;
    this.#forget();
    functions.setSumChecking(this.#handle, 1);
    const { read, seek, tell, length, eof, write, error } = callbacks;
    const init = this.#isOgg ? functions.startOgg : functions.start;
    const result = this.#call(() => init(this.#handle, read, seek, tell, length, eof, write, 0, error, 0));
    this.#isRunning = result === 0;
    return this.#isRunning && this.#call(() => functions.processHead(this.#handle)) !== 0;
  }

  #forget(): void {
    this.#block = undefined;
    this.#blocks = 0;
    this.#errors = 0;
    this.#isCrcWrong = false;
  }

  /** Decodes the next block. The planes of the one before are gone. */
  next(): FlacStep {
    this.#forget();
    const { functions } = this.#library;
    const isOk = this.#isRunning && this.#call(() => functions.processOne(this.#handle)) !== 0;
    const isEnd = !isOk || Number(functions.getState(this.#handle)) >= state.endOfStream;
    return this.#step(isEnd);
  }

  #step(isEnd: boolean): FlacStep {
    const filled = Math.max(0, this.#blocks - 1);
    return { block: this.#block, errors: this.#errors, isCrcWrong: this.#isCrcWrong, filled, isEnd };
  }

  /** Searches a frame; the step's block begins with it. The sum is no longer checked. Undefined where it is not found. */
  seek(frame: number): FlacStep | undefined {
    this.#forget();
    const { functions } = this.#library;
    const isOk = this.#isRunning && this.#call(() => functions.seek(this.#handle, frame)) !== 0;
    if (isOk && this.#block !== undefined) return this.#step(false);
    if (this.#isRunning && Number(functions.getState(this.#handle)) === state.seekError) functions.flush(this.#handle);
    return undefined;
  }

  /** Ends the stream; gives whether its sum is that of what was decoded. Only of worth when all of it was. */
  finish(): boolean {
    this.#forget();
    if (!this.#isRunning) return false;
    this.#isRunning = false;
    return this.#call(() => this.#library.functions.finish(this.#handle)) !== 0;
  }

  /** Gives the library's memory back. */
  close(): void {
    this.finish();
    if (this.#handle !== 0) this.#library.functions.destroy(this.#handle);
    this.#handle = 0;
    this.#views.clear();
  }

  /** For the library: bytes at an address, of the number that stands at another. */
  onRead(buffer: number, bytes: number): number {
    const wanted = Math.min(loadWord(bytes), this.#length - this.#position);
    const count = wanted <= 0 ? 0 : readAt(this.#fd, buffer, wanted, this.#start + this.#position);
    if (count < 0) this.#readErrno = -count;
    this.#position += Math.max(0, count);
    storeWord(bytes, Math.max(0, count));
    return count > 0 ? readContinue : count < 0 ? readAbort : readEnd;
  }

  /** For the library. */
  onSeek(offset: number): number {
    if (!(offset >= 0 && offset <= this.#length)) return 1;
    this.#position = offset;
    return 0;
  }

  /** For the library: where it reads, stored at an address. */
  onTell(address: number): number {
    storeWord(address, this.#position);
    return 0;
  }

  /** For the library: how long the stream is, stored at an address. */
  onLength(address: number): number {
    storeWord(address, this.#length);
    return 0;
  }

  /** For the library: a block was decoded. Of several in one call only the last is real: silence for what was damaged stands before it. */
  onWrite(frame: number, planes: number): number {
    const region = glanceRegion();
    copyMemory(region.address + headerAt, frame, headerBytes);
    const { data } = region;
    const frames = data.getUint32(headerAt, true);
    const channels = data.getUint32(headerAt + 8, true);
    if (frames < 1 || frames > 65535 || channels < 1 || channels > 8) return 1;
    copyMemory(region.address + planesAt, planes, channels * 8);
    const views: DataView[] = [];
    for (let channel = 0; channel < channels; channel++) {
      views.push(this.#plane(little64(data, planesAt + channel * 8), frames * 4));
    }
    this.#blocks++;
    const bits = data.getUint32(headerAt + 16, true);
    this.#block = { number: little64(data, headerAt + 24), frames, channels, bits, planes: views };
    return 0;
  }

  /** For the library: something was wrong with the stream. */
  onError(status: number): void {
    this.#errors++;
    if (status === errorCrc) this.#isCrcWrong = true;
  }

  #plane(address: number, length: number): DataView {
    let view = this.#views.get(address);
    if (view === undefined || view.byteLength < length) {
      if (this.#views.size > 64) this.#views.clear();
      view = new DataView(viewMemory(address, length));
      this.#views.set(address, view);
    }
    return view;
  }
}
