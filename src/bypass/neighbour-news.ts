// NeighbourNews: what one queue's stack heard of neighbours, and of packets that it did not send (ICMP), for the stacks of the card's other queues, as plain numbers that a message
// carries. The card hands an answer of ARP or neighbour discovery to one queue, which need not be the one whose stack asked; and a message of ICMP likewise. Not here: the list itself (core/heard.ts), who carries it (serve/).

import type { Stack } from './stack.js';

/** Entries of the core's list (core/heard.ts) as words of 8 bytes, three an entry. */
export type HeardNeighbours = readonly bigint[];

/** Messages between two ticks at most: whoever floods the link with answers does not flood the threads. What comes meanwhile is told after the tick. */
const mostMessages = 32;

/** See the file's head. */
export class NeighbourNews {
  readonly #stack: Stack;
  readonly #tell: (heard: HeardNeighbours) => void;
  #messagesLeft = mostMessages;

  /** @param tell carries it to the other queues' threads, each of which hears it by {@link Stack.hearNeighbours} */
  constructor(stack: Stack, tell: (heard: HeardNeighbours) => void) {
    this.#stack = stack;
    this.#tell = tell;
  }

  /** Tells what there is. Called after each turn of the stack. */
  look(): void {
    if (this.#messagesLeft === 0 || this.#stack.place('heard') === 0) return;
    this.#messagesLeft--;
    this.#tell(this.#stack.takeHeard());
  }

  /** Called at each tick. */
  tick(): void {
    this.#messagesLeft = mostMessages;
    this.look();
  }
}
