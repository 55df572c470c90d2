// VmGuest: one guest on a loop: it runs when there is something for it, until it rests; then its devices look at what it did, and sockets get what it answered. One thread, so that
// nobody waits for another and no wake-up can be lost between them. Not here: the machine (guest.ts), what its card is joined to (vm-service.ts).

import { readFileSync } from 'node:fs';
import type { TextOutput } from '../kernel/text-output.js';
import { coded } from '../text/coded.js';
import type { Loop } from '../transport/loop.js';
import { RestTimer } from '../transport/rest-timer.js';
import type { JoinedPeer } from '../vhost/net/joined-peer.js';
import { MmioTransport } from '../virtio/mmio.js';
import { Guest, registersOf } from './guest.js';
import { readImage } from './image-file.js';
import { NetworkCard } from './network-card.js';
import { Serial } from './serial.js';
import type { StreamDoor } from './stream-door.js';
import type { VhostUserCard } from './vhost-user-card.js';
import { VsockDevice } from './vsock-device.js';

/** A guest as it is to be run. */
export interface VmGuestStart {
  /** The image's path. */
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  /** The address of its card, where it has one: 6 bytes. */
  readonly mac: Uint8Array;
  /** What a Kicker has. */
  readonly shared: SharedArrayBuffer;
}

/** What a guest is joined to. */
export interface VmGuestDoors {
  /** What its card is joined to in this process, and the longest packet there. */
  readonly link: { readonly peer: JoinedPeer; readonly mtu: number | undefined } | undefined;
  /** Or a card that another process works for. */
  readonly remote: VhostUserCard | undefined;
  /** Where its streams go. */
  readonly streams: StreamDoor | undefined;
}

/** Who hears of a guest. */
export interface VmGuestHearer {
  /** Before what its serial line says. */
  readonly name: string;
  /** Where that is said. A line that is not taken at once is left out: who reads slowly, or has gone, holds up no guest. */
  readonly lines: Pick<TextOutput, 'put' | 'flush'>;
  readonly say: (sentence: string) => void;
  /** It is over: how, in words, and its status. */
  readonly over: (why: string, status: number) => void;
}

/** The first address of a guest. */
const guestCid = 3;
/** Times that a guest is entered before it rests for the first time, at most: each is some thousand stops. */
const bootEntries = 1000;

/** See the file's head. */
export class VmGuest {
  readonly guest: Guest;
  readonly vsock: VsockDevice | undefined;
  readonly card: NetworkCard | undefined;
  readonly serial: Serial;
  /** What of its boot was its own, in ms. */
  guestMs = 0;
  readonly #loop: Loop;
  readonly #remote: VhostUserCard | undefined;
  readonly #timer: RestTimer;
  readonly #hearer: VmGuestHearer;
  readonly #stopTicks: () => void;
  #isDue = false;
  /** Its streams are looked at. */
  #isLooking = false;
  /** It rests, and nothing has told it since. */
  #isResting = false;
  #isOver = false;
  #isStopped = false;

  /** Where it throws, nothing stays open of what it made, nor a card that it was given for itself alone. @throws SystemError, ImageError, RangeError */
  constructor(loop: Loop, start: VmGuestStart, { link, remote, streams }: VmGuestDoors, hearer: VmGuestHearer) {
    this.#loop = loop;
    this.#hearer = hearer;
    this.#remote = remote;
    this.serial = new Serial((line) => hearer.lines.put(`${hearer.name}: ${line}\n`) === 0);
    const { image, memoryBytes, commandLine, mac, shared } = start;
    const devices = [link, remote, streams].filter((each) => each !== undefined).length;
    const options = { memoryBytes, commandLine, devices };
    let guest: Guest | undefined;
    try {
      this.guest = guest = new Guest(readImage(readFileSync(image)), options, shared, (byte) => this.serial.put(byte));
      const { domain } = guest;
      const told = (): void => {
        this.#isResting = false;
        this.#wake();
      };
      if (link !== undefined) {
        this.card = new NetworkCard(loop, domain, link.peer, { mac, mtu: link.mtu, told, say: hearer.say });
        guest.add(new MmioTransport(this.card, domain));
      }
      if (remote !== undefined) {
        remote.join({ loop, guest, registers: registersOf(0), told, say: hearer.say });
        guest.add(new MmioTransport(remote, domain, remote.layouts));
      }
      if (streams !== undefined) {
        this.vsock = streams.device = new VsockDevice(domain, guestCid, streams, () => {
          if (!this.#isLooking) this.#wake();
        });
        guest.add(new MmioTransport(this.vsock, domain));
      }
      this.#timer = new RestTimer(loop, told);
    } catch (error) {
      // What was made here, and what it was given for itself alone.
      if (streams !== undefined) streams.device = undefined;
      remote?.stop();
      guest?.close();
      throw error;
    }
    // Each tick is a moment at which this thread can be ended.
    this.#stopTicks = loop.everyTick(() => {
      this.serial.flush();
      hearer.lines.flush();
      // Nothing else may happen as long as the room of all is with those that do not read.
      if (this.vsock?.isShort === true) this.#wake();
    });
  }

  /** Runs until the first rest. @throws Error where there is none; `status` hears with what it ended */
  boot(status: (status: number) => void): void {
    const enteredMs = performance.now();
    let pause = this.guest.run();
    for (let entries = 1; pause === 'busy' && entries < bootEntries; entries++) pause = this.guest.run();
    this.serial.flush();
    this.guestMs = performance.now() - enteredMs;
    if (pause !== 'rest') {
      const why = this.guest.end?.why ?? (pause === 'kicked' ? 'it was stopped' : 'it does not come to rest');
      // Whoever kicks it out of its boot has a status of its own.
      if (pause !== 'kicked') status(this.guest.end?.status ?? 1);
      throw coded(
        'CLEARWAY_GUEST',
        new Error(`${this.#hearer.name === 'guest' ? 'the guest' : this.#hearer.name} was not ready: ${why}`),
      );
    }
    this.#rested();
    this.#wake();
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
    if (this.vsock?.publish() === true) this.#isResting = false;
    if (!this.#isResting) this.#run();
    this.#look();
    this.card?.turn();
  };

  /** Answers leave, and most of what they were lent comes back at once: the guest is shown it here, and is run again only where it waits for that. */
  #look(): void {
    const { vsock } = this;
    if (vsock === undefined) return;
    this.#isLooking = true;
    vsock.turn();
    this.#isLooking = false;
    if (!vsock.publish()) return;
    this.#isResting = false;
    this.#wake();
  }

  #run(): void {
    const pause = this.guest.run();
    if (pause === 'rest') this.#rested();
    else if (pause === 'over') this.#ended();
    else this.#wake();
  }

  #rested(): void {
    this.#isResting = true;
    this.#timer.set(this.guest.restUs);
  }

  #ended(): void {
    const { why, status } = this.guest.end!;
    this.#isOver = true;
    this.serial.flush();
    this.#hearer.over(why, status);
  }

  /** It is not run any more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isOver = this.#isStopped = true;
    this.#stopTicks();
    this.#timer.close();
    this.#remote?.stop();
  }

  /** Takes it down: nobody uses its memory any more. */
  close(): void {
    this.guest.close();
  }
}
