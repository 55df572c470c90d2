// libsndfile by the FFI: what it reads, and the numbers of its formats (sndfile.h). It writes interleaved frames at an address that it is
// given. Not here: which files are given to it (open.ts).

import { addressOf, type NativeFunction, openLibrary } from '../../kernel/ffi.js';
import { duplicateDescriptor } from '../../kernel/socket.js';
import { Region } from '../../memory/region.js';
import type { Speaker } from '../../wire/pcm/channels.js';
import type { SampleFormat } from '../../wire/pcm/format.js';
import { sonames } from '../sonames.js';

/** What a subtype is decoded to: libsndfile's own function for it loses nothing. */
interface Subtype {
  readonly name: string;
  readonly sample: SampleFormat;
  readonly bits: number;
  readonly lossless: boolean;
}

const integer = (name: string, sample: SampleFormat, bits: number): Subtype => ({ name, sample, bits, lossless: true });
const lossy = (name: string): Subtype => ({ name, sample: 'FLOAT_LE', bits: 32, lossless: false });
/** Codecs whose decoders give 16 bits. */
const coarse = (name: string): Subtype => ({ name, sample: 'S16_LE', bits: 16, lossless: false });

const subtypes: Readonly<Record<number, Subtype>> = {
  1: integer('8 bits', 'S16_LE', 8),
  2: integer('16 bits', 'S16_LE', 16),
  3: integer('24 bits', 'S32_LE', 24),
  4: integer('32 bits', 'S32_LE', 32),
  5: integer('8 bits', 'S16_LE', 8),
  6: { name: 'float', sample: 'FLOAT_LE', bits: 32, lossless: true },
  7: { name: 'double', sample: 'FLOAT64_LE', bits: 64, lossless: true },
  16: coarse('mu-law'),
  17: coarse('A-law'),
  18: coarse('IMA ADPCM'),
  19: coarse('Microsoft ADPCM'),
  32: coarse('GSM 6.10'),
  96: lossy('Vorbis'),
  100: lossy('Opus'),
  112: integer('ALAC', 'S16_LE', 16),
  113: integer('ALAC', 'S32_LE', 20),
  114: integer('ALAC', 'S32_LE', 24),
  115: integer('ALAC', 'S32_LE', 32),
  128: lossy('MP1'),
  129: lossy('MP2'),
  130: lossy('MP3'),
};

const containers: Readonly<Record<number, string>> = {
  1: 'WAV',
  2: 'AIFF',
  3: 'AU',
  11: 'W64',
  19: 'WAV',
  24: 'CAF',
  32: 'Ogg',
  34: 'RF64',
  35: 'MPEG',
};

/** `SF_INFO`: frames (64 bits), then rate, channels, format, sections, seekable as int. */
const infoBytes = 32;
const readMode = 0x10;
const titleText = 1;
const artistText = 4;
const albumText = 7;

/** `SFC_GET_CHANNEL_MAP_INFO`, and the speakers by libsndfile's numbers (`SF_CHANNEL_MAP_*`). */
const channelMapCommand = 0x1100;
const speakersByNumber: readonly (Speaker | undefined)[] = [
  undefined,
  'FC',
  'FL',
  'FR',
  'FC',
  'FL',
  'FR',
  'FC',
  'RC',
  'RL',
  'RR',
  'LFE',
  'FLC',
  'FRC',
  'SL',
  'SR',
];

interface Functions {
  readonly open: NativeFunction;
  readonly close: NativeFunction;
  readonly readShort: NativeFunction;
  readonly readInt: NativeFunction;
  readonly readFloat: NativeFunction;
  readonly readDouble: NativeFunction;
  readonly seek: NativeFunction;
  readonly command: NativeFunction;
  readonly errorNumber: NativeFunction;
  readonly errorText: NativeFunction;
  readonly text: NativeFunction;
}

interface Loaded {
  readonly functions: Functions;
  readonly version: string;
}

let loaded: Loaded | undefined;
let info: Region | undefined;

/** Memory for what the library fills in: a page. */
function infoRegion(): Region {
  info ??= new Region(4096);
  return info;
}

function load(): Loaded | undefined {
  if (loaded !== undefined) return loaded;
  const library = openLibrary(sonames.libsndfile);
  if (library === undefined) return undefined;
  const reader = (name: string) => library.bind(`int64 sf_readf_${name}(int64 file, int64 target, int64 frames)`);
  const functions: Functions = {
    open: library.bind('int64 sf_open_fd(int fd, int mode, int64 info, int close)'),
    close: library.bind('int sf_close(int64 file)'),
    readShort: reader('short'),
    readInt: reader('int'),
    readFloat: reader('float'),
    readDouble: reader('double'),
    seek: library.bind('int64 sf_seek(int64 file, int64 frames, int whence)'),
    command: library.bind('int sf_command(int64 file, int command, int64 data, int bytes)'),
    errorNumber: library.bind('int sf_error(int64 file)'),
    errorText: library.bind('const char *sf_strerror(int64 file)'),
    text: library.bind('const char *sf_get_string(int64 file, int kind)'),
  };
  const said = textOf(library.bind('const char *sf_version_string()')());
  loaded = { functions, version: said.replace(/^libsndfile-/, '') };
  return loaded;
}

