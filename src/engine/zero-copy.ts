// ZeroCopy: sending out of memory that stays where it is: the network card reads the pages themselves, and they are free again when the
// peer has acknowledged them, not when the call ends. Not here: how an engine does it (uring/engine.ts, uring/awaited-notices.ts).

/** One send that refers to memory, and who is told of its end. */
export interface SendReference {
  readonly address: number;
  /** Bytes. */
  readonly length: number;
  /** MSG bits (MSG_MORE). */
  readonly flags: number;
  /** What {@link ZeroCopy.register} gave for memory that holds the bytes; -1: none. */
  readonly buffer: number;
  /** The kernel uses the memory no more; told once, later than `sent` or with it. Bytes may not change before. @param copied it copied the bytes after all: loopback and many virtual devices make it. */
  noticed(copied: boolean): void;
}

/** A part of an engine that has it. */
export interface ZeroCopy {
  /**
   * Has the kernel hold on to whole pages of shared memory, so that sends need not look them up. Returns the number that
   * {@link SendReference.buffer} takes, or -errno (-ENOMEM: the limit of locked memory; -ENOSPC: too many are held already).
   */
  register(address: number, length: number): number;
  /** Lets go of what {@link register} gave; sends under way keep what they refer to. */
  unregister(buffer: number): void;
  /** Begins to send bytes by reference; ends as a send does, in `sent`. One send a token at a time. */
  sendByReference(token: number, fd: number, send: SendReference): void;
}
