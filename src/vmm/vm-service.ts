// A guest on a loop: it runs when there is something for it, until it rests; then its devices look at what it did, and sockets get what it answered. One thread, so that nobody
// waits for another and no wake-up can be lost between them. Not here: the machine (guest.ts), the thread (vm-thread.ts).

import { readFileSync, writeSync } from 'node:fs';
import { clearEvent } from '../kernel/event.js';
import { closeDescriptor, setNonBlocking } from '../kernel/socket.js';
import { createTimer, setTimer } from '../kernel/timer.js';
import { copiedBytes } from '../memory/copy.js';
import type { ListenSocket } from '../transport/acceptor.js';
import { Endpoint } from '../transport/endpoint.js';
import { Listener } from '../transport/listener.js';
import type { Loop } from '../transport/loop.js';
import { Tap } from '../vhost/net/tap.js';
import type { Devices } from '../vhost/run-devices.js';
import { MmioTransport } from '../virtio/mmio.js';
import { Guest } from './guest.js';
import { readImage } from './image-file.js';
import { NetDevice } from './net-device.js';
import { Serial } from './serial.js';
import { type DoorState, StreamDoor } from './stream-door.js';
import type { VmCounts } from './vm-metrics.js';
import { VsockDevice } from './vsock-device.js';

/** A door of the guest: sockets whose connections are streams to a port of it. */
export interface SocketDoor {
  readonly sockets: readonly ListenSocket[];
  readonly guestPort: number;
  readonly maxClients: number;
  /** What who comes beyond them is told. */
  readonly overflow: string;
}

/** What the thread is given. */
export interface VmStart {
  /** The image's path. */
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly door: SocketDoor | undefined;
  /** A tap that its network card is on, and the card's address. */
  readonly net: { readonly tap: string; readonly mac: Uint8Array } | undefined;
  /** What a Kicker has. */
  readonly shared: SharedArrayBuffer;
  /** One number: the status with which the guest ended; -1: it did not. */
  readonly status: SharedArrayBuffer;
}

/** What it says of itself once it rests for the first time. */
export interface VmOffered {
  /** Milliseconds from the opening of /dev/kvm to the first rest, and what of it was the guest's own. */
  readonly bootMs: number;
  readonly guestMs: number;
}

/** The first address of a guest. */
const guestCid = 3;
/** Times that a guest is entered before it rests for the first time, at most: each is some thousand stops. */
const bootEntries = 1000;
/** Bytes that a client may send ahead. */
const backlogLimit = 1 << 20;
const endless = 0xffff_ffff;

/** Tells of the end of a rest. */
class RestTimer extends Endpoint {
  readonly fd = createTimer();
  readonly #loop: Loop;
  readonly #due: () => void;
  #setUntilMs = Number.POSITIVE_INFINITY;

  constructor(loop: Loop, due: () => void) {
    super();
    this.#loop = loop;
    this.#due = due;
    loop.register(this);
    loop.engine.watch(this.token, this.fd);
  }

  /** It tells after so many microseconds at the latest. */
  set(us: number): void {
    const nowMs = performance.now();
    const untilMs = nowMs + us / 1000;
    // One that comes sooner does as well, and costs no call.
    if (us === endless || (this.#setUntilMs > nowMs && this.#setUntilMs <= untilMs)) return;
    this.#setUntilMs = untilMs;
    setTimer(this.fd, Math.max(1, us));
  }

  override readable(_result: number, more: boolean): void {
    if (!more) this.#loop.engine.watch(this.token, this.fd);
    clearEvent(this.fd);
    this.#setUntilMs = Number.POSITIVE_INFINITY;
    this.#due();
  }

  close(): void {
    this.#loop.engine.cancel(this.token, this.fd, true);
    closeDescriptor(this.fd);
  }
}

/** See the file's head. */
export class VmService implements Devices<VmOffered, VmCounts> {
  readonly offered: VmOffered;
  readonly #loop: Loop;
  readonly #guest: Guest;
  readonly #vsock: VsockDevice | undefined;
  readonly #net: NetDevice | undefined;
  readonly #listener: Listener<DoorState> | undefined;
  readonly #serial = new Serial((line) => void writeSync(2, `guest: ${line}\n`));
  readonly #timer: RestTimer;
  readonly #stopTicks: () => void;
  readonly #status: Int32Array;
  readonly #say: (sentence: string) => void;
  readonly #end: () => void;
  #isDue = false;
  /** It rests, and nothing has told it since. */
  #isResting = false;
  #isOver = false;

  /** @throws SystemError, ImageError, RangeError; Error where the guest ends before it rests for the first time */
  constructor(loop: Loop, start: VmStart, say: (sentence: string) => void, end: () => void) {
    this.#loop = loop;
    this.#say = say;
    this.#end = end;
    this.#status = new Int32Array(start.status, 0, 1);
    const image = readImage(readFileSync(start.image));
    const begunMs = performance.now();
    const { memoryBytes, commandLine, shared } = start;
    const devices = (start.net === undefined ? 0 : 1) + (start.door === undefined ? 0 : 1);
    const tap = start.net === undefined ? undefined : new Tap(start.net.tap, 1);
    if (tap !== undefined && !tap.isUp) say(`${tap.name} is down: ip link set dev ${tap.name} up`);
    this.#guest = new Guest(image, { memoryBytes, commandLine, devices }, shared, (byte) => this.#serial.put(byte));
    const door = new StreamDoor(start.door?.guestPort ?? 0);
    const wake = (): void => this.#wake();
    if (tap !== undefined) {
      this.#net = new NetDevice(loop, this.#guest.domain, tap.descriptors[0]!, start.net!.mac, wake);
      this.#guest.add(new MmioTransport(this.#net, this.#guest.domain));
    }
    if (start.door !== undefined) {
      this.#vsock = door.device = new VsockDevice(this.#guest.domain, guestCid, door, wake);
      this.#guest.add(new MmioTransport(this.#vsock, this.#guest.domain));
    }
    this.#timer = new RestTimer(loop, () => {
      this.#isResting = false;
      this.#wake();
    });
    this.offered = this.#boot(begunMs);
    this.#listener = start.door === undefined ? undefined : this.#listen(start.door, door);
    // Each tick is a moment at which this thread can be ended.
    this.#stopTicks = loop.everyTick(() => this.#serial.flush());
    this.#wake();
  }

