// Rings: the queues of a session as its front end sets them up by messages, in any order, starts them and stops them. Not here: memory, features
// and all other messages (session.ts), what a queue is made of (vring.ts).

import { Access } from '../memory/domain.js';
import type { QueueState, RingsState } from './device-state.js';
import type { DirtyLog } from './dirty-log.js';
import type { InflightArea } from './inflight-area.js';
import type { MemoryTable } from './memory-table.js';
import { exact64, Feature, hasBit, Request } from './protocol.js';
import { type Done, refuse } from './refusal.js';
import type { VhostDevice } from './vhost-device.js';
import { Vring, type VringFeatures } from './vring.js';

/** What queues need of whoever runs the session. */
export interface RingsHost {
  /** Sends an answer, with a descriptor perhaps, which is the host's then. */
  answer(request: number, payload: Uint8Array, fd?: number): void;
  /** Watches a kick's descriptor, or no more. */
  watchKick(vring: Vring, on: boolean): boolean;
  /** A queue is looked at, as if it had been kicked. */
  look(vring: Vring): void;
  /** Asks the front end where a byte is, that may be touched so, behind the guest's IOMMU. False: it cannot be asked. */
  askForRange(address: number, access: number): boolean;
  /** Says something to the operator, in a sentence. */
  say(sentence: string): void;
  /** Ends the session. @param why in words, for the operator */
  end(why: string): void;
}

/** See the file's head. */
export class Rings {
  readonly all: readonly Vring[];
  readonly #device: VhostDevice;
  readonly #host: RingsHost;
  readonly #memory: MemoryTable;
  #features = 0n;
  #area: InflightArea | undefined;
  #log: DirtyLog | undefined;
  #description = '';
  /** It was said that packed queues do not outlive this process. */
  #isWarned = false;
  #isMemoryMissed = false;

  constructor(device: VhostDevice, host: RingsHost, memory: MemoryTable) {
    this.#device = device;
    this.#host = host;
    this.#memory = memory;
    this.all = Array.from({ length: device.queues }, (_, index) => new Vring(index));
  }

  /** Whether a queue runs. */
  get isRunning(): boolean {
    return this.all.some(({ queue }) => queue !== undefined);
  }

  /** Whether a queue ran, or one runs. */
  get hasRun(): boolean {
    return this.#description !== '';
  }

  /** What was agreed on. */
  set features(features: bigint) {
    this.#features = features;
    // Without the bit there is no message that enables a queue.
    if (!hasBit(features, Feature.protocolFeatures)) for (const vring of this.all) vring.isEnabled = true;
  }

  /** Where requests in flight are noted from now on. @throws Refusal while a queue runs */
  noteIn(area: InflightArea): void {
    if (this.isRunning) {
      area.unmap();
      refuse('passed memory for requests in flight while queues run');
    }
    // One that has ended for a while, for want of memory, would still say in the old one how it ended.
    for (const vring of this.all) vring.forgetArea();
    this.#area?.unmap();
    this.#area = area;
  }

  /** Where what devices write is marked from now on. */
  markIn(log: DirtyLog): void {
    this.#log?.unmap();
    this.#log = log;
  }

  /** Whether packed queues were agreed on. */
  get isPacked(): boolean {
    return hasBit(this.#features, Feature.packed);
  }

  #of(index: number): Vring {
    return this.all[index] ?? refuse(`named queue ${index} of ${this.all.length}`);
  }

  /** Obeys a message that sets something of a queue. @throws Refusal */
  configure(request: number, payload: DataView, fds: number[]): void {
    const first = payload.getUint32(0, true);
    const second = payload.getUint32(4, true);
    if (request === Request.setVringKick || request === Request.setVringCall || request === Request.setVringErr) {
      this.#setDescriptor(request, first, second, fds);
      return;
    }
    const vring = this.#of(first);
    if (request === Request.setVringEnable) {
      if (second > 1) refuse(`enabled queue ${first} with ${second}`);
      const isNew = second === 1 && !vring.isEnabled;
      vring.isEnabled = second === 1;
      if (isNew && vring.queue !== undefined) this.#device.started(vring, this.#memory);
    } else if (request === Request.setVringAddr) this.#setAddresses(vring, payload);
    else {
      if (vring.queue !== undefined) refuse(`changed queue ${first} while it runs`);
      if (request === Request.setVringNum) {
        if (!Vring.isSize(second, this.isPacked)) refuse(`made a queue of ${second} entries`);
        vring.size = second;
      } else vring.base = second;
    }
    this.startAll();
  }

