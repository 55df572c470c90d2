// The only file that copies payload bytes. Every copy has a reason and is counted: this is the user-space side
// of the ledger. Copies are chosen and few, not forbidden; what is forbidden is a copy that nobody sees.

/** Why bytes were copied. The names appear in the metrics as `reason`. */
export const CopyReason = {
  /** A file's bytes read once into a frame of the response cache. */
  frameFill: 0,
  /** A cached frame duplicated because its head changed while the old one was still being sent. */
  frameRefresh: 1,
  /** Bytes of a request that arrived in pieces, or behind a response still being sent. */
  requestBacklog: 2,
  /** A response head, a listing or an error page encoded into a frame. */
  encode: 3,
  /** Fragments too small to be worth a reference, joined. */
  coalesce: 4,
  /** Bytes of the application handed over from the JavaScript heap. */
  application: 5,
  /** Request lines and fields kept for the access log, and its lines. */
  accessLog: 6,
  /** Bytes of a file on a file system that cannot splice. */
  notSpliceable: 7,
  /** The path of a file, kept to know the file again. */
  fileName: 8,
  /** A packet of one guest for another, back to its own, or between it and memory for packets of AF_XDP: the memory of two owners. */
  guestPacket: 9,
  /** Requests of the key-value store that did not arrive in the core's memory. */
  storeRequest: 10,
  /** Replies of the key-value store that Node's sockets keep (where there is no Linux). */
  storeReply: 11,
  /** Bytes in memory that are sent by our own TCP/IP: into the packets that carry them. */
  packetFill: 12,
  /** Bytes of a stream from outside into the memory of a guest that is its end. */
  guestStream: 13,
  /** Frames as they are into the memory that a sound card or a server plays from, or a file is written from: decoded ones, and by sinks that copy once more all of them. */
  soundFill: 14,
  /** Frames into that memory while the volume is not 0 dB, decoded or of a raw file: each sample is multiplied on the way. */
  soundVolume: 15,
} as const;

/** Names of the reasons, by their number. */
export const copyReasonNames = Object.keys(CopyReason) as ReadonlyArray<keyof typeof CopyReason>;

/** Bytes copied on this thread, by reason. Read it for metrics; only this file writes it. */
export let copiedBytes: Float64Array = new Float64Array(copyReasonNames.length);

/** Moves this thread's account to shared memory, where another thread can read it. What was counted is kept. */
export function keepCopyAccount(account: Float64Array): void {
  if (account === copiedBytes) return;
  for (let reason = 0; reason < copyReasonNames.length; reason++) account[reason]! += copiedBytes[reason]!;
  copiedBytes = account;
}

/** Counts bytes that someone else copied on our behalf (a read into a frame). */
export function countCopy(reason: number, length: number): void {
  copiedBytes[reason]! += length;
}

/**
 * Copies `length` bytes between byte arrays and counts them; within one array the ranges may overlap.
 * @throws RangeError when either range is outside.
 */
export function copyBytes(
  reason: number,
  target: Uint8Array,
  targetStart: number,
  source: Uint8Array,
  sourceStart: number,
  length: number,
): void {
  if (targetStart < 0 || sourceStart < 0 || length < 0) throw new RangeError('a copy has no negative bounds');
  if (targetStart + length > target.length) throw new RangeError(`copy of ${length} bytes past the target's end`);
  if (sourceStart + length > source.length) throw new RangeError(`copy of ${length} bytes past the source's end`);
  copiedBytes[reason]! += length;
  if (length < 64 && target !== source) {
    for (let index = 0; index < length; index++) target[targetStart + index] = source[sourceStart + index]!;
    return;
  }
  const isWhole = length === source.length;
  target.set(isWhole ? source : source.subarray(sourceStart, sourceStart + length), targetStart);
}

/** Bytes as elements of 4, 2 and 1, over the same memory: what {@link copyElements} copies between. Made once; each begins at a multiple of 4. */
export class ElementViews {
  readonly words: Int32Array;
  readonly halves: Int16Array;
  readonly bytes: Uint8Array;

  /** @param byteLength rounded down to whole words where it has a rest. */
  constructor(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset) {
    this.words = new Int32Array(buffer, byteOffset, byteLength >> 2);
    this.halves = new Int16Array(buffer, byteOffset, byteLength >> 1);
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
  }
}

/**
 * Copies bytes between views that were made before, and counts them; nothing is allocated, in the widest elements that offsets and length
 * allow. For loops in which nothing may be. What is outside of a view is not written, as ever with typed arrays.
 */
