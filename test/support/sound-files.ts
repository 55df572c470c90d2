// Sound files of the tests: samples from a seed, the WAV around them written byte by byte as a test wants it, right or wrong, and FLAC made of
// it by the `flac` program. Not here: any code of what is tested.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from './installed.js';
import { seededRandom } from './seeded-random.js';

/** Interleaved samples of `bits` bits: a tone with noise in each channel, the extremes among them. */
export function soundValues(bits: number, channels: number, frames: number, seed = 1): Int32Array {
  const random = seededRandom(seed);
  const most = 2 ** (bits - 1) - 1;
  const values = new Int32Array(frames * channels);
  for (let index = 0; index < values.length; index++) {
    const channel = index % channels;
    const tone = Math.sin((Math.floor(index / channels) * (channel + 3)) / 50) * 0.7;
    values[index] = Math.max(-most - 1, Math.min(most, Math.round((tone + random() * 0.2) * most)));
  }
  values[0] = -most - 1;
  if (values.length > 1) values[1] = most;
  if (values.length > 2) values[2] = 1;
  if (values.length > 3) values[3] = -1;
  return values;
}

/** Values in containers of so many bytes, little-endian, at the upper end; one byte is unsigned, as WAV has it. */
export function packed(values: Int32Array, bits: number, bytes: number): Buffer {
  const target = Buffer.alloc(values.length * bytes);
  const up = 2 ** (bytes * 8 - bits);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]! * up;
    if (bytes === 1) target.writeUInt8(value + 128, index);
    else target.writeIntLE(value, index * bytes, bytes);
  }
  return target;
}

/** A chunk: its name, its payload, and what it says of its length where that is not the truth. */
export function chunk(id: string, payload: Uint8Array, said = payload.length, isPadded = true): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(said, 4);
  return Buffer.concat([head, payload, Buffer.alloc(isPadded ? payload.length % 2 : 0)]);
}

/** What a `fmt ` chunk shall say. */
export interface FormatSays {
  readonly tag?: number;
  readonly channels: number;
  readonly rate?: number;
  readonly bits: number;
  /** Bytes of a sample's container. */
  readonly bytes: number;
  readonly blockAlign?: number;
  /** Makes it extensible. */
  readonly mask?: number;
  readonly validBits?: number;
}

/** A `fmt ` chunk. */
export function formatChunk(says: FormatSays): Buffer {
  const { tag = 1, channels, rate = 44100, bits, bytes, mask } = says;
  const isExtensible = mask !== undefined;
  const body = Buffer.alloc(isExtensible ? 40 : 16);
  const blockAlign = says.blockAlign ?? channels * bytes;
  body.writeUInt16LE(isExtensible ? 0xfffe : tag, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rate, 4);
  body.writeUInt32LE(rate * blockAlign, 8);
  body.writeUInt16LE(blockAlign, 12);
  body.writeUInt16LE(isExtensible ? bytes * 8 : bits, 14);
  if (isExtensible) {
    body.writeUInt16LE(22, 16);
    body.writeUInt16LE(says.validBits ?? bits, 18);
    body.writeUInt32LE(mask, 20);
    body.writeUInt16LE(tag, 24);
    body.write('000000001000800000aa00389b71', 26, 'hex');
  }
  return chunk('fmt ', body);
}

/** A RIFF file of chunks. */
export function riff(chunks: readonly Uint8Array[], magic = 'RIFF', said?: number): Buffer {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  const head = Buffer.alloc(8);
  head.write(magic, 0, 'latin1');
  head.writeUInt32LE(said ?? body.length, 4);
  return Buffer.concat([head, body]);
}

/** An RF64 or BW64 file, with its sizes in `ds64` alone. */
export function riff64(
  magic: string,
  format: Uint8Array,
  payload: Uint8Array,
  between: readonly Uint8Array[] = [],
): Buffer {
  const sizes = Buffer.alloc(28);
  sizes.writeBigUInt64LE(BigInt(payload.length + 100), 0);
  sizes.writeBigUInt64LE(BigInt(payload.length), 8);
  sizes.writeBigUInt64LE(0n, 16);
  return riff([chunk('ds64', sizes), format, ...between, chunk('data', payload, 0xffff_ffff)], magic, 0xffff_ffff);
}

/** A W64 file of `fmt ` and `data` as {@link chunk} makes them, and what is behind. @param said of the samples' length, where it is not the truth */
export function wave64(
  format: Uint8Array,
  payload: Uint8Array,
  said = 24 + payload.length,
  behind = Buffer.alloc(0),
): Buffer {
  const rest = Buffer.from('f3acd3118cd100c04f8edb8a', 'hex');
  const head = (id: string, size: number): Buffer => {
    const bytes = Buffer.concat([Buffer.from(id, 'latin1'), rest, Buffer.alloc(8)]);
    bytes.writeBigUInt64LE(BigInt(size), 16);
    return bytes;
  };
  const aligned = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  const body = Buffer.concat([
    head('wave', 0).subarray(0, 16),
    ...[aligned(Buffer.concat([head('fmt ', 16 + format.length), format.subarray(8)]))],
    ...[head('fact', 32), Buffer.alloc(8), aligned(Buffer.concat([head('data', said), payload])), behind],
  ]);
  const start = Buffer.concat([Buffer.from('riff', 'latin1'), Buffer.from('2e91cf11a5d628db04c10000', 'hex')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(24 + body.length));
  return Buffer.concat([start, length, body]);
}

/** A plain WAV of values. */
export function wave(values: Int32Array, says: FormatSays): Buffer {
  return riff([formatChunk(says), chunk('data', packed(values, says.bits, says.bytes))]);
}

/** A folder for a test file's files, that is removed at the end. */
export function soundFolder(after: (remove: () => void) => void): (name: string, bytes?: Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-sound-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return (name, bytes) => {
    const path = join(folder, name);
    if (bytes !== undefined) writeFileSync(path, bytes);
    return path;
  };
}

/** Why a program cannot be used, as a reason to skip, or false. */
export function missingProgram(name: string): string | false {
  return isInstalled(name) ? false : `needs the program ${name}: .ci/run installs it`;
}

/** Runs a program that has to succeed. */
export function mustRun(name: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
}

/** A FLAC file that the `flac` program made of values, `bits` of them in a container of whole bytes. */
export function makeFlac(
  place: (name: string, bytes?: Uint8Array) => string,
  name: string,
  values: Int32Array,
  says: FormatSays,
  options: readonly string[] = [],
): string {
  const { bits, bytes, channels } = says;
  const mask = channels <= 2 ? undefined : [0, 4, 3, 7, 0x33, 0x37, 0x3f, 0x70f, 0x63f][channels];
  const isPlain = bits === bytes * 8 && bits <= 16 && mask === undefined;
  const source = place(
    `${name}.wav`,
    wave(values, isPlain ? says : { ...says, mask: mask ?? (channels === 1 ? 4 : 3) }),
  );
  const target = place(name);
  mustRun('flac', ['-s', '-f', '--no-padding', ...options, '-o', target, source]);
  return target;
}

/** A file's bytes with some of them changed. */
export function spoiled(path: string, change: (bytes: Buffer) => void): Buffer {
  const bytes = readFileSync(path);
  change(bytes);
  return bytes;
}
