// VhostUserCard: a network card of a guest whose work another process does, the back end of vhost-user at a socket. That process is handed the file of the guest's memory, maps linear memory out of it,
// reads and writes its rings and packets there, and is kicked by the guest itself, past this process. What is left here is what a driver reads and writes in registers.

import { clearEvent, createEventDescriptor } from '../kernel/event.js';
import { signalOnWrite } from '../kernel/kvm.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { FrontEndError } from '../vhost/front-end/front-end-error.js';
import { FrontSession, freshPosition, ringMessages } from '../vhost/front-end/front-session.js';
import { NetFeature } from '../vhost/net/net-features.js';
import { bitsOf, Feature, hasBit, Request } from '../vhost/protocol.js';
import { notifyOffset, type QueuePlace, type VirtioDevice } from '../virtio/mmio.js';
import type { DeviceQueue } from '../virtio/queue.js';
import type { Guest } from './guest.js';

const answerMs = 5000;
const queueEntries = 1024;
/** What the transport offers by itself. */
const layoutBits = bitsOf(Feature.packed, Feature.eventIndex);
/** What a guest is not offered: what is between the two processes, orders to the card, and more than one pair. */
const notForGuests = bitsOf(
  ...[Feature.protocolFeatures, Feature.logAll, Feature.platform, Feature.version1, Feature.packed, Feature.eventIndex],
  ...[NetFeature.controlQueue, NetFeature.announce, NetFeature.multiQueue, NetFeature.mtu, NetFeature.status],
);
const hasMac = bitsOf(NetFeature.mac);

/** A descriptor that the back end signals. */
class Heard extends Endpoint {
  readonly fd: number;
  readonly #loop: Loop;
  readonly #hear: () => void;
  #isOver = false;

  constructor(loop: Loop, fd: number, hear: () => void) {
    super();
    this.fd = fd;
    this.#loop = loop;
    this.#hear = hear;
    loop.register(this);
    try {
      loop.engine.watch(this.token, fd);
    } catch (error) {
      loop.unregister(this);
      throw error;
    }
  }

  override readable(result: number, more: boolean): void {
    if (this.#isOver) return;
    if (!more && result >= 0) this.#loop.engine.watch(this.token, this.fd);
    this.#hear();
  }

  /** Hears no more. The descriptor stays its owner's. */
  rest(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#loop.engine.cancel(this.token, this.fd);
    this.#loop.engine.flush();
  }
}

/** A queue's events. */
interface Events {
  readonly kick: number;
  readonly error: number;
  readonly call: Heard;
}

/** What a card needs once its guest is there. */
export interface CardPlace {
  readonly loop: Loop;
  readonly guest: Guest;
  /** Where the card's registers are in the machine. */
  readonly registers: number;
  /** The guest wants to hear that something came. */
  readonly told: () => void;
  readonly say: (sentence: string) => void;
}

/** See the file's head. */
export class VhostUserCard implements VirtioDevice {
  readonly kind = 1;
  readonly features: bigint;
  readonly configuration: Uint8Array;
  readonly queueSizes: readonly number[] = [queueEntries, queueEntries];
  /** Layouts of queues that the back end has. */
  readonly layouts: bigint;
  readonly #path: string;
  readonly #session: FrontSession;
  #place: CardPlace | undefined;
  #events: Events[] = [];
  #socket: Heard | undefined;
  #wasStarted = false;
  #isGone = false;

  private constructor(path: string, session: FrontSession, mac: Uint8Array) {
    this.#path = path;
    this.#session = session;
    this.features = (session.offered & ~notForGuests) | hasMac;
    this.layouts = session.offered & layoutBits;
    this.configuration = Uint8Array.from([...mac, 1, 0]);
  }

  /** Begins with the back end at a socket, and hears what it offers. @throws FrontEndError */
  static async connect(path: string, mac: Uint8Array): Promise<VhostUserCard> {
    const session = new FrontSession(path, answerMs);
    try {
      // Nothing is acknowledged: a thread that runs a guest waits for nobody.
      await session.greet(0n);
      return new VhostUserCard(path, session, mac);
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** The guest is there: from now on its card can be started. */
  join(place: CardPlace): void {
    this.#place = place;
    this.#socket = new Heard(place.loop, this.#session.channel.fd, () => this.#gone());
  }

  /** The back end says nothing that was not asked: it has hung up. */
  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket!.rest();
    this.#place!.say(
      `the back end at ${this.#path} has gone: the guest's network is silent until this command is started again`,
    );
  }

  start(
    _queues: readonly (DeviceQueue | undefined)[],
    features: bigint,
    places: readonly (QueuePlace | undefined)[],
  ): void {
    const { say } = this.#place!;
    if (this.#isGone) return;
    if (this.#wasStarted) {
      say("the guest's card was started again, which it can be once by vhost-user: its network is silent now");
      return;
    }
    this.#wasStarted = true;
    try {
      this.#share(features);
      for (const [index, place] of places.entries()) if (place !== undefined) this.#setUp(index, place, features);
    } catch (error) {
      // A lack of descriptors is no more than this card's trouble either.
      if (!(error instanceof FrontEndError || error instanceof SystemError)) throw error;
      say(error.message);
    }
  }

  /** Shares linear memory, which the guest's devices may touch, and says what was agreed on. */
  #share(features: bigint): void {
    const { guest } = this.#place!;
    const own = bitsOf(Feature.protocolFeatures) & this.#session.offered;
    const words = [(features & this.#session.offered) | own];
    this.#session.send({ request: Request.setFeatures, words, fds: [] });
    const { memory } = guest.machine;
    const { start, length } = guest.shared;
    const region = [start, length, memory.address + start, start].map(BigInt);
    this.#session.send({ request: Request.setMemoryTable, words: [1n, ...region], fds: [memory.fd] });
  }

  /** @throws SystemError, and leaves none of them open */
  #makeEvents(loop: Loop, told: () => void): Events {
    const fds: number[] = [];
    try {
      while (fds.length < 3) fds.push(createEventDescriptor());
      const [kick, error, called] = fds as [number, number, number];
      const hear = (): void => {
        clearEvent(called);
        told();
      };
      const events = { kick, error, call: new Heard(loop, called, hear) };
      this.#events.push(events);
      return events;
    } catch (error) {
      for (const fd of fds) closeDescriptor(fd);
      throw error;
    }
  }

  #setUp(index: number, place: QueuePlace, features: bigint): void {
    const { loop, guest, registers, told, say } = this.#place!;
    const { kick, error, call } = this.#makeEvents(loop, told);
    const { descriptors, driver, device, size } = place;
    const at = (address: number): number => guest.machine.memory.address + address;
    const ring = { index, size, position: freshPosition(hasBit(features, Feature.packed)), kick, call: call.fd, error };
    const parts = { descriptors: at(descriptors), available: at(driver), used: at(device) };
    const isEnabledApart = hasBit(this.#session.offered, Feature.protocolFeatures);
    for (const message of ringMessages({ ...ring, ...parts }, isEnabledApart)) this.#session.send(message);
    const joined = signalOnWrite(guest.machine.descriptor, registers + notifyOffset, index, kick);
    if (joined < 0) say(`the guest cannot kick its back end (errno ${-joined})`);
  }

  /** The driver began anew, or the machine ends: the back end is hung up on, and lets go of the memory. */
  stop(): void {
    this.#socket?.rest();
    this.#session.close();
    for (const { kick, error, call } of this.#events.splice(0)) {
      call.rest();
      for (const fd of [kick, error, call.fd]) closeDescriptor(fd);
    }
  }

  notified(): void {
    // The kernel signals it, and does not stop the guest for it.
  }
}
