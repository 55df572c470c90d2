// The guests of one command on a loop, in one thread: what their cards are joined to (a tap, AF_XDP, each other), the sockets that lead to the first of them, what is counted, the end.
// Not here: a guest and its devices (vm-guest.ts), the thread (vm-thread.ts).

import { setNonBlocking } from '../kernel/socket.js';
import { TextOutput } from '../kernel/text-output.js';
import { copiedBytes } from '../memory/copy.js';
import type { ListenSocket } from '../transport/acceptor.js';
import type { Loop } from '../transport/loop.js';
import { WarmListener } from '../transport/warm-listener.js';
import type { WarmUpWords } from '../transport/warm-up.js';
import { limitedSay } from '../vhost/limited-say.js';
import { type Link, openLink } from '../vhost/net/links.js';
import type { Devices } from '../vhost/run-devices.js';
import { type DoorState, StreamDoor } from './stream-door.js';
import type { VhostUserCard } from './vhost-user-card.js';
import { VmGuest, type VmGuestStart } from './vm-guest.js';
import type { VmCounts } from './vm-metrics.js';

/** A door of the guest: sockets whose connections are streams to a port of it. */
export interface SocketDoor {
  readonly sockets: readonly ListenSocket[];
  readonly guestPort: number;
  readonly maxClients: number;
  /** What who comes beyond them is told. */
  readonly overflow: string;
  /** By what the way to the guest is warmed up, where its protocol has lines. */
  readonly warmUp?: WarmUpWords | undefined;
}

/** What the cards of guests are joined to. */
export interface VmLink {
  /** A tap of this host, or a network device of it by AF_XDP, or neither: then guests have each other. */
  readonly tap: string | undefined;
  readonly xdp: string | undefined;
  /** Or, for one guest, the socket of a back end of vhost-user. */
  readonly vhostUser: string | undefined;
}

/** What the thread is given. */
export interface VmStart {
  /** The guests: the command ends with the first one. */
  readonly guests: readonly VmGuestStart[];
  /** Of the first guest. */
  readonly door: SocketDoor | undefined;
  readonly link: VmLink | undefined;
  /** One number: the status with which the first guest ended; -1: it did not. */
  readonly status: SharedArrayBuffer;
}

/** What it says of itself once all have rested for the first time. */
export interface VmOffered {
  /** Milliseconds from the opening of /dev/kvm to the last first rest, and what of it was the first guest's own. */
  readonly bootMs: number;
  readonly guestMs: number;
  /** What the cards are joined to, in words. */
  readonly to: string | undefined;
}

/** Bytes that a client may send ahead. */
const backlogLimit = 1 << 20;

/** See the file's head. */
export class VmService implements Devices<VmOffered, VmCounts> {
  readonly offered: VmOffered;
  readonly #loop: Loop;
  readonly #guests: VmGuest[] = [];
  /** Where guests' serial lines go. */
  readonly #lines: TextOutput | undefined;
  readonly #link: Link | undefined;
  /** Of the door's clients. */
  #listener: WarmListener<DoorState> | undefined;
  readonly #status: Int32Array;
  readonly #say: (sentence: string) => void;
  readonly #end: () => void;

