// A scanner of TypeScript text: it separates code from comments and from the contents of strings, so that a rule
// that looks for `.copy(` in code does not find it in a comment or a message. It is not a parser: it knows tokens, no
// grammar, and a wrong guess (a regular expression taken for a division) ends with its line.

/** A string literal: the offsets of its quotes in the text, and what stands between them. */
export interface StringLiteral {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** A comment with its delimiters. */
export interface Comment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The parts of a source text. `code` has the text's length and lines, with comments and string contents blanked. */
export interface Scanned {
  readonly code: string;
  readonly comments: readonly Comment[];
  readonly strings: readonly StringLiteral[];
}

const KEYWORD_BEFORE_REGEX = /(?:^|[^.\w$])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield)$/;
const PUNCTUATION_BEFORE_REGEX = '(,=:[!&|?{};+-*%~^<>';

class Scanner {
  readonly comments: Comment[] = [];
  readonly strings: StringLiteral[] = [];
  readonly #text: string;
  readonly #pieces: string[] = [];
  #copiedTo = 0;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text with everything that is not code blanked. */
  run(): string {
    if (this.#text.startsWith('#!')) this.#comment(this.#lineEnd(0));
    this.#codeUntil('');
    this.#pieces.push(this.#text.slice(this.#copiedTo));
    return this.#pieces.join('');
  }

  /** Scans code up to a closing brace that nothing opened (`'}'`: the end of a template's expression), or the end. */
  #codeUntil(closing: '' | '}'): void {
    const text = this.#text;
    let depth = 0;
    while (this.#at < text.length) {
      const character = text[this.#at];
      if (character === "'" || character === '"') this.#string(character);
      else if (character === '`') this.#template();
      else if (character === '/') this.#slash();
      else {
        if (character === '{') depth++;
        else if (character === '}') {
          if (depth === 0 && closing === '}') return;
          depth--;
        }
        this.#at++;
      }
    }
  }

  #slash(): void {
    const next = this.#text[this.#at + 1];
    if (next === '/') this.#comment(this.#lineEnd(this.#at));
    else if (next === '*') {
      const close = this.#text.indexOf('*/', this.#at + 2);
      this.#comment(close === -1 ? this.#text.length : close + 2);
    } else if (this.#regexMayStart()) this.#regex();
    else this.#at++;
  }

  #comment(end: number): void {
    this.comments.push({ start: this.#at, end, text: this.#text.slice(this.#at, end) });
    this.#blank(this.#at, end);
    this.#at = end;
  }

  #string(quote: string): void {
    const start = this.#at;
    let at = start + 1;
    while (at < this.#text.length) {
      const character = this.#text[at];
      if (character === quote || character === '\n') break;
      at += character === '\\' ? 2 : 1;
    }
    this.#at = Math.min(at + 1, this.#text.length);
    this.strings.push({ start, end: this.#at, value: this.#text.slice(start + 1, at) });
    this.#blank(start + 1, at);
  }

  #template(): void {
    let start = this.#at;
    this.#at++;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at];
      if (character === '\\') this.#at += 2;
      else if (character === '`') break;
      else if (character === '$' && this.#text[this.#at + 1] === '{') {
        this.strings.push({ start, end: this.#at, value: this.#text.slice(start + 1, this.#at) });
        this.#blank(start + 1, this.#at);
        this.#at += 2;
        this.#codeUntil('}');
        start = this.#at;
        this.#at++;
      } else this.#at++;
    }
    const end = Math.min(this.#at, this.#text.length);
    this.strings.push({ start, end: end + 1, value: this.#text.slice(start + 1, end) });
    this.#blank(start + 1, end);
    this.#at = end + 1;
  }

  #regexMayStart(): boolean {
    let before = this.#at - 1;
    while (before >= 0 && /\s/.test(this.#text[before] ?? '')) before--;
    if (before < 0) return true;
    const last = this.#text[before] ?? '';
    if (PUNCTUATION_BEFORE_REGEX.includes(last)) return true;
    return KEYWORD_BEFORE_REGEX.test(this.#text.slice(Math.max(0, before - 12), before + 1));
  }

  #regex(): void {
    const lineEnd = this.#lineEnd(this.#at);
    let inClass = false;
    for (let at = this.#at + 1; at < lineEnd; at++) {
      const character = this.#text[at];
      if (character === '\\') at++;
      else if (character === '[') inClass = true;
      else if (character === ']') inClass = false;
      else if (character === '/' && !inClass) {
        this.#blank(this.#at + 1, at);
        this.#at = at + 1;
        return;
      }
    }
    this.#at++;
  }

  #lineEnd(from: number): number {
    const end = this.#text.indexOf('\n', from);
    return end === -1 ? this.#text.length : end;
  }

  #blank(start: number, end: number): void {
    if (end <= start) return;
    this.#pieces.push(this.#text.slice(this.#copiedTo, start), this.#text.slice(start, end).replace(/[^\n]/g, ' '));
    this.#copiedTo = end;
  }
}

/** Separates the code of a TypeScript or JavaScript text from its comments and string contents. Never throws. */
export function scan(text: string): Scanned {
  const scanner = new Scanner(text);
  const code = scanner.run();
  return { code, comments: scanner.comments, strings: scanner.strings };
}

/** The offset of the bracket that closes the one at `open` (any of `(`, `[`, `{`), in blanked code; -1 without one. */
export function matchingBracket(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    const character = code[at];
    if (character === '(' || character === '[' || character === '{') depth++;
    else if (character === ')' || character === ']' || character === '}') {
      depth--;
      if (depth === 0) return at;
    }
  }
  return -1;
}

/** The arguments of the call whose `(` stands at `open`, as trimmed pieces of blanked code. */
export function callArguments(code: string, open: number): string[] {
  const close = matchingBracket(code, open);
  if (close === -1) return [];
  const found: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = start; at < close; at++) {
    const character = code[at] ?? '';
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (character === ',' && depth === 0) {
      found.push(code.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = code.slice(start, close).trim();
  if (last !== '') found.push(last);
  return found;
}
