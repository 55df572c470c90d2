// Rendering: one page for one request. All slots start at once; if every one is there when the promises that were ready
// have run, the page leaves whole; else it leaves in order as slots resolve. A slot that throws or takes too long is
// replaced by its fallback, or ends the page. Not here: framing and sockets (the target's).

import { emptyListAccount, type ListAccount, type ListWriter } from '../memory/list-writer.js';
import type { SgList } from '../memory/sg-list.js';
import { escapeHtml } from '../text/escape-html.js';
import type { PageContext } from './context.js';
import { Html } from './html.js';
import { type FragmentValue, isFragmentValue, type Page } from './page.js';
import { PageError, SlotTimeoutError } from './page-error.js';
import { type OpenPageFile, openPageFile, PageFile } from './page-files.js';
import type { Slot, StaticPart } from './template.js';

/** Who sends what a rendering makes. Exactly one of `whole`, or `begin` with any number of `more`; or `failed`. */
export interface RenderingTarget {
  /** The writer that the page is made with; its list is taken by each call below. */
  readonly writer: ListWriter<OpenPageFile>;
  /** The whole body. */
  whole(body: SgList<OpenPageFile>): void;
  /** The body's length is not known: it leaves in parts. */
  begin(): void;
  /** A part of it; `last`: nothing follows. */
  more(part: SgList<OpenPageFile>, last: boolean): void;
  /** What was handed over is to leave now. */
  flush(): void;
  /** There is no page: `begun` when a part of it has left. Nothing is called after this. */
  failed(error: unknown, begun: boolean): void;
}

/** Stands for a slot that was not started or did not give anything yet. */
const nothingYet: PromiseLike<never> = new Promise<never>(() => {});

