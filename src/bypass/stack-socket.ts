// StackSocket: what the engine keeps of one socket of the stack beside what the stack knows: which operations are under way on it, and the frame that is
// being filled for it. Pooled by its number. Not here: what is done with it (bypass-engine.ts, frame-writer.ts).

/** See the file's head. */
export class StackSocket {
  /** Its number in the stack. */
  readonly number: number;
  /** The application has it: it was accepted, listens, or was connected. */
  isOpen = false;
  isListener = false;
  /** The peer has not answered yet. */
  isConnecting = false;
  /** The token of receiving or accepting, and of sending or waiting to send. */
  readToken = 0;
  writeToken = 0;
  reading = false;
  once = false;
  sending = false;
  awaiting = false;
  /** It stands in the list of those to be read, or written, in the next turn. */
  isReadDue = false;
  isWriteDue = false;
  /** Of a send: bytes at an address, or a msghdr there. */
  isMessage = false;
  address = 0;
  length = 0;
  taken = 0;
  flags = 0;
  /** What fills no frame waits for what follows. */
  corked = false;
  /** The frame that is being filled, 0: none; bytes in it, and the most that it takes. */
  frame = 0;
  filled = 0;
  most = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** It is another socket from now on. It stays in the lists that it is in. */
  open(isListener: boolean): void {
    this.isOpen = true;
    this.isListener = isListener;
    this.reading = this.once = this.sending = this.awaiting = this.corked = this.isConnecting = false;
    this.frame = this.filled = this.most = 0;
  }
}