  /**
   * @param remote the card of the first guest that another process works for
   * @throws SystemError, ImageError, RangeError; Error where a guest ends before it rests for the first time, or a link cannot be had
   */
  constructor(
    loop: Loop,
    start: VmStart,
    remote: VhostUserCard | undefined,
    say: (sentence: string) => void,
    end: () => void,
  ) {
    this.#loop = loop;
    this.#say = say;
    this.#end = end;
    this.#status = new Int32Array(start.status, 0, 1);
    const begunMs = performance.now();
    const door = start.door === undefined ? undefined : new StreamDoor(start.door.guestPort);
    try {
      const lines = new TextOutput(2);
      this.#lines = lines;
      this.#link = this.#openLink(start);
      for (const [index, each] of start.guests.entries()) this.#make(index, each, lines, remote, door);
      for (const [index, guest] of this.#guests.entries()) guest.boot((status) => this.#note(index, status));
      const { guestMs } = this.#guests[0]!;
      this.offered = { bootMs: performance.now() - begunMs, guestMs, to: this.#link?.to };
      if (start.door !== undefined) this.#openDoor(start.door, door!);
    } catch (error) {
      remote?.stop();
      this.#closeGuests();
      throw error;
    }
  }

  #openLink({ guests, link }: VmStart): Link | undefined {
    if (link === undefined || link.vhostUser !== undefined) return undefined;
    const { tap, xdp } = link;
    const options = { devices: guests.length, pairs: 1, mtu: undefined, echo: false, isolate: false, tap, xdp };
    const opened = openLink(this.#loop, options, this.#say);
    if (opened.hint !== undefined) this.#say(opened.hint);
    return opened;
  }

  #make(
    index: number,
    start: VmGuestStart,
    lines: TextOutput,
    remote: VhostUserCard | undefined,
    door: StreamDoor | undefined,
  ): void {
    const name = index === 0 ? 'guest' : `guest ${index + 1}`;
    const peer = this.#link?.peers[index];
    const doors = {
      link: peer === undefined ? undefined : { peer, mtu: this.#link!.mtu },
      remote: index === 0 ? remote : undefined,
      streams: index === 0 ? door : undefined,
    };
    const over = (why: string, status: number): void => this.#over(index, why, status);
    // What a guest does wrong over and over is not said each time.
    const say = limitedSay(this.#loop, this.#say);
    this.#guests.push(new VmGuest(this.#loop, start, doors, { name, lines, say, over }));
  }

  #note(index: number, status: number): void {
    if (index === 0) Atomics.store(this.#status, 0, status);
  }

  #over(index: number, why: string, status: number): void {
    this.#note(index, status);
    if (status !== 0 || index > 0) this.#say(`${index === 0 ? 'the guest' : `guest ${index + 1}`} is over: ${why}`);
    if (index === 0) this.#end();
  }

  #openDoor({ sockets, maxClients, overflow, warmUp }: SocketDoor, door: StreamDoor): void {
    for (const { fd } of sockets) setNonBlocking(fd, this.#loop.engine.nonBlockingSockets);
    const limits = { maxConnections: maxClients, minRate: 0, rateWindowMs: 20_000, backlogLimit };
    this.#listener = new WarmListener(this.#loop, sockets, door, limits, overflow, warmUp);
  }

  /** What was counted, of all guests together. */
  counts(): VmCounts {
    const { accepted, refused } = this.#listener?.counts ?? { accepted: 0, refused: 0 };
    const sum = { ...nothing, accepted, refused };
    for (const { guest, vsock, card, serial } of this.#guests) {
      for (const name of ['entries', 'registers', 'ports', 'rests', 'kicks'] as const) sum[name] += guest.counts[name];
      sum.faults += guest.faults;
      sum.linesDropped += serial.dropped;
      if (vsock !== undefined) {
        for (const name of ['packetsIn', 'packetsOut', 'bytesIn', 'bytesOut'] as const) sum[name] += vsock.counts[name];
        sum.deviceFaults += vsock.counts.faults;
        sum.slowReaders += vsock.counts.slowReaders;
      }
      if (card === undefined) continue;
      const { counts } = card;
      sum.packetsIn += counts.receivedPackets;
      sum.packetsOut += counts.sentPackets;
      sum.bytesIn += counts.receivedBytes;
      sum.bytesOut += counts.sentBytes;
      sum.deviceFaults += card.faults;
      sum.packetsDropped += card.dropped;
    }
    return { ...sum, copied: [...copiedBytes] };
  }

  changed(): void {
    // Nothing beneath a guest can change.
  }

  #closeGuests(): void {
    for (const guest of this.#guests) guest.stop();
    this.#link?.close();
    for (const guest of this.#guests) guest.close();
    this.#lines?.close();
  }

  /** Ends it: guests are not run any more, and who is connected is let go. */
  close(done: () => void): void {
    const over = (): void => {
      this.#closeGuests();
      done();
    };
    const listener = this.#listener;
    if (listener === undefined) {
      over();
      return;
    }
    for (const guest of this.#guests) guest.stop();
    listener.drain(over);
    listener.abortAll();
  }
}

const nothing = {
  ...{ entries: 0, registers: 0, ports: 0, rests: 0, kicks: 0, faults: 0, packetsIn: 0, packetsOut: 0 },
  ...{
    bytesIn: 0,
    bytesOut: 0,
    deviceFaults: 0,
    packetsDropped: 0,
    accepted: 0,
    refused: 0,
    slowReaders: 0,
    linesDropped: 0,
  },
};
