// Guest: an image in a machine, and what its processor's stops mean: registers of devices, the serial line, rest, the end. It runs on the thread of whoever calls `run`, until it
// rests, so that one thread is in turn the guest's and its devices'. Not here: devices, who calls (vm-service.ts).

import { randomBytes } from 'node:crypto';
import { Errno } from '../kernel/errno.js';
import { KvmExit, runProcessor } from '../kernel/kvm.js';
import { Kicked } from '../kvm/kick.js';
import { Machine } from '../kvm/machine.js';
import { Access, Domain, type DomainMemory } from '../memory/domain.js';
import { wrongArgument, wrongState } from '../text/coded.js';
import type { MmioTransport } from '../virtio/mmio.js';
import { Layout, pageTables, prepareMemory } from './boot.js';
import type { Image } from './image-file.js';

/** Where struct kvm_run has what (linux/kvm.h). */
const Run = {
  reason: 8,
  direction: 32,
  size: 33,
  port: 34,
  count: 36,
  dataAt: 40,
  address: 32,
  bytes: 48,
  isWrite: 52,
  detail: 32,
} as const;

/** The first device's registers, each in a page of its own. */
const firstDevice = 0xd000_0000;
const deviceBytes = 0x1000;

/** Where the registers of a device are in the machine, by its number. */
export const registersOf = (device: number): number => firstDevice + device * deviceBytes;
const mostDevices = 8;
/** Stops that are dealt with before others get the thread: a guest that stops all the time does not keep it. */
const mostStops = 4096;

/** Why `run` came back. */
export type Pause = 'rest' | 'busy' | 'kicked' | 'over';

/** What was counted. */
export interface GuestCounts {
  /** Entries into the guest, and stops by kind. */
  entries: number;
  registers: number;
  ports: number;
  rests: number;
  kicks: number;
  /** Accesses to what is not there. */
  faults: number;
}

/** How a guest is made. */
export interface GuestOptions {
  readonly memoryBytes: number;
  readonly commandLine: string;
  /** How many devices it will have. */
  readonly devices: number;
}

/** Where a processor begins that was reset: no image is there. */
const resetVector = 0xfff0n;

/** See the file's head. */
export class Guest {
  readonly machine: Machine;
  /** What devices may touch: linear memory and nothing else. */
  readonly domain = new Domain();
  readonly counts: GuestCounts = { entries: 0, registers: 0, ports: 0, rests: 0, kicks: 0, faults: 0 };
  /** After a rest: for how many microseconds; 2^32 - 1: until something happens. */
  restUs = 0;
  /** After the end: how, in words, and the status. */
  end: { readonly why: string; readonly status: number } | undefined;
  readonly #transports: MmioTransport[] = [];
  readonly #kicked: Kicked;
  readonly #put: (byte: number) => void;
  #isClosed = false;

  /**
   * Makes the machine ready to run. @param shared what a Kicker has. @param put takes bytes of the serial line
   * @throws SystemError, RangeError, Error
   */
  constructor(image: Image, options: GuestOptions, shared: SharedArrayBuffer, put: (byte: number) => void) {
    if (options.devices > mostDevices) throw wrongArgument(`a guest has at most ${mostDevices} devices`);
    this.machine = new Machine(options.memoryBytes);
    this.#put = put;
    try {
      this.#prepare(image, options);
      this.#kicked = new Kicked(shared, this.machine);
    } catch (error) {
      this.machine.close();
      throw error;
    }
  }

