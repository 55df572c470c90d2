// Template: a page's text, compiled once into static segments and slots. The static bytes are encoded once, into one
// piece of memory, and from then on only referred to. Not here: what fills the slots (page.ts).

import { CopyReason, copyBytes, textBytes, writeText } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import type { Lender } from '../memory/segment.js';
import { mappedMemory, memoryIsMapped, type TextRegion } from '../memory/write-frames.js';
import { shown } from '../text/shown.js';
import { Html } from './html.js';
import { PageError } from './page-error.js';
import { PageFile } from './page-files.js';

/** The place of a dynamic fragment. */
export class Slot {
  readonly name: string;
  /** Plain strings are put in as they are. */
  readonly isRaw: boolean;

  constructor(name: string, isRaw: boolean) {
    this.name = name;
    this.isRaw = isRaw;
  }
}

const slotName = /^[A-Za-z_$][\w$.-]*$/;

/**
 * A slot for a template's tagged form and for its list form.
 * @param options `raw`: plain strings are markup and are put in as they are; else they are escaped.
 * @throws PageError for a name that is none.
 */
export function slot(name: string, options: { readonly raw?: boolean } = {}): Slot {
  if (typeof name !== 'string' || !slotName.test(name)) {
    throw new PageError('CLEARWAY_PAGE_TEMPLATE', `${shown(name)} is no name for a slot: use letters, digits, _ - .`);
  }
  return new Slot(name, options.raw === true);
}

/** A static range of the template's memory; `view` is its bytes, made once. */
export interface StaticPart {
  readonly kind: 'static';
  readonly offset: number;
  readonly length: number;
  readonly view: Uint8Array;
}

/** A static range of the template's memory, a slot, or a file. */
export type TemplatePart =
  | StaticPart
  | { readonly kind: 'slot'; readonly index: number; readonly slot: Slot }
  | { readonly kind: 'file'; readonly file: PageFile };

/** What a template is made of. Strings and Html are markup as written by the application. */
export type TemplateSource = string | Html | Uint8Array | Slot | PageFile;

/** See the file's head. Made by {@link template}. */
export class Template implements Lender {
  readonly parts: readonly TemplatePart[];
  /** Names of the slots, in the order of their first use. */
  readonly slots: readonly string[];
  /** The static bytes. */
  readonly memory: TextRegion;
  /** Bytes of the static parts. */
  readonly staticBytes: number;
  readonly #region: Region | undefined;
  #lent = 0;
  #freed = false;

  constructor(sources: readonly TemplateSource[]) {
    const merged = mergeTexts(sources);
    this.staticBytes = merged.reduce((sum, source) => sum + staticLength(source), 0);
    this.#region = memoryIsMapped() && this.staticBytes > 0 ? new Region(this.staticBytes) : undefined;
    const heap = (): TextRegion => ({ address: Number.NaN, bytes: Buffer.allocUnsafeSlow(this.staticBytes) });
    this.memory = this.#region === undefined ? heap() : mappedMemory(this.#region);
    const names: string[] = [];
    const parts: TemplatePart[] = [];
    let at = 0;
    for (const source of merged) {
      if (source instanceof Slot) {
        let index = names.indexOf(source.name);
        if (index < 0) index = names.push(source.name) - 1;
        parts.push({ kind: 'slot', index, slot: source });
      } else if (source instanceof PageFile) parts.push({ kind: 'file', file: source });
      else {
        const length = staticLength(source);
        writeStatic(this.memory.bytes, at, source, length);
        const last = parts.at(-1);
        if (last?.kind === 'static') parts[parts.length - 1] = this.#staticPart(last.offset, last.length + length);
        else if (length > 0) parts.push(this.#staticPart(at, length));
        at += length;
      }
    }
    this.parts = parts;
    this.slots = names;
  }

  #staticPart(offset: number, length: number): StaticPart {
    return { kind: 'static', offset, length, view: this.memory.bytes.subarray(offset, offset + length) };
  }

