// Scripts of packetdrill as text, read into events: when, and a segment, a call, a command of the shell or a program of assertions. The language is that of
// packetdrill's own documentation (syntax.md); what it calls a packet is read in whole, what it calls an expression is kept as text. Not here: what an event does.

/** When something happens, in microseconds of the script's time. */
export interface When {
  /** From the start, from the event before, or whenever it comes. */
  readonly base: 'start' | 'before' | 'any';
  readonly at: number;
  /** A packet may come up to here; a call that waits ends here. */
  readonly until?: number;
}

/** A segment, as a script writes one. */
export interface ScriptSegment {
  readonly kind: 'segment';
  readonly isInbound: boolean;
  readonly flags: string;
  readonly from: number;
  readonly length: number;
  readonly ack?: number;
  readonly window?: number;
  readonly urgent?: number;
  /** One text for each option; undefined: `<...>`, whatever they are. */
  readonly options?: readonly string[];
  /** What stands in brackets: `ect0`, `noecn`. */
  readonly ecn?: string;
}

/** A message of ICMP about a segment of the stack's. */
export interface ScriptIcmp {
  readonly kind: 'icmp';
  readonly isInbound: boolean;
  readonly type: string;
  readonly code: string;
  readonly mtu?: number;
  /** Of what it quotes. */
  readonly from: number;
  readonly length: number;
}

/** A call of the application's. */
export interface ScriptCall {
  readonly kind: 'call';
  readonly name: string;
  readonly words: readonly string[];
  readonly result: string;
  readonly error?: string;
}

/** What is done by others: the shell's, or a program that looks at the kernel's figures. */
export interface ScriptText {
  readonly kind: 'command' | 'program';
  readonly text: string;
}

export interface ScriptEvent {
  readonly line: number;
  readonly when: When;
  readonly what: ScriptSegment | ScriptIcmp | ScriptCall | ScriptText;
}

export interface PacketdrillScript {
  /** `--name=value` at the beginning. */
  readonly options: ReadonlyMap<string, string>;
  /** Commands without a time, in front of the first event. */
  readonly setUp: readonly string[];
  readonly events: readonly ScriptEvent[];
}

/** What cannot be read, and where. */
export class ScriptError extends Error {
  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
  }
}

/** Comments become blanks, so that lines stay; not within commands and texts. */
function withoutComments(text: string): string {
  return text.replace(/`[^`]*`|%\{[\s\S]*?\}%|"[^"\n]*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#[^\n]*/gm, (found) =>
    /^(\/\/|\/\*|#)/.test(found) ? found.replace(/[^\n]/g, ' ') : found,
  );
}

const NUMBER = String.raw`[+]?(?:\d+\.?\d*|\.\d+)`;

function microseconds(text: string): number {
  return Math.round(Number(text.replace('+', '')) * 1_000_000);
}

/** A reader of one script: what is left, and the line it begins in. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get line(): number {
    return this.#text.slice(0, this.#at).split('\n').length;
  }

  get isAtEnd(): boolean {
    this.take(/\s*/y);
    return this.#at >= this.#text.length;
  }

  /** Takes what matches at this place (a sticky expression). */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  /** Takes up to where parentheses are closed again. */
  takeClosed(): string {
    const start = this.#at;
    let depth = 1;
    for (let isText = false; this.#at < this.#text.length; this.#at++) {
      const letter = this.#text[this.#at]!;
      if (letter === '"') isText = !isText;
      if (isText) continue;
      if ('([{'.includes(letter)) depth++;
      else if (')]}'.includes(letter)) depth--;
      if (depth === 0) return this.#text.slice(start, this.#at++);
    }
    throw this.error('a parenthesis is not closed');
  }

  error(what: string): ScriptError {
    return new ScriptError(this.line, what);
  }

  /** What follows, for people. */
  get rest(): string {
    return this.#text.slice(this.#at, this.#at + 60).split('\n')[0]!;
  }
}

/** The arguments of a call, or the items of a list: what commas part, but not within brackets. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let depth = 0;
  let word = '';
  for (const letter of text) {
    if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0) {
      words.push(word.trim());
      word = '';
    } else word += letter;
  }
  if (word.trim() !== '' || words.length > 0) words.push(word.trim());
  return words;
}

function readWhen(reader: Reader): When | undefined {
  if (reader.take(/\s*\*\s*/y) !== undefined) return { base: 'any', at: 0 };
  const found = reader.take(
    new RegExp(String.raw`\s*(${NUMBER})(?:\s*(~|\.\.\.)\s*(${NUMBER}))?(?=[\s<>\`%])\s*`, 'y'),
  );
  if (found === undefined) return undefined;
  const base = found[1]!.startsWith('+') ? 'before' : 'start';
  const at = microseconds(found[1]!);
  return found[3] === undefined ? { base, at } : { base, at, until: microseconds(found[3]) };
}