  /** Runs until the first rest. @throws Error where there is none */
  #boot(begunMs: number): VmOffered {
    const enteredMs = performance.now();
    let pause = this.#guest.run();
    for (let entries = 1; pause === 'busy' && entries < bootEntries; entries++) pause = this.#guest.run();
    this.#serial.flush();
    const nowMs = performance.now();
    if (pause !== 'rest') {
      const why = this.#guest.end?.why ?? (pause === 'kicked' ? 'it was stopped' : 'it does not come to rest');
      Atomics.store(this.#status, 0, this.#guest.end?.status ?? 1);
      this.#guest.close();
      throw new Error(`the guest was not ready: ${why}`);
    }
    this.#rested();
    return { bootMs: nowMs - begunMs, guestMs: nowMs - enteredMs };
  }

  #listen({ sockets, maxClients, overflow }: SocketDoor, door: StreamDoor): Listener<DoorState> {
    for (const { fd } of sockets) setNonBlocking(fd, this.#loop.engine.nonBlockingSockets);
    const limits = { maxConnections: maxClients, minRate: 0, rateWindowMs: 20_000, backlogLimit };
    return new Listener(this.#loop, sockets, door, limits, overflow);
  }

  /** There is something for the guest, or its devices: in the next turn. */
  #wake(): void {
    if (this.#isDue || this.#isOver) return;
    this.#isDue = true;
    this.#loop.nextTurn(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isDue = false;
    if (this.#isOver) return;
    if (this.#vsock?.publish() === true) this.#isResting = false;
    if (this.#net?.publish() === true) this.#isResting = false;
    if (!this.#isResting) this.#run();
    this.#vsock?.turn();
    this.#net?.turn();
  };

  #run(): void {
    const pause = this.#guest.run();
    if (pause === 'rest') this.#rested();
    else if (pause === 'over') this.#ended();
    else this.#wake();
  }

  #rested(): void {
    this.#isResting = true;
    this.#timer.set(this.#guest.restUs);
  }

  #ended(): void {
    const { why, status } = this.#guest.end!;
    this.#serial.flush();
    Atomics.store(this.#status, 0, status);
    if (status !== 0) this.#say(`the guest is over: ${why}`);
    this.#end();
  }

  /** What was counted. */
  counts(): VmCounts {
    const { entries, registers, ports, rests, kicks } = this.#guest.counts;
    const none = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, faults: 0, dropped: 0 };
    const streams = this.#vsock?.counts ?? none;
    const card = this.#net?.counts ?? none;
    const { accepted, refused } = this.#listener?.counts ?? { accepted: 0, refused: 0 };
    return {
      ...{ entries, registers, ports, rests, kicks, faults: this.#guest.faults },
      packetsIn: streams.packetsIn + card.packetsIn,
      packetsOut: streams.packetsOut + card.packetsOut,
      bytesIn: streams.bytesIn + card.bytesIn,
      bytesOut: streams.bytesOut + card.bytesOut,
      deviceFaults: streams.faults + card.faults,
      packetsDropped: card.dropped,
      ...{ accepted, refused, linesDropped: this.#serial.dropped, copied: [...copiedBytes] },
    };
  }

  changed(): void {
    // Nothing beneath a guest can change.
  }

  /** Ends it: the guest is not run any more, and who is connected is let go. */
  close(done: () => void): void {
    this.#isOver = true;
    this.#stopTicks();
    this.#timer.close();
    this.#net?.close();
    const over = (): void => {
      this.#guest.close();
      done();
    };
    if (this.#listener === undefined) {
      over();
      return;
    }
    this.#listener.drain(over);
    this.#listener.abortAll();
  }
}
