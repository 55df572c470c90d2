// VhostServer: a device and the front ends that come for it, one at a time: who comes meanwhile waits, and disturbs nobody. Not here: how they
// come (door.ts), what is said over their socket (channel.ts).

import { unixPeer } from '../kernel/unix-socket.js';
import type { Loop } from '../transport/loop.js';
import { Channel } from './channel.js';
import { type DeviceState, idleState } from './device-state.js';
import { type Door, openDoor, type Place } from './door.js';
import type { MemoryPolicy, MemoryTable } from './memory-table.js';
import type { QueueCounts } from './queue-counts.js';
import { RepeatedSay } from './repeated-say.js';
import type { VhostDevice } from './session.js';
import type { Vring } from './vring.js';

/** A device that is told of kicks. */
export interface KickedDevice extends VhostDevice {
  readonly counts: QueueCounts;
  kicked(vring: Vring, memory: MemoryTable): void;
}

/** How a device is offered. */
export interface VhostServerOptions {
  /** Where front ends come from. */
  readonly place: Place;
  readonly memory: MemoryPolicy;
  /** Says something to the operator, in a sentence. */
  readonly say: (sentence: string) => void;
  /** No other front end will come. */
  readonly over: () => void;
}

/** See the file's head. */
export class VhostServer {
  readonly #loop: Loop;
  readonly #device: KickedDevice;
  readonly #options: VhostServerOptions;
  readonly #door: Door;
  readonly #ofFrontEnds: RepeatedSay;
  #channel: Channel | undefined;
  /** Who is there: its process, where that is known, and since when. */
  #processId: number | undefined;
  #sinceMs = 0;
  /** When the last one went. */
  #goneMs = Number.NaN;
  #isClosed = false;
  #whenEnded: (() => void) | undefined;

  /** Lets front ends come. @throws SystemError, Error where somebody listens there already, or something else lies there */
  constructor(loop: Loop, device: KickedDevice, options: VhostServerOptions) {
    this.#loop = loop;
    this.#device = device;
    this.#options = options;
    this.#ofFrontEnds = new RepeatedSay(options.say);
    const { place, say, over } = options;
    this.#door = openDoor(loop, place, { say, over, came: (fd) => this.#came(fd) });
    loop.nextTurn(this.#next);
  }

  readonly #next = (): void => {
    if (!this.#isClosed) this.#door.next();
  };

  #came(fd: number): void {
    const said = this.#ofFrontEnds;
    this.#device.counts.frontEnds++;
    const peer = unixPeer(fd);
    this.#processId = peer?.processId;
    this.#sinceMs = this.#loop.nowMs;
    const who = peer === undefined ? '' : ` (process ${peer.processId}, user ${peer.userId})`;
    const sinceMs = this.#loop.nowMs - this.#goneMs;
    said.came(
      `a front end connected${Number.isNaN(sinceMs) ? '' : ` again, after ${(sinceMs / 1000).toFixed(1)} s`}${who}`,
      `a front end connected${who}`,
    );
    const channel = new Channel(
      this.#loop,
      fd,
      this.#device,
      {
        say: (sentence) => said.say(sentence),
        kicked: (vring) => this.#device.kicked(vring, channel.session.memory),
        ended: (why) => this.#ended(why, channel.session.hasRun),
      },
      this.#options.memory,
    );
    this.#channel = channel;
  }

  #ended(why: string | undefined, hasRun: boolean): void {
    this.#channel = undefined;
    this.#goneMs = this.#loop.nowMs;
    this.#ofFrontEnds.ended(
      why === undefined ? 'the front end has gone' : `the front end is let go of: ${why}`,
      !hasRun,
    );
    if (this.#isClosed) this.#ofFrontEnds.finish();
    this.#device.left?.();
    this.#whenEnded?.();
    // Somebody may have waited.
    this.#loop.nextTurn(this.#next);
  }

  /** How its device stands. */
  get state(): DeviceState {
    if (this.#channel === undefined) return idleState;
    const frontEnd = { processId: this.#processId, forMs: this.#loop.nowMs - this.#sinceMs };
    return { frontEnd, ...this.#channel.session.state };
  }

  /** The device's configuration has changed. True: there is a front end, and it is told. */
  configChanged(): boolean {
    return this.#channel?.session.configChanged() ?? false;
  }

  /** Ends it, and takes its socket away. @param done when nothing is under way any more */
  close(done: () => void): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#door.close();
    if (this.#channel === undefined) {
      this.#ofFrontEnds.finish();
      done();
      return;
    }
    this.#whenEnded = done;
    this.#channel.end('the device ends');
  }
}
