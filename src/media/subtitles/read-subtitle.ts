// Reads SubRip (SRT) and WebVTT as files have them: with or without a mark of byte order, hours, empty lines between cues and at the end; CRLF;
// commas for points; in Latin letters of Windows. What makes no sense is left out, never the whole file. Bounded: bytes and cues.

import { atOnce, type Steps } from '../presentation/cut.js';
import { type Cue, Subtitle } from './subtitle.js';

/** The most bytes of a subtitle's file: far more than 40 hours of speech take. */
export const maxSubtitleBytes = 8 * 1024 * 1024;
const maxCues = 20_000;
const maxBlockLength = 64 * 1024;
const maxLineLength = 4096;
/** Letters that are kept of a line that has not ended: more than counts of any. */
const mostOpen = 2 * maxLineLength;
/** Lines that are looked at in one step. */
const stepLines = 128;
const maxCueLength = 16 * 1024;

/** A subtitle that cannot be offered. The message is one plain sentence that goes on behind the file's name. */
export class SubtitleRefusal extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'SubtitleRefusal';
  }
}

/**
 * Reads a subtitle's file in steps, each of them short, so that others have their turns.
 * @throws SubtitleRefusal when it is larger than {@link maxSubtitleBytes}, has more than 20,000 cues, or none
 */
export function* subtitleSteps(bytes: Uint8Array, format: 'vtt' | 'srt'): Steps<Subtitle> {
  if (bytes.length > maxSubtitleBytes) {
    throw new SubtitleRefusal(`has ${bytes.length} bytes; a subtitle may have ${maxSubtitleBytes}`);
  }
  const lines = yield* linesOf(bytes);
  // What a file says of itself counts for more than its name: SRT files named .vtt are common.
  const isWebVtt = /^WEBVTT(?:[ \t]|$)/.test(lines[0]!);
  const reader = new CueReader(lines, isWebVtt);
  yield* reader.steps(isWebVtt ? 1 : 0);
  if (reader.cues.length === 0) {
    throw new SubtitleRefusal(`has no cue that can be read as ${format === 'vtt' ? 'WebVTT' : 'SubRip'}`);
  }
  return new Subtitle(reader.blocks, reader.cues);
}

/** As {@link subtitleSteps}, at once. @throws SubtitleRefusal */
export function readSubtitle(bytes: Uint8Array, format: 'vtt' | 'srt'): Subtitle {
  return atOnce(subtitleSteps(bytes, format));
}

/** Bytes that are made lines of in one step. */
const stepBytes = 8 * 1024;

/** The lines of a text in any of the usual encodings. */
function* linesOf(bytes: Uint8Array): Steps<string[]> {
  const mark = bytes.length >= 2 ? bytes[0]! * 256 + bytes[1]! : 0;
  if (mark === 0xfffe) return yield* decodedLines(bytes, new TextDecoder('utf-16le'));
  if (mark === 0xfeff) return yield* decodedLines(bytes, new TextDecoder('utf-16be'));
  try {
    return yield* decodedLines(bytes, new TextDecoder('utf-8', { fatal: true }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return yield* decodedLines(bytes, new TextDecoder('windows-1252'));
  }
}

/** @throws TypeError where the bytes are no text of the decoder's */
function* decodedLines(bytes: Uint8Array, decoder: TextDecoder): Steps<string[]> {
  const isLatin = decoder.encoding === 'windows-1252';
  const lines: string[] = [];
  let open = '';
  for (let at = 0; at < bytes.length; at += stepBytes) {
    const piece = decoder.decode(bytes.subarray(at, at + stepBytes), { stream: at + stepBytes < bytes.length });
    const text = open + clean(isLatin ? piece.replace(/[\x80-\x9f]/g, windowsLetter) : piece);
    // A CR at the end may be half of a CRLF.
    const end = text.endsWith('\r') && at + stepBytes < bytes.length ? text.length - 1 : text.length;
    const parts = text.slice(0, end).replace(/\r\n?/g, '\n').split('\n');
    open = parts.pop()! + text.slice(end);
    if (open.length > mostOpen) open = open.slice(0, mostOpen);
    for (const part of parts) lines.push(part);
    yield undefined;
  }
  lines.push(open);
  return lines;
}

/** 0x80 to 0x9f in Windows-1252: Node up to 22 leaves them as controls. A blank where there is none. */
const windowsLetters = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

function windowsLetter(letter: string): string {
  return windowsLetters[letter.charCodeAt(0) - 0x80]!;
}

const controls = /(?![\t\n\r])\p{Cc}/gu;

function clean(text: string): string {
  return text.replace(controls, '').replace(/[\u2028\u2029]/g, ' ');
}

const timing =
  /^[ \t]*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})[ \t]*-->[ \t]*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?:[ \t]+(.*))?$/;
const cueSetting = /^(?:vertical|line|position|size|align|region):[\w%.,-]{1,60}$/;
const blank = /^[ \t]*$/;
const number = /^[ \t]*\d{1,7}[ \t]*$/;

/** Goes through the lines once: a line with times begins a cue, whatever stands before it. */
class CueReader {
  readonly blocks: string[] = [];
  readonly cues: Cue[] = [];
  readonly #lines: readonly string[];
  readonly #isWebVtt: boolean;
  #blockLength = 0;

