// Closings: sockets that are closed at the end of a turn. Connections that end together have descriptors that follow one another, and a range of
// them is closed by one call: entering the kernel costs a tenth of a close on one host and half of it on another.
// Not here: when (the engines).

import { closeDescriptor, closeDescriptors } from '../kernel/socket.js';

/** More are closed at once: what was sent before an end may wait for it. */
const mostWaiting = 64;

/** See the file's head. */
export class Closings {
  /** Lowest first. */
  readonly #fds = new Int32Array(mostWaiting);
  #count = 0;

  /** Adds a descriptor, which nobody uses any more. */
  add(fd: number): void {
    if (this.#count === mostWaiting) this.run();
    const fds = this.#fds;
    let at = this.#count++;
    for (; at > 0 && fds[at - 1]! > fd; at--) fds[at] = fds[at - 1]!;
    fds[at] = fd;
  }

  /** Closes all that were added. */
  run(): void {
    const fds = this.#fds;
    const count = this.#count;
    this.#count = 0;
    for (let at = 0; at < count; ) {
      const first = at++;
      while (at < count && fds[at] === fds[at - 1]! + 1) at++;
      if (at - first === 1) closeDescriptor(fds[first]!);
      else closeDescriptors(fds[first]!, fds[at - 1]!);
    }
  }
}