export function copyElements(
  reason: number,
  target: ElementViews,
  targetStart: number,
  source: ElementViews,
  sourceStart: number,
  length: number,
): void {
  copiedBytes[reason]! += length;
  const alignment = targetStart | sourceStart | length;
  if ((alignment & 3) === 0) copyRange(target.words, targetStart >> 2, source.words, sourceStart >> 2, length >> 2);
  else if ((alignment & 1) === 0)
    copyRange(target.halves, targetStart >> 1, source.halves, sourceStart >> 1, length >> 1);
  else {
    const { bytes } = target;
    const from = source.bytes;
    for (let index = 0; index < length; index++) bytes[targetStart + index] = from[sourceStart + index]!;
  }
}

function copyRange<T extends Int32Array | Int16Array>(
  target: T,
  targetStart: number,
  source: T,
  sourceStart: number,
  count: number,
): void {
  for (let index = 0; index < count; index++) target[targetStart + index] = source[sourceStart + index]!;
}

const encoder = new TextEncoder();

/**
 * Encodes a string as UTF-8 straight into bytes and counts them.
 * @returns the bytes written. @throws RangeError when it does not fit whole.
 */
export function encodeText(reason: number, target: Uint8Array, start: number, text: string): number {
  const { read, written } = encoder.encodeInto(text, target.subarray(start));
  if (read < text.length)
    throw new RangeError(`${text.length} characters do not fit into ${target.length - start} bytes`);
  copiedBytes[reason]! += written;
  return written;
}

/** Bytes of a string in UTF-8; an unpaired surrogate counts as the three bytes of U+FFFD, as it is written. */
export function textBytes(text: string): number {
  return Buffer.byteLength(text);
}

/** Writes characters as bytes at an offset; returns the bytes. */
type RawWrite = (this: Buffer, text: string, start: number, length: number) => number;

const writeAs = (encoding: 'latin1' | 'utf8'): RawWrite =>
  function (text, start, length) {
    return this.write(text, start, length, encoding);
  };

/**
 * What Buffer.write calls behind its checks of arguments: there on every Node up to now, but in no documentation. Half the
 * time of a short write goes into the checks, and the functions below have made them already.
 */
const prototype = Buffer.prototype as Buffer & { latin1Write?: RawWrite; utf8Write?: RawWrite };
const rawLatin1 = prototype.latin1Write ?? writeAs('latin1');
const rawUtf8 = prototype.utf8Write ?? writeAs('utf8');

/** Bytes of UTF-8 that a string has at most, for each of its characters (units of UTF-16). */
export const maxBytesPerCharacter = 3;

/**
 * Writes a string as UTF-8 and counts its bytes: in one pass, where there is room for the most that it can be.
 * @returns the bytes written. @throws RangeError without that room.
 */
export function writeUtf8(reason: number, target: Buffer, start: number, text: string): number {
  const most = text.length * maxBytesPerCharacter;
  if (start + most > target.length) throw new RangeError(`text of up to ${most} bytes past the target's end`);
  const written = rawUtf8.call(target, text, start, most);
  copiedBytes[reason]! += written;
  return written;
}

/**
 * Writes a string as UTF-8 straight into bytes and counts them.
 * @param length the string's {@link textBytes}.
 * @throws RangeError when there is no room for them.
 */
export function writeText(reason: number, target: Buffer, start: number, text: string, length: number): void {
  if (start + length > target.length) throw new RangeError(`text of ${length} bytes past the target's end`);
  copiedBytes[reason]! += length;
  // As many bytes as characters: all ASCII, which needs no encoder.
  if (length === text.length) rawLatin1.call(target, text, start, length);
  else rawUtf8.call(target, text, start, length);
}

/** As {@link copyBytes}, of a whole view that was made before: for short pieces, where making one costs more than the copy. */
export function copyView(reason: number, target: Uint8Array, start: number, view: Uint8Array): void {
  copiedBytes[reason]! += view.length;
  target.set(view, start);
}

/** Writes a string of characters up to U+00FF as one byte each, and counts them. @throws RangeError without room. */
export function writeLatin1(reason: number, target: Buffer, start: number, text: string): void {
  if (start + text.length > target.length) throw new RangeError(`text of ${text.length} bytes past the target's end`);
  copiedBytes[reason]! += text.length;
  rawLatin1.call(target, text, start, text.length);
}