/** See the file's head. */
export class Rendering<Data> {
  readonly #page: Page<Data>;
  readonly #context: PageContext<Data>;
  readonly #target: RenderingTarget;
  /** By slot: what it gave, or its promise as long as that is not there. */
  readonly #values: unknown[] = [];
  /** Slots whose fallback stands in. */
  #replaced: Set<number> | undefined;
  /** How the bytes got into this page. */
  readonly account: ListAccount = emptyListAccount();
  #pending = 0;
  #nextPart = 0;
  /** Slots may settle without anything leaving for it. */
  #starting = true;
  /** Each slot reports for itself. */
  #watching = false;
  #streaming = false;
  #done = false;
  /** The template's static bytes are lent to this rendering: short ones are read when their turn comes. */
  #holdsTemplate = false;
  #startedMs = 0;
  #streamTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(page: Page<Data>, context: PageContext<Data>, target: RenderingTarget) {
    this.#page = page;
    this.#context = context;
    this.#target = target;
  }

  /** True when the target was given everything, or told that it will not be. */
  get done(): boolean {
    return this.#done;
  }

  /** Starts every slot. What is there at once leaves before this returns. */
  start(): void {
    const { slots, template } = this.#page;
    try {
      template.hold();
      this.#holdsTemplate = true;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#pending = slots.length;
    for (let index = 0; index < slots.length && !this.#done; index++) {
      this.#values.push(nothingYet);
      this.#startSlot(index);
    }
    this.#starting = false;
    if (this.#done) {
      this.#ignoreStarted();
      return;
    }
    if (this.#pending === 0) {
      this.#finishWhole();
      return;
    }
    // One wait for all of them is the common case; only when one fails, or is late, each is looked at for itself.
    Promise.all(this.#values).then(this.#allThere, this.#watchEach);
    this.#startedMs = performance.now();
    const { streamAfterMs } = this.#page;
    if (streamAfterMs === 0) {
      this.#soon = setImmediate(this.#stream);
    } else {
      this.#streamTimer = setTimeout(this.#stream, streamAfterMs);
      this.#watchTime();
    }
  }

  #startSlot(index: number): void {
    try {
      const value = this.#page.slots[index]!.render(this.#context);
      if (isThenable(value)) this.#values[index] = value;
      else this.#settle(index, value);
    } catch (error) {
      this.#slotFailed(index, error);
    }
  }

  /** The page failed while its slots were started: that those under way fail as well (their signal said so) is no news. */
  #ignoreStarted(): void {
    for (const value of this.#values) {
      if (isThenable(value) && value !== nothingYet) value.then(undefined, () => {});
    }
  }

  readonly #allThere = (values: readonly unknown[]): void => {
    if (this.#done || this.#watching) return;
    this.#starting = true;
    for (let index = 0; index < values.length && !this.#done; index++) {
      if (this.#isPending(index)) this.#settle(index, values[index]);
    }
    this.#starting = false;
    if (!this.#done && this.#pending === 0) this.#finishWhole();
  };

  /** Has each slot that is not there report for itself; the ones that are, before anything else happens. */
  readonly #watchEach = (): void => {
    if (this.#done || this.#watching) return;
    this.#watching = true;
    this.#starting = true;
    this.#values.forEach((value, index) => {
      if (!isThenable(value)) return;
      value.then(
        (later) => this.#settle(index, later),
        (error: unknown) => this.#slotFailed(index, error),
      );
    });
    // Behind the reports of what is settled already: these leave together.
    queueMicrotask(() => {
      this.#starting = false;
      if (this.#done) return;
      if (this.#streaming) this.#pump();
      else if (this.#pending === 0) this.#finishWhole();
    });
  };

  #settle(index: number, value: unknown): void {
    if (this.#done || !this.#isPending(index)) return;
    if (!isFragmentValue(value)) {
      const given = typeof value === 'object' ? 'an object' : `a ${typeof value}`;
      const message = `slot ${this.#page.slots[index]!.name} gave ${given}: give text, Html, bytes, a segment or a file`;
      this.#slotFailed(index, new PageError('CLEARWAY_PAGE_VALUE', message));
      return;
    }
    this.#keep(index, value);
  }

  #isPending(index: number): boolean {
    return isThenable(this.#values[index]);
  }

  #keep(index: number, value: FragmentValue): void {
    this.#values[index] = value;
    this.#pending--;
    if (this.#starting) return;
    if (this.#streaming) this.#pump();
    else if (this.#pending === 0) this.#finishWhole();
  }

  /** A slot threw, rejected, took too long or gave what is no fragment. */
  #slotFailed(index: number, error: unknown): void {
    if (this.#done || !this.#isPending(index)) return;
    const slot = this.#page.slots[index]!;
    try {
      this.#page.onError?.(error, slot.name, this.#context);
      if (!slot.hasFallback) {
        this.#fail(error);
        return;
      }
      const { fallback } = slot;
      const value: unknown = typeof fallback === 'function' ? fallback(error, this.#context) : fallback;
      if (!isFragmentValue(value))
        throw new PageError('CLEARWAY_PAGE_VALUE', `the fallback of ${slot.name} is no fragment`);
      this.#replaced ??= new Set();
      this.#replaced.add(index);
      this.#keep(index, value);
    } catch (second) {
      this.#fail(second);
    }
  }

  /** Everything is known: the body is built whole, so that its length can be said before it. */
  #finishWhole(): void {
    const { writer } = this.#target;
    try {
      this.#addParts(Number.POSITIVE_INFINITY);
      this.account.entries += writer.list.length;
      this.#target.whole(writer.list);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#end();
    this.#target.flush();
  }

  readonly #stream = (): void => {
    this.#soon = undefined;
    if (this.#done) return;
    this.#streaming = true;
    try {
      this.#target.begin();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#watching) this.#pump();
    else this.#watchEach();
    if (this.#timer === undefined) this.#watchTime();
  };

  /** Hands on the parts that are there, in order. */
  #pump(): void {
    const { parts } = this.#page.template;
    const { writer } = this.#target;
    try {
      this.#addParts(parts.length);
      this.account.entries += writer.list.length;
      const last = this.#nextPart === parts.length;
      if (last || writer.list.length > 0) this.#target.more(writer.list, last);
      if (last) this.#end();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#target.flush();
  }

  /** Adds the parts that are there to the writer's list, up to a slot that is not. */
  #addParts(limit: number): void {
    const { parts } = this.#page.template;
    const { writer } = this.#target;
    writer.coalesceBytes = this.#page.coalesceBytes;
    writer.account = this.account;
    for (; this.#nextPart < parts.length && this.#nextPart < limit; this.#nextPart++) {
      const part = parts[this.#nextPart]!;
      if (part.kind === 'static') this.#addStatic(part);
      else if (part.kind === 'file') addFile(writer, part.file);
      else if (this.#isPending(part.index)) return;
      else this.#addSlot(part.index, part.slot);
    }
  }

  #addStatic(part: StaticPart): void {
    const { template } = this.#page;
    const { writer } = this.#target;
    // Cancelled by what a hook did: the bytes may be gone by now.
    if (!this.#holdsTemplate) throw new PageError('CLEARWAY_PAGE_TEMPLATE', 'this page was given up while it was made');
    const next = template.parts[this.#nextPart + 1];
    const joins = next?.kind === 'slot' && isText(this.#values[next.index]);
    if (writer.copies(part.length, joins)) writer.joinView(part.view);
    else writer.segment(template.memory, part.offset, part.length, template.lend());
  }

  /** What a slot gave goes in; if that cannot be (a file that is gone), its fallback. */
  #addSlot(index: number, slot: Slot): void {
    try {
      addValue(this.#target.writer, this.#values[index] as FragmentValue, slot);
    } catch (error) {
      if (this.#replaced?.has(index) === true) throw error;
      this.#values[index] = nothingYet;
      this.#pending++;
      const wasStarting = this.#starting;
      this.#starting = true;
      this.#slotFailed(index, error);
      this.#starting = wasStarting;
      if (this.#replaced?.has(index) !== true) throw error;
      addValue(this.#target.writer, this.#values[index] as FragmentValue, slot);
    }
  }

  /** One timer for all: it is set to the slot that is due next. */
  #watchTime(): void {
    if (this.#done) return;
    const elapsedMs = performance.now() - this.#startedMs;
    let nextMs = Number.POSITIVE_INFINITY;
    this.#page.slots.forEach((slot, index) => {
      if (!this.#isPending(index)) return;
      if (slot.timeoutMs > elapsedMs) nextMs = Math.min(nextMs, slot.timeoutMs - elapsedMs);
      else this.#slotFailed(index, new SlotTimeoutError(slot.name, slot.timeoutMs));
    });
    if (nextMs === Number.POSITIVE_INFINITY || this.#done) return;
    this.#timer = setTimeout(() => this.#watchTime(), Math.ceil(nextMs));
  }

  /** The client has left, or the server ends: nothing more is made. */
  cancel(reason: unknown): void {
    if (this.#done) return;
    this.#end();
    this.#target.writer.list.release();
    this.#context.cancel(reason);
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    this.#end();
    this.#target.writer.list.release();
    this.#context.cancel(error);
    this.#target.failed(error, this.#streaming);
  }

  #end(): void {
    this.#done = true;
    if (this.#holdsTemplate) this.#page.template.release();
    this.#holdsTemplate = false;
    if (this.#soon !== undefined) clearImmediate(this.#soon);
    clearTimeout(this.#streamTimer);
    clearTimeout(this.#timer);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function';
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Html;
}

function addValue(writer: ListWriter<OpenPageFile>, value: FragmentValue, slot: Slot): void {
  if (value === null || value === undefined) return;
  if (typeof value === 'string') writer.text(slot.isRaw ? value : escapeHtml(value));
  else if (value instanceof Html) writer.text(value.text);
  else if (typeof value === 'number' || typeof value === 'bigint') writer.text(String(value));
  else if (value instanceof Uint8Array) writer.bytes(value);
  else if (value instanceof PageFile) addFile(writer, value);
  else writer.segment(value.region, value.offset, value.length);
}

/** Adds a file or a range of it. @throws PageError when the file is not there, or shorter than the range that was asked for. */
export function addFile(writer: ListWriter<OpenPageFile>, fragment: PageFile): void {
  const open = openPageFile(fragment);
  try {
    const size = open.size;
    const length = fragment.length ?? Math.max(0, size - fragment.offset);
    if (fragment.offset + length > size) {
      const range = `${length} bytes from ${fragment.offset} on`;
      throw new PageError('CLEARWAY_PAGE_FILE', `${fragment.path} has ${size} bytes, and the page requires ${range}`);
    }
    writer.extent(open.retain(), fragment.offset, length);
  } finally {
    open.release();
  }
}
