// Final events of the epoll engine that wait for the next turn. Not here: events that are told as they are seen (engine.ts).

import type { EngineEvents } from '../engine/engine.js';

/** What ended. */
export const Event = { sent: 0, writable: 1, received: 2, accepted: 3, fetched: 4, readable: 5, moved: 6 } as const;

/** Hands out a final event. */
function handOne(event: number, token: number, result: number, events: EngineEvents): void {
  switch (event) {
    case Event.sent:
      events.sent(token, result);
      break;
    case Event.writable:
      events.writable(token, result);
      break;
    case Event.received:
      events.received(token, result, -1, false);
      break;
    case Event.accepted:
      events.accepted(token, result, false);
      break;
    case Event.fetched:
      events.fetched(token, result);
      break;
    case Event.moved:
      events.moved(token, result);
      break;
    case Event.readable:
      events.readable(token, result, false);
      break;
  }
}

/** A list of numbers that keeps its memory: a length of 0 would give it back, to be had again in the next turn. */
export class NumberList {
  readonly numbers: number[] = [];
  count = 0;
}

/** Numbers of an entry of {@link ReadList}. */
export const readWords = 4;

/** What was read of streams and is to be handed out: descriptor, generation, bytes, frame of each. */
export class ReadList extends NumberList {
  /** Adds what was read of one. */
  add(fd: number, generation: number, bytes: number, frame: number): void {
    const { numbers, count } = this;
    this.count = count + readWords;
    numbers[count] = fd;
    numbers[count + 1] = generation;
    numbers[count + 2] = bytes;
    numbers[count + 3] = frame;
  }

  /** Forgets the first so many numbers. */
  drop(count: number): void {
    const { numbers } = this;
    for (let index = count; index < this.count; index++) numbers[index - count] = numbers[index]!;
    this.count -= count;
  }
}

/** See the file's head. Two lists, so that what a handler begins waits a turn. */
export class DueEvents {
  /** Kind, token, result. */
  #due = new NumberList();
  #handing = new NumberList();

  /** How many numbers wait, three for each event. */
  get count(): number {
    return this.#due.count;
  }

  /** Adds an event. */
  add(event: number, token: number, result: number): void {
    const due = this.#due;
    const at = due.count;
    due.count = at + 3;
    due.numbers[at] = event;
    due.numbers[at + 1] = token;
    due.numbers[at + 2] = result;
  }

  /** Hands out what is due. Returns the number of events. */
  handOut(events: EngineEvents): number {
    const handing = this.#due;
    this.#due = this.#handing;
    this.#handing = handing;
    const { numbers, count } = handing;
    let index = 0;
    try {
      while (index < count) {
        index += 3;
        handOne(numbers[index - 3]!, numbers[index - 2]!, numbers[index - 1]!, events);
      }
    } finally {
      handing.count = 0;
      // Where a handler threw, the events behind it wait for the next turn; none is handed out twice.
      for (; index < count; index += 3) this.add(numbers[index]!, numbers[index + 1]!, numbers[index + 2]!);
    }
    return count / 3;
  }
}
