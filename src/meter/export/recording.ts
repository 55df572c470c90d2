// A metering in a file: JSON lines, the first one who was metered and when, each later one a reading with its time.
// What the live table and the report need is all there, so a replay shows what was seen. Not here: timing and terminals.

import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { fileTrouble } from '../../text/file-trouble.js';
import { causes } from '../accounts/causes.js';
import type { SocketRow } from '../accounts/socket-accounts.js';
import type { Reading } from '../meter.js';

const format = 'clearway-meter-recording';
const version = 1;

/** The first line. */
export interface RecordingHead {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly subject: string;
  /** Start of the metering, ms since 1970. */
  readonly startMs: number;
}

/** A later line. */
export interface RecordedReading {
  /** ms since 1970. */
  readonly timeMs: number;
  readonly reading: Reading;
  readonly sockets?: readonly SocketRow[];
}

/** The file is no recording, or none that this version reads. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly code = 'CLEARWAY_METER_RECORDING';
}

/** Writes a recording. Every line is whole when `add` returns, so that a recording that was cut off can be replayed. */
export class RecordingWriter {
  private readonly file: number;

  /** Makes the file anew. @throws RecordingError where it cannot be written. */
  constructor(
    private readonly path: string,
    subject: string,
    startMs: number,
  ) {
    try {
      this.file = openSync(path, 'w');
    } catch (error) {
      throw new RecordingError(`the recording ${path} cannot be written: ${fileTrouble(error)}`);
    }
    this.writeLine({ format, version, subject, startMs } satisfies RecordingHead);
  }

  /** Adds a reading, with its sockets where they are accounted. */
  add(timeMs: number, reading: Reading, sockets?: readonly SocketRow[]): void {
    this.writeLine({ timeMs, reading, ...(sockets === undefined ? {} : { sockets }) } satisfies RecordedReading);
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.file);
  }

  private writeLine(value: object): void {
    const text = Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
    try {
      for (let at = 0; at < text.length; ) at += writeSync(this.file, text, at);
    } catch (error) {
      throw new RecordingError(`the recording ${this.path} cannot be written: ${fileTrouble(error)}`);
    }
  }
}

/** An open recording. */
export interface Recording {
  readonly head: RecordingHead;
  /** The readings in order; can be gone through once. A last line that was cut off is left out. @throws RecordingError */
  readonly readings: AsyncGenerator<RecordedReading, void, void>;
  /** Gives the file up before its end; a pipe may have none. */
  close(): void;
}

/** Opens a recording, however long it is: it is read as it is gone through. @throws RecordingError */
export async function openRecording(path: string): Promise<Recording> {
  const input = openToRead(path);
  const each = linesOf(path, input);
  const first = await each.next();
  const foreign = `${path} is no recording of clearway meter`;
  if (first.done === true) throw new RecordingError(`${foreign}: it is empty`);
  const head = parse(first.value) as Partial<RecordingHead> | null | undefined;
  if (head?.format !== format) throw new RecordingError(foreign);
  if (head.version !== version) {
    throw new RecordingError(`${path} is a recording of version ${head.version}; this clearway reads ${version}`);
  }
  if (typeof head.subject !== 'string' || !isNumber(head.startMs)) throw new RecordingError(foreign);
  return { head: head as RecordingHead, readings: readingsOf(path, each), close: () => void input.destroy() };
}

/** A line of a reading with 30,000 accounts and as many sockets is some 20 MB. */
const longestLine = 64 * 1024 * 1024;

/** The lines of a file that may have none: what is gathered for one is bounded. @throws RecordingError */
async function* linesOf(path: string, input: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of input) {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      parts.push(chunk.substring(from, end));
      yield parts.join('');
      parts = [];
      length = 0;
      from = end + 1;
    }
    parts.push(chunk.substring(from));
    length += chunk.length - from;
    if (length > longestLine) throw new RecordingError(`${path} is no recording of clearway meter: a line has no end`);
  }
  if (length > 0) yield parts.join('');
}

/**
 * The text of a file, or of what writes to a pipe (`meter replay <(zcat FILE)`).
 * @throws RecordingError
 */