/** A `const char *` that the FFI has made a text of; empty where it was none. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The version of the libsndfile that this host has, or undefined. */
export function sndfileVersion(): string | undefined {
  return load()?.version;
}

/** The order of Vorbis' and Opus' channels (Vorbis I, section 4.3.9; RFC 7845, section 5.1.1.2), by their number. */
const vorbisOrders: readonly (readonly Speaker[])[] = [
  [],
  ['FC'],
  ['FL', 'FR'],
  ['FL', 'FC', 'FR'],
  ['FL', 'FR', 'RL', 'RR'],
  ['FL', 'FC', 'FR', 'RL', 'RR'],
  ['FL', 'FC', 'FR', 'RL', 'RR', 'LFE'],
  ['FL', 'FC', 'FR', 'SL', 'SR', 'RC', 'LFE'],
  ['FL', 'FC', 'FR', 'SL', 'SR', 'RL', 'RR', 'LFE'],
];

/** A file that libsndfile has open, on a descriptor of its own. */
export class SoundFile {
  readonly rate: number;
  readonly channels: number;
  readonly isSeekable: boolean;
  /** Frames in all; undefined where the library does not know. */
  readonly frames: number | undefined;
  readonly codec: string;
  /** What {@link read} writes. */
  readonly sample: SampleFormat;
  readonly bits: number;
  readonly lossless: boolean;
  readonly #functions: Functions;
  readonly #reader: NativeFunction;
  #handle: number;

  /** Opens what a descriptor stands for, which stays its caller's. @throws Error with the library's words. */
  constructor(fd: number) {
    const library = load();
    if (library === undefined) throw new Error('there is no libsndfile');
    this.#functions = library.functions;
    const place = infoRegion();
    place.bytes.fill(0, 0, infoBytes);
    // Some versions close a descriptor that they were told to leave open when they refuse the file: they get one of their own to close.
    this.#handle = Number(this.#functions.open(duplicateDescriptor(fd), readMode, place.address, 1));
    if (this.#handle === 0) throw new Error(textOf(this.#functions.errorText(0)));
    const { data } = place;
    const frames = Number(data.getBigInt64(0, true));
    this.frames = frames >= 0 && frames < 2 ** 48 ? frames : undefined;
    this.rate = data.getInt32(8, true);
    this.channels = data.getInt32(12, true);
    const format = data.getInt32(16, true);
    this.isSeekable = data.getInt32(24, true) !== 0;
    const subtype = subtypes[format & 0xffff];
    if (subtype === undefined) {
      this.close();
      throw new Error(`its codec has the number ${format & 0xffff} in libsndfile, which is not played`);
    }
    const container = containers[(format >>> 16) & 0xfff] ?? 'sound';
    this.codec = container === 'MPEG' ? subtype.name : subtype.lossless ? container : `${container} ${subtype.name}`;
    if (subtype.name === 'ALAC') this.codec = 'ALAC';
    this.sample = subtype.sample;
    this.bits = subtype.bits;
    this.lossless = subtype.lossless;
    const { readShort, readInt, readFloat, readDouble } = this.#functions;
    const readers: Partial<Record<SampleFormat, NativeFunction>> = {
      S16_LE: readShort,
      S32_LE: readInt,
      FLOAT_LE: readFloat,
    };
    this.#reader = readers[this.sample] ?? readDouble;
  }

  /** Title, artist, album, as the library read them; undefined where there is none. */
  text(kind: 'title' | 'artist' | 'album'): string | undefined {
    const number = kind === 'title' ? titleText : kind === 'artist' ? artistText : albumText;
    const text = textOf(this.#functions.text(this.#handle, number));
    return text === '' ? undefined : text;
  }

  /** The speakers of the channels in the file's order; undefined where the library does not know one of them. */
  speakers(): readonly Speaker[] | undefined {
    if (this.codec.startsWith('Ogg')) return vorbisOrders[this.channels];
    const place = infoRegion();
    const bytes = this.channels * 4;
    if (Number(this.#functions.command(this.#handle, channelMapCommand, place.address, bytes)) === 0) return undefined;
    const speakers: Speaker[] = [];
    for (let channel = 0; channel < this.channels; channel++) {
      const speaker = speakersByNumber[place.data.getInt32(channel * 4, true)];
      if (speaker === undefined) return undefined;
      speakers.push(speaker);
    }
    return speakers;
  }

  /**
   * Writes up to `frames` interleaved frames of {@link sample} at the beginning of `target`, which does not move and has room for all of
   * them: the library fills the rest of what it was offered with zeros. Gives how many were decoded.
   */
  read(target: Uint8Array, frames: number): number {
    return Number(this.#reader(this.#handle, addressOf(target), frames));
  }

  /** Searches a frame; gives whether it was found. */
  seek(frame: number): boolean {
    return Number(this.#functions.seek(this.#handle, frame, 0)) === frame;
  }

  /** The library's words for what was wrong last; undefined where nothing was. */
  trouble(): string | undefined {
    return Number(this.#functions.errorNumber(this.#handle)) === 0
      ? undefined
      : textOf(this.#functions.errorText(this.#handle));
  }

  /** Gives the library's memory and its descriptor back. */
  close(): void {
    if (this.#handle !== 0) this.#functions.close(this.#handle);
    this.#handle = 0;
  }
}
