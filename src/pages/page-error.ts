// What can be wrong with a page: in how it was made (PageError), or while it is being made (SlotTimeoutError).

/** A page or template that cannot work as it was written. `code` is stable, the message says what to change. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly code: 'CLEARWAY_PAGE_TEMPLATE' | 'CLEARWAY_PAGE_SLOT' | 'CLEARWAY_PAGE_VALUE' | 'CLEARWAY_PAGE_FILE';

  constructor(code: PageError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A slot that gave nothing in its time: its fallback stands in, or the page fails. */
export class SlotTimeoutError extends Error {
  override readonly name = 'SlotTimeoutError';
  readonly code = 'CLEARWAY_SLOT_TIMEOUT';
  readonly slot: string;

  constructor(slot: string, timeoutMs: number) {
    super(`slot ${slot} gave nothing in ${timeoutMs} ms: give it a fallback, or a longer timeoutMs`);
    this.slot = slot;
  }
}
