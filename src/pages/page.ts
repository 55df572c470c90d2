// Page: a template, what fills its slots, and how it is answered with. Not here: the making of one (rendering.ts), and
// sending it (server.ts for Clearway's own server, node-response.ts for Node's).

import { defaultCoalesceBytes } from '../memory/list-writer.js';
import { isSegment, type Segment } from '../memory/segment.js';
import { shown } from '../text/shown.js';
import type { PageContext } from './context.js';
import { Html } from './html.js';
import { PageError } from './page-error.js';
import { PageFile } from './page-files.js';
import { Template, type TemplateSource, template } from './template.js';

/**
 * What a slot may give: text (escaped unless the slot is raw), Html (as it is), numbers, bytes, a segment of mapped
 * memory, a file; nothing for null and undefined.
 */
export type FragmentValue = string | number | bigint | Html | Uint8Array | Segment | PageFile | null | undefined;

/** Gives a slot's fragment for one request. */
export type SlotFunction<Data> = (context: PageContext<Data>) => FragmentValue | Promise<FragmentValue>;

/** A slot with its own limits. */
export interface SlotOptions<Data> {
  readonly render: SlotFunction<Data>;
  /** Milliseconds that it has. Default: the page's. */
  readonly timeoutMs?: number;
  /** What stands in when it throws or takes too long. Without one the page fails. */
  readonly fallback?: FragmentValue | ((error: unknown, context: PageContext<Data>) => FragmentValue);
}

/** How a page is answered with. */
export interface PageOptions<Data> {
  /** Default 200. */
  readonly status?: number;
  /** Fields beside Content-Type, Content-Length, Date and those of the connection. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `text/html; charset=utf-8`. */
  readonly contentType?: string;
  /** Milliseconds that each slot has. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Milliseconds that a page waits for its slots before it begins to leave in chunks. Default 0: what is not there when
   * all promises that were ready have run is streamed. A page that is complete by then has a Content-Length.
   */
  readonly streamAfterMs?: number;
  /** Static fragments shorter than this are copied when they stand beside written text. Default 2048. */
  readonly coalesceBytes?: number;
  /** Told of every slot that failed, also when a fallback stood in. */
  readonly onError?: (error: unknown, slot: string, context: PageContext<Data>) => void;
}

interface ResolvedSlot<Data> {
  readonly name: string;
  readonly render: SlotFunction<Data>;
  readonly timeoutMs: number;
  readonly fallback: SlotOptions<Data>['fallback'];
  readonly hasFallback: boolean;
}

/** See the file's head. Made by {@link page}. */
export class Page<Data = unknown> {
  readonly template: Template;
  /** In the order of {@link Template.slots}. */
  readonly slots: readonly ResolvedSlot<Data>[];
  readonly status: number;
  /** Field lines, each with its CRLF, Content-Type included. */
  readonly fields: string;
  /** The same as names and values. */
  readonly headers: Readonly<Record<string, string>>;
  readonly streamAfterMs: number;
  readonly coalesceBytes: number;
  readonly onError: PageOptions<Data>['onError'];

  constructor(
    of: Template,
    slots: Readonly<Record<string, SlotFunction<Data> | SlotOptions<Data>>>,
    options: PageOptions<Data>,
  ) {
    if (typeof slots !== 'object' || slots === null)
      throw new PageError('CLEARWAY_PAGE_SLOT', `the slots of a page are an object of functions, not ${shown(slots)}`);
    checkPageOptions(options);
    this.template = of;
    const defaultTimeoutMs = milliseconds('timeoutMs', options.timeoutMs, 10_000);
    for (const name of Object.keys(slots)) {
      if (!of.slots.includes(name)) {
        throw new PageError(
          'CLEARWAY_PAGE_SLOT',
          `the template has no slot ${name}: it has ${of.slots.join(', ') || 'none'}`,
        );
      }
    }
    this.slots = of.slots.map((name) =>
      resolveSlot(name, Object.hasOwn(slots, name) ? slots[name] : undefined, defaultTimeoutMs),
    );
    this.status = options.status ?? 200;
    if (!Number.isInteger(this.status) || this.status < 200 || this.status > 599) {
      throw new PageError('CLEARWAY_PAGE_VALUE', `status is ${shown(this.status)}, and must be from 200 to 599`);
    }
    const contentType = options.contentType ?? 'text/html; charset=utf-8';
    this.headers = { 'Content-Type': contentType, 'X-Content-Type-Options': 'nosniff', ...options.headers };
    this.fields = Object.entries(this.headers).map(fieldLine).join('');
    this.streamAfterMs = milliseconds('streamAfterMs', options.streamAfterMs, 0);
    this.coalesceBytes = options.coalesceBytes ?? defaultCoalesceBytes;
    if (!Number.isInteger(this.coalesceBytes) || this.coalesceBytes < 0)
      throw new PageError(
        'CLEARWAY_PAGE_VALUE',
        `coalesceBytes is ${shown(this.coalesceBytes)}, and must be whole bytes`,
      );
    this.onError = options.onError;
  }
}

