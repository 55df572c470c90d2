// ZeroCopy: sending out of memory that stays where it is: the network card reads the pages themselves, and they are free again when the
// peer has acknowledged them, not when the call ends. Not here: how an engine does it (uring/zero-copy.ts).

/** Who is told of one send that refers to memory. */
export interface SendNotice {
  /** The kernel uses the memory no more. @param copied it copied the bytes after all: loopback and many virtual devices make it. */
  noticed(copied: boolean): void;
}

/** A part of an engine that has it. */
export interface ZeroCopy {
  /**
   * Has the kernel hold on to whole pages of shared memory, so that sends need not look them up. Returns the number that
   * {@link sendByReference} takes, or -errno (-ENOMEM: the limit of locked memory; -ENOSPC: too many are held already).
   */
  register(address: number, length: number): number;
  /** Lets go of what {@link register} gave; sends under way keep what they refer to. */
  unregister(buffer: number): void;
  /**
   * Begins to send bytes by reference; ends as a send does, in `sent`. One send a token at a time.
   * @param buffer what {@link register} gave for memory that holds the bytes; -1: none. @param flags MSG bits (MSG_MORE).
   * @param notice told once, later than `sent` or with it; bytes may not change before.
   */
  sendByReference(
    token: number,
    fd: number,
    address: number,
    length: number,
    flags: number,
    buffer: number,
    notice: SendNotice,
  ): void;
  /** Sends whose notice is still awaited. */
  readonly awaited: number;
}