  constructor(lines: readonly string[], isWebVtt: boolean) {
    this.#lines = lines;
    this.#isWebVtt = isWebVtt;
  }

  *steps(from: number): Steps<void> {
    let next = from + stepLines;
    for (let at = from; at < this.#lines.length; ) {
      if (at >= next) {
        next = at + stepLines;
        yield undefined;
      }
      const line = this.#lines[at]!;
      const times = timesOf(line);
      if (times !== undefined) at = this.#readCue(at + 1, times);
      else if (this.#isWebVtt && this.cues.length === 0 && /^(?:STYLE|REGION)[ \t]*$/.test(line))
        at = this.#readBlock(at);
      else if (this.#isWebVtt && /^NOTE(?:[ \t]|$)/.test(line)) at = this.#endOfBlock(at);
      else at++;
    }
  }

  /** Where the block that begins here ends: an empty line, or a line with times. */
  #endOfBlock(from: number): number {
    let at = from + 1;
    while (at < this.#lines.length && !blank.test(this.#lines[at]!) && !this.#lines[at]!.includes('-->')) at++;
    return at;
  }

  #readBlock(from: number): number {
    const end = this.#endOfBlock(from);
    const block = this.#lines
      .slice(from, end)
      .map((line) => line.trimEnd())
      .join('\n');
    this.#blockLength += block.length;
    if (this.#blockLength <= maxBlockLength) this.blocks.push(block);
    return end;
  }

  #readCue(from: number, times: Times): number {
    const text: string[] = [];
    let length = 0;
    let at = from;
    for (; at < this.#lines.length; at++) {
      const line = this.#lines[at]!;
      if (blank.test(line) || timesOf(line) !== undefined) break;
      // The number of the next cue, where the empty line before it is missing.
      if (number.test(line) && timesOf(this.#lines[at + 1] ?? '') !== undefined) break;
      const written = this.#isWebVtt ? webVttLine(line) : subRipLine(line);
      length += written.length + 1;
      if (written !== '' && length <= maxCueLength) text.push(written);
    }
    if (text.length > 0 && times.endMs > times.startMs) {
      if (this.cues.length === maxCues) throw new SubtitleRefusal(`has more than ${maxCues} cues`);
      const { startMs, endMs } = times;
      const settings = this.#isWebVtt ? times.settings : '';
      // One by one: V8 gives each object that another is spread into a shape of its own, which is larger than the cue.
      this.cues.push({ startMs, endMs, settings, text: text.join('\n') });
    }
    return at;
  }
}

interface Times {
  readonly startMs: number;
  readonly endMs: number;
  readonly settings: string;
}

function timesOf(line: string): Times | undefined {
  if (line.length > maxLineLength || !line.includes('-->')) return undefined;
  const parts = timing.exec(line);
  if (parts === null) return undefined;
  const settings = (parts[9] ?? '').split(/[ \t]+/).filter((setting) => cueSetting.test(setting));
  return { startMs: milliseconds(parts, 1), endMs: milliseconds(parts, 5), settings: settings.slice(0, 6).join(' ') };
}

/** `,5` is half a second, as everywhere behind a point. */
function milliseconds(parts: RegExpExecArray, at: number): number {
  const seconds = (Number(parts[at] ?? 0) * 60 + Number(parts[at + 1])) * 60 + Number(parts[at + 2]);
  return seconds * 1000 + Number(parts[at + 3]!.padEnd(3, '0'));
}

/** A line of WebVTT stays as it is; blanks at its end go (Chromecast repeats such lines), and an arrow would begin a cue. */
function webVttLine(line: string): string {
  return line.slice(0, maxLineLength).trimEnd().replaceAll('-->', '--&gt;');
}

/** Tags that SubRip and WebVTT have in common. */
const kept = /^<\/?[biu]>/i;
const fontTag = /^<\/?font\b[^<>]{0,200}>/i;

/** A line of SubRip as WebVTT: italics stay, fonts and ASS's `{\an8}` go, and what else looks like a tag is text. */
function subRipLine(line: string): string {
  const text = line
    .slice(0, maxLineLength)
    .trimEnd()
    .replace(/\{\\[^{}]{0,200}\}/g, '');
  let written = '';
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    const rest = character === '<' ? text.slice(at, at + 240) : '';
    const tag = rest === '' ? null : (kept.exec(rest) ?? fontTag.exec(rest));
    if (tag !== null) {
      if (kept.test(tag[0])) written += tag[0].toLowerCase();
      at += tag[0].length;
      continue;
    }
    written += character === '<' ? '&lt;' : character === '&' ? escapeAmpersand(text, at) : character;
    at++;
  }
  return written.trimEnd().replaceAll('-->', '--&gt;');
}

/** Some SubRip files have entities already; they stay what they are. */
function escapeAmpersand(text: string, at: number): string {
  return /^&(?:amp|lt|gt|nbsp|lrm|rlm|quot|#\d{1,7}|#x[0-9a-f]{1,6});/i.test(text.slice(at, at + 12)) ? '&' : '&amp;';
}