const pageOptions: Readonly<Record<keyof PageOptions<unknown>, true>> = {
  status: true,
  headers: true,
  contentType: true,
  timeoutMs: true,
  streamAfterMs: true,
  coalesceBytes: true,
  onError: true,
};

function checkPageOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new PageError('CLEARWAY_PAGE_VALUE', `the options of a page are an object, not ${shown(options)}`);
  const { headers, onError } = options as PageOptions<unknown>;
  for (const name of Object.keys(options))
    if (!Object.hasOwn(pageOptions, name))
      throw new PageError(
        'CLEARWAY_PAGE_VALUE',
        `a page has no option ${name}: the options are ${Object.keys(pageOptions).join(', ')}`,
      );
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers)))
    throw new PageError('CLEARWAY_PAGE_VALUE', `headers is ${shown(headers)}, and must be an object of fields`);
  if (onError !== undefined && typeof onError !== 'function')
    throw new PageError('CLEARWAY_PAGE_VALUE', `onError is ${shown(onError)}, and must be a function`);
}

/** RFC 9110 section 5.5, without the obsolete bytes beyond ASCII. */
const fieldValue = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;
const reserved = /^(content-length|transfer-encoding|connection|date|trailer|upgrade|keep-alive)$/i;

function fieldLine([name, value]: [string, string]): string {
  if (typeof value !== 'string' || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || !fieldValue.test(value)) {
    throw new PageError('CLEARWAY_PAGE_VALUE', `${shown(name)}: ${shown(value)} is no field of HTTP`);
  }
  if (reserved.test(name)) {
    throw new PageError('CLEARWAY_PAGE_VALUE', `${name} is set by the server: take it out of the page's headers`);
  }
  return `${name}: ${value}\r\n`;
}

function milliseconds(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= 0 && value <= 0x7fff_ffff) return value;
  throw new PageError(
    'CLEARWAY_PAGE_VALUE',
    `${option} is ${shown(value)}, and must be milliseconds from 0 to 2147483647`,
  );
}

function resolveSlot<Data>(
  name: string,
  given: SlotFunction<Data> | SlotOptions<Data> | undefined,
  defaultTimeoutMs: number,
): ResolvedSlot<Data> {
  const options = typeof given === 'function' ? { render: given } : given;
  if (typeof options?.render !== 'function') {
    throw new PageError('CLEARWAY_PAGE_SLOT', `nothing fills the slot ${name}: give the page a function of that name`);
  }
  const { render, fallback } = options as SlotOptions<Data>;
  const timeoutMs = milliseconds(`timeoutMs of ${name}`, (options as SlotOptions<Data>).timeoutMs, defaultTimeoutMs);
  return { name, render, timeoutMs, fallback, hasFallback: 'fallback' in options };
}

/**
 * Makes a page of a template (or of the text of one) and the functions that fill its slots. They all start at once when
 * the page is asked for; fragments leave in the template's order, as they come.
 * @throws PageError for a slot without a function, a function without a slot, or a bad option.
 */
export function page<Data = unknown>(
  of: Template | string | readonly TemplateSource[],
  slots: Readonly<Record<string, SlotFunction<Data> | SlotOptions<Data>>> = {},
  options: PageOptions<Data> = {},
): Page<Data> {
  return new Page(of instanceof Template ? of : template(of), slots, options);
}

/** Whether a slot may give this. */
export function isFragmentValue(value: unknown): value is FragmentValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'undefined':
      return true;
    case 'object':
      return (
        value === null ||
        value instanceof Html ||
        value instanceof Uint8Array ||
        value instanceof PageFile ||
        isSegment(value)
      );
    default:
      return false;
  }
}