  /** Lends the static bytes to a page that begins, until it ends. @throws PageError when the template was freed. */
  hold(): this {
    if (this.#freed)
      throw new PageError('CLEARWAY_PAGE_TEMPLATE', 'this template was freed: its pages are gone with it');
    return this.lend();
  }

  /** Lends the static bytes once more to whoever {@link hold}s them: a page under way ends also when they are to go. */
  lend(): this {
    this.#lent++;
    return this;
  }

  release(_cookie = 0): void {
    this.#lent--;
    if (this.#freed && this.#lent === 0) this.#region?.unmap();
  }

  /** Gives the memory back as soon as nobody sends from it: pages under way end, a new one fails. For templates that do not live as long as the process. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    if (this.#lent === 0) this.#region?.unmap();
  }
}

type Static = string | Uint8Array;

/** Neighbouring texts become one, so that a character is never taken apart (an emoji in two halves). */
function mergeTexts(sources: readonly TemplateSource[]): Array<Static | Slot | PageFile> {
  const merged: Array<Static | Slot | PageFile> = [];
  for (const source of sources) {
    const text = source instanceof Html ? source.text : source;
    const last = merged.at(-1);
    if (typeof text === 'string' && typeof last === 'string') merged[merged.length - 1] = last + text;
    else if (typeof text === 'string' || isSource(text)) merged.push(text);
    else {
      const given = `${typeof text} ${shown(text)}`;
      throw new PageError(
        'CLEARWAY_PAGE_TEMPLATE',
        `a template is made of text, bytes, slots and files, not of ${given}`,
      );
    }
  }
  return merged;
}

function isSource(value: unknown): value is Uint8Array | Slot | PageFile {
  return value instanceof Uint8Array || value instanceof Slot || value instanceof PageFile;
}

function staticLength(source: Static | Slot | PageFile): number {
  if (typeof source === 'string') return textBytes(source);
  return source instanceof Uint8Array ? source.length : 0;
}

function writeStatic(target: Buffer, at: number, source: Static, length: number): void {
  if (typeof source === 'string') writeText(CopyReason.encode, target, at, source, length);
  else copyBytes(CopyReason.application, target, at, source, 0, length);
}

const placeholder = /\{\{(\{?)\s*([^{}]*?)\s*\}\}(\}?)/g;

/** Finds `{{slot}}` and `{{{slot}}}`; `\{{` stands for two braces. */
function parseText(text: string): TemplateSource[] {
  const sources: TemplateSource[] = [];
  let from = 0;
  for (const match of text.matchAll(placeholder)) {
    const [whole, open, name, close] = match;
    if (text[match.index - 1] === '\\') {
      sources.push(text.slice(from, match.index - 1));
      from = match.index;
      continue;
    }
    if (open!.length !== close!.length) {
      throw new PageError(
        'CLEARWAY_PAGE_TEMPLATE',
        `${whole} has unequal braces: {{name}} escapes, {{{name}}} does not`,
      );
    }
    sources.push(text.slice(from, match.index), slot(name!, { raw: open !== '' }));
    from = match.index + whole.length;
  }
  sources.push(text.slice(from));
  return sources;
}

/**
 * Compiles a template. Three forms:
 * a text with `{{slot}}` (plain strings are escaped) and `{{{slot}}}` (they are put in as they are);
 * a tagged template: `` template`<p>${slot('news')}</p>${file('footer.html')}` ``, where strings are markup;
 * a list of texts, bytes, slots and files.
 * @throws PageError for a placeholder that is none.
 */
export function template(text: string | readonly TemplateSource[]): Template;
export function template(strings: TemplateStringsArray, ...values: readonly TemplateSource[]): Template;
export function template(
  first: string | TemplateStringsArray | readonly TemplateSource[],
  ...values: readonly TemplateSource[]
): Template {
  if (typeof first === 'string') return new Template(parseText(first));
  if (!Array.isArray(first))
    throw new PageError('CLEARWAY_PAGE_TEMPLATE', `a template is made of a text or of a list, not of ${shown(first)}`);
  if (!('raw' in first)) return new Template(first);
  const sources: TemplateSource[] = [];
  first.forEach((text, index) => {
    sources.push(text);
    if (index < values.length) sources.push(values[index]!);
  });
  return new Template(sources);
}
