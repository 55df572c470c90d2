// An operation of the fake engine, as it remembers it until its final event. Not here: what becomes of it (fake.ts).

/** What the fake engine does for a token. */
export type Kind = 'accept' | 'receive' | 'send' | 'writable' | 'fetch' | 'watch';

/** One operation under way. */
export interface Operation {
  readonly kind: Kind;
  readonly token: number;
  readonly fd: number;
  /** The bytes of a send, as they are when they leave: the caller may not have changed them. */
  readonly parts: readonly Uint8Array[];
  readonly more: boolean;
  /** A send whose bytes are referred to, not copied. */
  readonly isReference: boolean;
  taken: number;
  /** The turn in which it was begun, and the one from which it may end (writable, fetch). */
  readonly begun: number;
  dueTurn: number;
  /** A receive that ends with the first bytes. */
  once: boolean;
  /** The turn in which it ends because it was cancelled. */
  cancelTurn: number;
}

/** Whether it waits for the socket to take bytes. */
export function isOutput(kind: Kind): boolean {
  return kind === 'send' || kind === 'writable';
}