  /** Memory, what devices may touch of it, and where the processor begins. */
  #prepare(image: Image, options: GuestOptions): void {
    const { memory } = this.machine;
    const view = new DataView(memory.buffer);
    const bytes = new Uint8Array(memory.buffer);
    const places = Array.from({ length: options.devices }, (_, index) => registersOf(index));
    const stanzas = places.map((place, index) => `virtio_mmio.device=4K@0x${place.toString(16)}:${5 + index}`);
    prepareMemory(view, image, places, {
      commandLine: [...stanzas, options.commandLine].filter((part) => part !== '').join(' '),
      tscKhz: this.machine.tscKhz,
      wallUs: Date.now() * 1000,
      seed: randomBytes(32),
    });
    const { linearPhysical } = Layout;
    const window: DomainMemory = {
      address: memory.address,
      window: (offset, length) => {
        if (offset < 0 || offset + length > memory.byteLength) throw wrongArgument('no window of the memory');
        return { data: view, bytes, at: offset };
      },
    };
    const { start, length } = this.shared;
    this.domain.grant(start, length, window, linearPhysical, Access.both);
    this.machine.enterUser({ ...image, pageTables, codeSelector: Layout.userCode, dataSelector: Layout.userData });
  }

  /** The part of the machine's memory that devices may touch: linear memory. */
  get shared(): { readonly start: number; readonly length: number } {
    const start = Layout.linearPhysical;
    return { start, length: Math.min(this.machine.memory.byteLength - start, Layout.linearMost) };
  }

  /** Puts a device at the next place. */
  add(transport: MmioTransport): void {
    this.#transports.push(transport);
  }

  /** Runs the guest until it rests, ends, or was kicked. @throws Error (CLEARWAY_STATE) after {@link close} */
  run(): Pause {
    if (this.end !== undefined) return 'over';
    if (this.#isClosed) throw wrongState('the guest was closed before it ended');
    for (let stops = 0; stops < mostStops; stops++) {
      if (this.#kicked.take()) {
        this.counts.kicks++;
        return 'kicked';
      }
      this.counts.entries++;
      const result = runProcessor(this.machine.processor);
      this.#kicked.left();
      if (result < 0) {
        // A signal that was somebody else's, a kick, or others want the thread: a kick is seen at the next call.
        if (result === -Errno.EINTR || result === -Errno.EAGAIN) return 'busy';
        this.#finish(`KVM_RUN failed (errno ${-result})`, 1);
      } else if (this.#stopped()) {
        this.counts.rests++;
        return 'rest';
      }
      if (this.end !== undefined) return 'over';
    }
    return 'busy';
  }

  #finish(why: string, status: number): void {
    this.end ??= { why, status };
  }

  /** Deals with a stop. True: the guest rests. */
  #stopped(): boolean {
    const { run } = this.machine;
    const reason = run.getUint32(Run.reason, true);
    switch (reason) {
      case KvmExit.mmio:
        this.counts.registers++;
        this.#register();
        return false;
      case KvmExit.io:
        this.counts.ports++;
        return this.#port();
      case KvmExit.halt:
        this.#finish('the processor halted', 1);
        return false;
      case KvmExit.shutdown:
        this.#finish(`a trap that nobody took${this.#where()}`, 1);
        return false;
      case KvmExit.internalError:
      case KvmExit.failEntry:
        this.#finish(`KVM gave up (${reason}, ${run.getUint32(Run.detail, true)})${this.#where()}`, 1);
        return false;
      default:
        this.#finish(`KVM stopped for a reason that is not known here (${reason})`, 1);
        return false;
    }
  }

  /** Where it stands; nothing where the processor was reset, as AMD's is by a trap that nobody took (KVM: shutdown_interception). */
  #where(): string {
    const { rip, cr2 } = this.machine.whereabouts();
    if (rip === resetVector) return '';
    return ` at 0x${rip.toString(16)} (last page fault: 0x${cr2.toString(16)})`;
  }

  #register(): void {
    const { run } = this.machine;
    const address = Number(run.getBigUint64(Run.address, true));
    const bytes = run.getUint32(Run.bytes, true);
    const offset = address - firstDevice;
    const transport = offset < 0 ? undefined : this.#transports[Math.floor(offset / deviceBytes)];
    const isWrite = run.getUint8(Run.isWrite) !== 0;
    if (transport === undefined || bytes > 4) {
      this.counts.faults++;
      if (!isWrite) run.setBigUint64(Run.dataAt, 0n, true);
      return;
    }
    const at = offset % deviceBytes;
    if (isWrite) transport.write(at, bytes, bytes === 4 ? run.getUint32(Run.dataAt, true) : run.getUint8(Run.dataAt));
    else run.setUint32(Run.dataAt, transport.read(at, bytes), true);
  }

  #port(): boolean {
    const { run } = this.machine;
    const port = run.getUint16(Run.port, true);
    const bytes = run.getUint8(Run.size) * run.getUint32(Run.count, true);
    const at = Number(run.getBigUint64(Run.dataAt, true));
    const isOut = run.getUint8(Run.direction) !== 0;
    if (!isOut) {
      this.counts.faults++;
      for (let index = 0; index < bytes; index++) run.setUint8(at + index, 0xff);
      return false;
    }
    if (port === Layout.portSerial) for (let index = 0; index < bytes; index++) this.#put(run.getUint8(at + index));
    else if (port === Layout.portEnd) {
      const status = run.getUint8(at);
      this.#finish(status === 0 ? 'it ended' : `it ended with status ${status}`, status);
    } else if (port === Layout.portPark && run.getUint8(Run.size) === 4) {
      this.restUs = run.getUint32(at, true);
      return true;
    } else this.counts.faults++;
    return false;
  }

  /** What was counted of faults, the devices' included. */
  get faults(): number {
    return this.#transports.reduce((sum, { faults }) => sum + faults, this.counts.faults);
  }

  /** Takes it down: nobody uses its memory any more. A second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#kicked.close();
    for (const transport of this.#transports) transport.reset();
    this.domain.clear();
    this.machine.close();
  }
}