function readIcmp(reader: Reader, isInbound: boolean): ScriptIcmp | undefined {
  const found = reader.take(
    /icmp[ \t]+(\w+)(?:[ \t]+(?!mtu\b)(\w+))?(?:[ \t]+mtu[ \t]+(\d+))?(?:[ \t]*\[(\d+):\d+\((\d+)\)\])?/y,
  );
  if (found === undefined) return undefined;
  const icmp = { kind: 'icmp', isInbound, type: found[1]!, code: found[2] ?? '' } as const;
  const mtu = found[3] === undefined ? {} : { mtu: Number(found[3]) };
  return { ...icmp, ...mtu, from: Number(found[4] ?? 0), length: Number(found[5] ?? 0) };
}

function readSegment(reader: Reader, isInbound: boolean): ScriptSegment {
  const ecn = reader.take(/\[([\w,]+)\]\s*/y)?.[1];
  const head = reader.take(/([FSRPUEWC.-]+)\s+(\d+):(\d+)\((\d+)\)/y);
  if (head === undefined) throw reader.error(`no packet: ${reader.rest}`);
  const length = Number(head[4]);
  if ((Number(head[2]) + length) >>> 0 !== Number(head[3]) >>> 0)
    throw reader.error(`${head[0]} is not ${length} bytes`);
  const number = (name: string): number | undefined => {
    const found = reader.take(new RegExp(String.raw`[ \t]+${name}\s+(\d+)`, 'y'));
    return found === undefined ? undefined : Number(found[1]);
  };
  const fields = { ack: number('ack'), window: number('win'), urgent: number('urg') };
  const options = reader.take(/[ \t]*<([^>]*)>/y)?.[1];
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return {
    kind: 'segment',
    isInbound,
    flags: head[1]!,
    from: Number(head[2]),
    length,
    ...given,
    ...(ecn === undefined ? {} : { ecn }),
    ...(options?.trim() === '...' ? {} : { options: options === undefined ? [] : splitWords(options) }),
  };
}

function readCall(reader: Reader): ScriptCall {
  const name = reader.take(/(\w+)\s*\(/y)?.[1];
  if (name === undefined) throw reader.error(`neither a packet nor a call: ${reader.rest}`);
  const words = splitWords(reader.takeClosed());
  const result = reader.take(/\s*=\s*(-?\w+|\.\.\.)(?:[ \t]+([A-Z]\w+))?(?:[ \t]*\([^)\n]*\))?/y);
  if (result === undefined) throw reader.error(`${name} has no result`);
  return { kind: 'call', name, words, result: result[1]!, ...(result[2] === undefined ? {} : { error: result[2] }) };
}

function readWhat(reader: Reader): ScriptEvent['what'] {
  const command = reader.take(/`([^`]*)`/y);
  if (command !== undefined) return { kind: 'command', text: command[1]! };
  const program = reader.take(/%\{([\s\S]*?)\}%/y);
  if (program !== undefined) return { kind: 'program', text: program[1]! };
  const direction = reader.take(/([<>])\s*/y)?.[1];
  if (direction === undefined) return readCall(reader);
  return readIcmp(reader, direction === '<') ?? readSegment(reader, direction === '<');
}

/** Reads a script. @throws ScriptError with the line */
export function readScript(text: string): PacketdrillScript {
  const reader = new Reader(withoutComments(text));
  const options = new Map<string, string>();
  const setUp: string[] = [];
  const events: ScriptEvent[] = [];
  for (;;) {
    const option = reader.take(/\s*--(\w+)(?:=(\S+))?/y);
    if (option === undefined) break;
    options.set(option[1]!, option[2] ?? '');
  }
  while (!reader.isAtEnd) {
    const command = reader.take(/`([^`]*)`/y);
    if (command !== undefined) {
      // Behind the last event, a command only cleans up.
      if (events.length === 0) setUp.push(command[1]!);
      continue;
    }
    const { line } = reader;
    const when = readWhen(reader);
    if (when === undefined) throw reader.error(`no time: ${reader.rest}`);
    events.push({ line, when, what: readWhat(reader) });
  }
  return { options, setUp, events };
}
