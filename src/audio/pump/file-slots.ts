// Open files that the feeder passes, by number. Numbers grow by one with each file; a number's place is used again by the one that is `fileSlots` later, and the feeder passes that only
// when no descriptor of the ring needs the earlier one. Not here: how they are read (fetcher.ts).

import { ReceivedFiles } from '../../kernel/received-files.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { fileSlots } from './shared-layout.js';

/** See the file's head. */
export class FileSlots {
  readonly #received: ReceivedFiles;
  readonly #numbers = new Int32Array(fileSlots).fill(-1);
  readonly #descriptors = new Int32Array(fileSlots).fill(-1);

  /** @param socket the one end of a pair; it stays the caller's. -1: none, and no file comes */
  constructor(socket: number) {
    this.#received = new ReceivedFiles(socket);
  }

  /** The descriptor of a file; -1 as long as it has not come. Hot. */
  descriptorOf(number: number): number {
    const place = number & (fileSlots - 1);
    if (this.#numbers[place] === number) return this.#descriptors[place]!;
    this.receive();
    return this.#numbers[place] === number ? this.#descriptors[place]! : -1;
  }

  /** Takes what files have come. Hot. */
  receive(): void {
    const received = this.#received;
    for (let attempt = 0; attempt < fileSlots; attempt++) {
      const descriptor = received.take();
      if (descriptor < 0) return;
      this.put(received.number, descriptor);
    }
  }

  /** Gives a file its number. What was at its place is closed. */
  put(number: number, descriptor: number): void {
    const place = number & (fileSlots - 1);
    const old = this.#descriptors[place]!;
    if (old >= 0) closeDescriptor(old);
    this.#numbers[place] = number;
    this.#descriptors[place] = descriptor;
  }

  /** Closes all of them. */
  close(): void {
    for (const descriptor of this.#descriptors) if (descriptor >= 0) closeDescriptor(descriptor);
    this.#descriptors.fill(-1);
    this.#numbers.fill(-1);
  }
}
