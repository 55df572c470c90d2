// MacTable: which port of a switch an address of Ethernet was last heard on. It is bounded, for each port by itself, so that a guest that makes up
// addresses crowds out none but its own; what was not heard for five minutes is forgotten. Not here: packets (switch.ts).

/** How long an address is believed (IEEE 802.1D recommends as much). */
const mostAgeMs = 300_000;
/** How often all entries of a full table are looked at. */
const sweepMs = 1000;

interface Entry {
  port: number;
  heardMs: number;
}

/** See the file's head. An address is its 48 bits as a number. */
export class MacTable {
  readonly #entries = new Map<number, Entry>();
  /** Entries of each port, and how many it may have. */
  readonly #counts: number[] = [];
  readonly #most: number[] = [];
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** Adds a port. @param most addresses of it. Returns its number */
  addPort(most: number): number {
    this.#counts.push(0);
    return this.#most.push(most) - 1;
  }

  /** Entries that there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The port of an address; -1: it is not known. */
  portOf(mac: number, nowMs: number): number {
    const entry = this.#entries.get(mac);
    if (entry === undefined) return -1;
    if (nowMs - entry.heardMs <= mostAgeMs) return entry.port;
    this.#delete(mac, entry);
    return -1;
  }

  /** An address was heard on a port. False: the port has as many as it may have, and it is not kept. */
  hear(mac: number, port: number, nowMs: number): boolean {
    const entry = this.#entries.get(mac);
    if (entry?.port !== port && !this.#hasRoom(port, nowMs)) return false;
    if (entry === undefined) this.#entries.set(mac, { port, heardMs: nowMs });
    else {
      if (entry.port !== port) this.#counts[entry.port]!--;
      entry.heardMs = nowMs;
    }
    if (entry?.port !== port) this.#counts[port]!++;
    if (entry !== undefined) entry.port = port;
    return true;
  }

  #hasRoom(port: number, nowMs: number): boolean {
    if (this.#counts[port]! < this.#most[port]!) return true;
    if (nowMs - this.#sweptMs < sweepMs) return false;
    this.#sweptMs = nowMs;
    for (const [mac, entry] of this.#entries) if (nowMs - entry.heardMs > mostAgeMs) this.#delete(mac, entry);
    return this.#counts[port]! < this.#most[port]!;
  }

  #delete(mac: number, { port }: Entry): void {
    this.#entries.delete(mac);
    this.#counts[port]!--;
  }

  /** Forgets the addresses of a port. */
  forget(port: number): void {
    for (const [mac, entry] of this.#entries) if (entry.port === port) this.#delete(mac, entry);
  }
}