  /**
   * Says once that a queue is to run and no memory came. QEMU passes none, and says nothing, of a guest whose memory cannot be shared; the guest
   * would wait for its disk for ever. (It enables pairs of queues of a network device long before it sets them up.)
   */
  #checkMemory(): void {
    if (this.#isMemoryMissed || !this.all.some((vring) => vring.isComplete && vring.isEnabled)) return;
    this.#isMemoryMissed = true;
    this.#host.say(
      'the front end passed no memory, so that the guest waits: start QEMU with -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem',
    );
  }

  /** Where a ring is; of one that runs only how it is logged may change. */
  #setAddresses(vring: Vring, payload: DataView): void {
    const flags = payload.getUint32(4, true);
    const [descriptors, used, available, log] = [8, 16, 24, 32].map((at) => exact64(payload, at)) as [
      number,
      number,
      number,
      number,
    ];
    if (flags > 1) refuse(`set up queue ${vring.index} with unknown flags (${flags})`);
    if (vring.queue !== undefined) {
      const { addresses } = vring;
      const isSame =
        addresses?.descriptors === descriptors && addresses.used === used && addresses.available === available;
      if (!isSame) refuse(`changed queue ${vring.index} while it runs`);
    } else {
      vring.addresses = { descriptors, used, available };
      vring.complaint = undefined;
    }
    vring.log = { isOn: flags === 1 && !Number.isNaN(log), address: log };
  }

  #setDescriptor(request: number, low: number, high: number, fds: number[]): void {
    const isNone = (low & 0x100) !== 0;
    if (high !== 0 || low > 0x1ff || isNone !== (fds.length === 0))
      refuse(`sent ${fds.length} descriptors for a queue's events, and said otherwise`);
    const vring = this.#of(low & 0xff);
    const [fd = -1] = fds.splice(0);
    if (request === Request.setVringCall) vring.setDescriptor('call', fd);
    else if (request === Request.setVringErr) vring.setDescriptor('error', fd);
    else {
      this.#host.watchKick(vring, false);
      vring.setDescriptor('kick', fd);
      vring.hasKick = true;
      if (fd >= 0 && !this.#host.watchKick(vring, true)) {
        vring.setDescriptor('kick', -1);
        vring.hasKick = false;
        refuse('passed a kick that cannot be waited for');
      }
    }
    if (vring.queue !== undefined) this.#device.started(vring, this.#memory);
    else this.startAll();
  }

  /** Starts the queues of which everything is there. Each is looked at once, and its driver told once: a kick or an interrupt may have been lost. */
  startAll(): void {
    if (this.#memory.count === 0) this.#checkMemory();
    if (this.#memory.count === 0 || !hasBit(this.#features, Feature.version1)) return;
    let resumed = 0;
    for (const vring of this.all) {
      if (vring.queue === undefined && vring.isComplete) resumed += this.#start(vring);
    }
    if (resumed > 0) this.#host.say(`${resumed} requests that were under way are done again`);
  }

  get #ringFeatures(): VringFeatures {
    return {
      indirect: hasBit(this.#features, Feature.indirect),
      eventIndex: hasBit(this.#features, Feature.eventIndex),
      packed: this.isPacked,
    };
  }

  /** Starts a queue. Returns how many requests were under way. */
  #start(vring: Vring): number {
    const features = this.#ringFeatures;
    const isLogged = hasBit(this.#features, Feature.logAll);
    const started = vring.start(
      this.#memory,
      features,
      this.#area,
      isLogged ? () => this.#log : undefined,
      (address, access) => this.#host.askForRange(address, access),
    );
    if (typeof started !== 'string' && 'missing' in started) {
      // It starts when that is known.
      if (vring.asked !== started.missing && this.#host.askForRange(started.missing, Access.both))
        vring.asked = started.missing;
      return 0;
    }
    if (typeof started === 'string') {
      // Said once of what it was set up with: other memory may have it still.
      if (vring.complaint !== started) this.#host.say(`the front end's ${started}`);
      vring.complaint = started;
      return 0;
    }
    if (started.note !== undefined) this.#host.say(started.note);
    if (features.packed && this.#area === undefined && !this.#isWarned) {
      this.#isWarned = true;
      this.#host.say(
        'queues are packed, and the front end keeps no requests in flight (INFLIGHT_SHMFD): they do not outlive an end of this process by force',
      );
    }
    this.#describe(vring);
    if (vring.isEnabled) this.#device.started(vring, this.#memory);
    return started.resumed;
  }

  /** What was agreed on of rings, in words. */
  #words(): string[] {
    const { packed, eventIndex, indirect } = this.#ringFeatures;
    return [
      packed ? 'packed' : 'split',
      ...(eventIndex ? ['event index'] : []),
      ...(indirect ? ['indirect'] : []),
      ...(this.#memory.hasIotlb ? ['behind an IOMMU'] : []),
      ...(this.#area === undefined ? [] : ['requests in flight kept']),
      ...(hasBit(this.#features, Feature.logAll) ? ['what is written is logged'] : []),
    ];
  }

  /** How they stand. */
  get state(): RingsState {
    const features = this.hasRun ? [...this.#words(), ...(this.#device.agreedWords ?? [])] : [];
    const queues = this.all.flatMap(({ index, state }): readonly QueueState[] =>
      state === undefined ? [] : [{ name: this.#device.queueName?.(index) ?? `queue ${index}`, ...state }],
    );
    return { features, memoryBytes: this.#memory.byteLength, queues };
  }

  /** Says how queues run, where that is other than it was said last. */
  #describe({ size }: Vring): void {
    const words = `queues of ${size} entries, ${this.#words().join(', ')}`;
    if (words === this.#description) return;
    this.#description = words;
    this.#host.say(`the guest runs ${words}; ${(this.#memory.byteLength / 2 ** 20).toFixed(0)} MiB of memory`);
  }

  /** Something is known that was missing: queues that wait for it start, or go on. */
  known(): void {
    this.startAll();
    for (const vring of this.all) if (vring.iotlb?.isHeld === true) this.#host.look(vring);
  }

  /** Calls back when nothing is under way over a range of the IOMMU's addresses; what comes after waits until then. @param done may be called at once */
  whenIdle(start: number, length: number, done: () => void): void {
    const features = this.#ringFeatures;
    const running = this.all.filter(({ iotlb }) => iotlb !== undefined);
    if (running.some((vring) => vring.overlaps(features, start, length))) {
      this.stopAll(() => {
        done();
        this.startAll();
      });
      return;
    }
    let left = running.length;
    const ended = (): void => {
      if (--left > 0) return;
      done();
      for (const { iotlb } of running) iotlb!.resume();
      for (const vring of running) if (vring.iotlb !== undefined) this.#host.look(vring);
    };
    if (left === 0) done();
    for (const { iotlb } of running) iotlb!.pause(ended);
  }

  /** Ends all queues for a while: their places are kept. `done` is called when nothing is under way any more, at once perhaps. */
  stopAll(done: () => void): false {
    const running = this.all.filter(({ queue }) => queue !== undefined);
    let left = running.length;
    if (left === 0) done();
    for (const vring of running) {
      this.#device.stop(vring, () => {
        vring.pause();
        if (--left === 0) done();
      });
    }
    return false;
  }

  /** Stops a queue for good, and says where it stands. False: it is answered when nothing of it is under way. @throws Refusal */
  getBase(index: number, done: Done): false {
    const vring = this.#of(index);
    const answer = (): void => {
      this.#host.watchKick(vring, false);
      vring.stop();
      const payload = new Uint8Array(8);
      const view = new DataView(payload.buffer);
      view.setUint32(0, index, true);
      view.setUint32(4, vring.base, true);
      this.#host.answer(Request.getVringBase, payload);
      done();
    };
    if (vring.queue === undefined) answer();
    else this.#device.stop(vring, () => this.#handOver(answer, done));
    return false;
  }

  /** Where the guest moves, its device says when it may. One that may not is not answered: the front end would have it go on elsewhere. */
  #handOver(answer: () => void, done: Done): void {
    const isMoving = hasBit(this.#features, Feature.logAll) && this.#log !== undefined;
    if (!isMoving || this.#device.handOver === undefined) {
      answer();
      return;
    }
    this.#device.handOver((why) => {
      if (why === undefined) {
        answer();
        return;
      }
      this.#host.end(why);
      done();
    });
  }

  /** Lets go of what queues were set up with; they have ended. */
  reset(): void {
    this.#close(true);
  }

  /** Lets go of everything. */
  close(): void {
    this.#close(false);
    this.#area?.unmap();
    this.#area = undefined;
    this.#log?.unmap();
    this.#log = undefined;
  }

  #close(isReset: boolean): void {
    for (const vring of this.all) {
      this.#host.watchKick(vring, false);
      vring.close(isReset);
    }
  }
}