function openToRead(path: string): Readable {
  let fd: number | undefined;
  let reason: string;
  try {
    // Opening a pipe waits for its writer otherwise, for ever if need be.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const kind = fstatSync(fd);
    if (kind.isFile()) return createReadStream(path, { encoding: 'utf8', fd });
    if (kind.isFIFO()) return pipeOf(fd);
    reason = kind.isDirectory() ? 'it is a directory' : 'it is neither a file nor a pipe';
  } catch (error) {
    reason = fileTrouble(error);
  }
  if (fd !== undefined) closeSync(fd);
  throw new RecordingError(`the recording ${path} cannot be read: ${reason}`);
}

const firstBytes = 4096;

/** Reads a pipe, opened without waiting. One that nobody writes to would never be told to have ended. */
function pipeOf(fd: number): Readable {
  const begun = Buffer.alloc(firstBytes);
  let length = 0;
  try {
    length = readSync(fd, begun);
    if (length === 0) throw new Error('it is a pipe that nobody writes to');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  const pipe = new Socket({ fd, readable: true, writable: false });
  if (length > 0) pipe.unshift(begun.subarray(0, length));
  return pipe.setEncoding('utf8');
}

async function* readingsOf(path: string, lines: AsyncIterable<string>): AsyncGenerator<RecordedReading, void, void> {
  let number = 1;
  let damaged: number | undefined;
  for await (const line of lines) {
    number++;
    if (damaged !== undefined)
      throw new RecordingError(`line ${damaged} of ${path} is no reading: the file is damaged`);
    const value = parse(line);
    if (isReading(value)) yield value;
    else damaged = number;
  }
}

/** Texts go to terminals: whoever wrote the file could otherwise write escape sequences to them. */
const harmless = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll(/\p{Cc}/gu, '?') : value;

function parse(line: string): unknown {
  try {
    return JSON.parse(line, harmless);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

// biome-ignore format: two lines
const summaryNames = ['userToKernel', 'kernelToUser', 'kernelToKernel', 'copied', 'byReference', 'payloadSent',
  'payloadReceived'];
const shortfallNames = ['lostEvents', 'lostBytes', 'unattributedBytes', 'unattributedEvents', 'missedEvents'];

/** Checks what the table and the report rely on: the file may come from anyone. */
function isReading(value: unknown): value is RecordedReading {
  if (!isObject(value) || !isNumber(value['timeMs']) || !isObject(value['reading'])) return false;
  const { tier, elapsedMs, rows, counters, summary, shortfall, unseen, untested } = value['reading'];
  const figures = isObject(summary) && isObject(summary['amplification']) && isObject(shortfall);
  const texts = [unseen, untested].every((list) => Array.isArray(list) && list.every((one) => typeof one === 'string'));
  if (!figures || !texts || !isNumber(elapsedMs) || (tier !== 'tracepoints' && tier !== 'functions')) return false;
  const ratios = summary['amplification'] as Record<string, unknown>;
  if (
    !summaryNames.every((name) => isNumber(summary[name])) ||
    !shortfallNames.every((name) => isNumber(shortfall[name])) ||
    !['sent', 'received', 'total'].every((name) => isRatio(ratios[name]))
  ) {
    return false;
  }
  const { sockets } = value;
  const socketsFit = sockets === undefined || (Array.isArray(sockets) && sockets.every(isSocket));
  return socketsFit && isCounters(counters) && Array.isArray(rows) && rows.every(isRow);
}

const isRatio = (value: unknown) => value === null || isNumber(value);

function isCounters(value: unknown): boolean {
  return isObject(value) && Object.entries(value).every(([name, count]) => name in causes && isNumber(count));
}

function isRow(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { processId, startNs, networkNamespace, cgroupId, command, counters } = value;
  return (
    [processId, startNs, networkNamespace].every(isNumber) &&
    [cgroupId, command].every((text) => typeof text === 'string') &&
    isCounters(counters)
  );
}

function isSocket(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { protocol, local, remote, processId, sentCopied, sentByReference, received } = value;
  return (
    [protocol, local, remote].every((text) => typeof text === 'string') &&
    [processId, sentCopied, sentByReference, received].every(isNumber)
  );
}
