// What the epoll engine knows of one descriptor. Not here: what is done with it (engine.ts).

/** What a descriptor is to the engine. */
export const Role = { stream: 0, listener: 1, watch: 2 } as const;

/** What is going on with one descriptor. */
export class Interest {
  fd = -1;
  token = -1;
  /** Another one each time that the number is somebody else's. */
  generation = 0;
  role: number = Role.stream;
  /** The EPOLL bits the kernel knows, 0 when the descriptor is not registered. */
  registered = 0;
  /** Its descriptor is about to be closed: the kernel need not be told of anything. */
  isClosing = false;
  receiving = false;
  /** Receiving ends with the first bytes. */
  once = false;
  /** The kernel told of the stream's end: it is read until that comes. */
  isEnding = false;
  /** It is among those that are read without a word of the kernel. */
  isUnread = false;
  /** The last turn in which something was read of it before the kernel was asked. */
  readTurn = -1;
  awaiting = false;
  sending = false;
  /** A send is among those that are made together; it was cancelled before. */
  isCollected = false;
  isCancelled = false;
  message = false;
  address = 0;
  length = 0;
  taken = 0;
  flags = 0;
}

/** The interests, pooled by descriptor number. */
export class Interests {
  readonly #all: Interest[] = [];

  /** The interest in a descriptor; undefined when there never was one in its number. */
  get(fd: number): Interest | undefined {
    return this.#all[fd];
  }

  /** The interest of a token in a descriptor: a fresh one, where the number was another's. */
  of(token: number, fd: number, role: number): Interest {
    let interest = this.#all[fd];
    if (interest === undefined) {
      while (this.#all.length <= fd) this.#all.push(new Interest());
      interest = this.#all[fd]!;
    }
    if (interest.fd !== fd || interest.token !== token || interest.role !== role) {
      interest.fd = fd;
      interest.token = token;
      interest.role = role;
      interest.generation = (interest.generation + 1) | 0;
      interest.isCollected = false;
      interest.isCancelled = false;
      interest.registered = 0;
      interest.isClosing = false;
      interest.isEnding = false;
      interest.isUnread = false;
      interest.readTurn = -1;
      interest.receiving = false;
      interest.awaiting = false;
      interest.sending = false;
    }
    return interest;
  }

  /** The descriptor was closed: the number's next one is another, even under the same token. */
  forget(fd: number): void {
    const interest = this.#all[fd];
    if (interest === undefined) return;
    interest.fd = -1;
    interest.generation = (interest.generation + 1) | 0;
  }
}
