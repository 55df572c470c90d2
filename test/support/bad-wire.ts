// BadWire: one direction of a wire that loses, duplicates, reorders and corrupts packets, as numbers from a seed say. Packets that it holds back are few, and
// leave after a few others or a short time. It touches no network. For tests and benchmarks alone.

/** How bad a wire is: shares of its packets, 0 to 1. */
export interface Badness {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly corrupt?: number;
  readonly seed?: number;
}

/** Where packets go: `flipAt` is the byte of which `mask` is to be flipped, or -1. The bytes are borrowed. */
export type Forward = (packet: Uint8Array, flipAt: number, mask: number) => void;

const ethernetBytes = 14;
const slots = 64;
const slotBytes = 2048;
/** A packet that is held back lets so many pass at most, and waits so long. */
const mostPassing = 8;
const holdMs = 2;
/** Ethertypes of what may suffer: IPv4 and IPv6. Who has which address (ARP) is asked once a second, and would be waited for. */
const suffering: readonly number[] = [0x0800, 0x86dd];

interface Slot {
  readonly bytes: Uint8Array;
  length: number;
  passing: number;
  untilMs: number;
}

/** See the file's head. */
export class BadWire {
  readonly counts = { passed: 0, lost: 0, duplicated: 0, reordered: 0, corrupted: 0 };
  readonly #badness: Required<Badness>;
  readonly #forward: Forward;
  readonly #free: Slot[];
  #held: Slot[] = [];
  #state: number;

  constructor(badness: Badness, forward: Forward) {
    this.#badness = { loss: 0, duplicate: 0, reorder: 0, corrupt: 0, seed: 1, ...badness };
    this.#forward = forward;
    this.#state = this.#badness.seed | 1;
    const memory = new Uint8Array(slots * slotBytes);
    this.#free = Array.from({ length: slots }, (_, index) => ({
      bytes: memory.subarray(index * slotBytes, (index + 1) * slotBytes),
      length: 0,
      passing: 0,
      untilMs: 0,
    }));
  }

  /** A number from 0 to 1 (xorshift, 32 bits). */
  #random(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 0x1_0000_0000;
  }

  /** Whether packets are held back. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** A packet comes: it goes on, or does not, or later. */
  pass(packet: Uint8Array, nowMs: number): void {
    const { loss, duplicate, reorder, corrupt } = this.#badness;
    if (!suffering.includes((packet[12]! << 8) | packet[13]!)) {
      this.#forward(packet, -1, 0);
      return;
    }
    if (loss > 0 && this.#random() < loss) this.counts.lost++;
    else if (reorder > 0 && this.#free.length > 0 && this.#random() < reorder) this.#hold(packet, nowMs);
    else {
      let flipAt = -1;
      if (corrupt > 0 && packet.length > ethernetBytes && this.#random() < corrupt) {
        flipAt = ethernetBytes + Math.floor(this.#random() * (packet.length - ethernetBytes));
        this.counts.corrupted++;
      }
      this.#send(packet, flipAt);
      if (duplicate > 0 && this.#random() < duplicate) {
        this.counts.duplicated++;
        this.#send(packet, -1);
      }
    }
    if (this.#held.length > 0) this.#letGo(nowMs, 1);
  }

  #send(packet: Uint8Array, flipAt: number): void {
    this.counts.passed++;
    this.#forward(packet, flipAt, flipAt < 0 ? 0 : 1 << Math.floor(this.#random() * 8));
  }

  #hold(packet: Uint8Array, nowMs: number): void {
    const slot = this.#free.pop()!;
    slot.bytes.set(packet);
    slot.length = packet.length;
    slot.passing = 1 + Math.floor(this.#random() * mostPassing);
    slot.untilMs = nowMs + holdMs;
    this.counts.reordered++;
    // It does not let itself pass.
    slot.passing++;
    this.#held.push(slot);
  }

  /** Time passes: what was held back long enough leaves. */
  release(nowMs: number): void {
    if (this.#held.length > 0) this.#letGo(nowMs, 0);
  }

  #letGo(nowMs: number, passed: number): void {
    const stay: Slot[] = [];
    for (const slot of this.#held) {
      slot.passing -= passed;
      if (slot.passing > 0 && nowMs < slot.untilMs) stay.push(slot);
      else {
        this.#send(slot.bytes.subarray(0, slot.length), -1);
        this.#free.push(slot);
      }
    }
    this.#held = stay;
  }
}
