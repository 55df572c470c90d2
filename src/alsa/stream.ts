// A playback stream of a configured device: its states, and the two pointers by which the application and the driver hand frames on. Both are words of
// mapped pages where the driver shares them, and of SYNC_PTR's structure where it does not (then each hand-over is a call too). What the pump calls while it plays
// allocates nothing: 32-bit words, of which only the low one changes, but once in 2^32 frames. Not here: settling on a configuration (configure.ts).
//
// Order of calls and the meaning of states: Documentation/sound/designs, sound/core/pcm_native.c and pcm_lib.c of Linux.

import {
  SNDRV_PCM_IOCTL,
  SNDRV_PCM_MMAP_OFFSET,
  SNDRV_PCM_STATE,
  SNDRV_PCM_SYNC_PTR,
  SNDRV_PCM_TSTAMP,
  SNDRV_PCM_TSTAMP_TYPE,
} from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { layouts } from '../kernel/layouts.js';
import { MAP, type Mapping, mapMemory, PROT, pageBytes, scratch, unmapMemory } from '../kernel/memory.js';
import type { SoundCalls } from '../kernel/sound.js';
import type { OpenDevice } from './cards.js';
import type { PcmConfiguration } from './configure.js';
import { failedCall } from './sound-error.js';

/** The version of the interface that is spoken: 2.0.15, what Linux 5.1 and newer have. */
const interfaceVersion = 0x2000f;
/** As a constant: a name that is looked up where nobody has been before has compiled code thrown away. */
const ranDry = -Errno.EPIPE;
/** Words of the pages. */
const Status = { state: 0, hwLow: 2 } as const;
const Control = { appLow: 0, appHigh: 1 } as const;
/** Where things stand in the stream's own memory. */
const statusCallAt = 256;
const rehearsalAt = 1024;
const ownBytes = 4096;
/** Nobody plays so long: START starts, and nothing else. */
const never = 0x7fff_ffff;

const { snd_pcm_sync_ptr: syncLayout, snd_pcm_sw_params: softwareLayout, snd_pcm_status: statusLayout } = layouts;

/** See the file's head. Frames and words are 32-bit; what the kernel answers is 0 or -errno. */
export class PcmStream {
  /** The device's ring. */
  readonly area: Mapping;
  /** Whether pointers are words of mapped pages; else each look and each hand-over is a SYNC_PTR. */
  readonly isMapped: boolean;
  readonly #calls: SoundCalls;
  readonly #device: OpenDevice;
  readonly #own: Mapping;
  readonly #pages: readonly Mapping[];
  readonly #syncFlags: Int32Array;
  readonly #statusCall: Int32Array;
  readonly #syncAddress: number;
  #fd: number;
  #status!: Int32Array;
  #control!: Int32Array;
  #control64!: BigInt64Array;
  #isClosed = false;

  /**
   * The device was configured just before. It ends up PREPARED, empty.
   * @throws SoundError
   */
  constructor(calls: SoundCalls, device: OpenDevice, configuration: PcmConfiguration) {
    this.#calls = calls;
    this.#device = device;
    this.#fd = device.fd;
    const { abilities, bufferFrames, frameBytes } = configuration;
    setUp(calls, device, configuration);
    this.#own = mapMemory(ownBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    const mappings: Mapping[] = [this.#own];
    try {
      const page = pageBytes();
      const areaBytes = Math.ceil((bufferFrames * frameBytes) / page) * page;
      const area = calls.map(device.fd, SNDRV_PCM_MMAP_OFFSET.DATA, areaBytes, PROT.READ | PROT.WRITE);
      if (typeof area === 'number') throw failedCall(device.name, 'mmap of its ring', -area);
      mappings.push(area);
      this.area = area;
      this.#pages = abilities.syncApplicationPointer || abilities.explicitSync ? [] : sharedPages(calls, device.fd);
      mappings.push(...this.#pages);
      this.isMapped = this.#pages.length > 0;
      const own = this.#own.buffer;
      this.#syncAddress = this.#own.address;
      this.#syncFlags = new Int32Array(own, 0, 1);
      this.#statusCall = new Int32Array(own, statusCallAt, statusLayout.size / 4);
      this.#lookAt(this.#pages, 0);
      const prepared = this.prepare();
      if (prepared < 0) throw failedCall(device.name, 'PREPARE', -prepared);
    } catch (error) {
      for (const mapping of mappings) mapping === this.#own ? unmapMemory(mapping) : calls.unmap(mapping);
      throw error;
    }
  }

  /** Gives the mappings back; the device stays open. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const mapping of [this.area, ...this.#pages]) this.#calls.unmap(mapping);
    unmapMemory(this.#own);
  }

  /** One of SNDRV_PCM_STATE, as it was at the last {@link synchronize}, or now where it is a mapped word. */
  state(): number {
    return this.#status[Status.state]!;
  }

  /** The low word of the driver's pointer. */
  hardwareLow(): number {
    return this.#status[Status.hwLow]!;
  }

  /** The low word of the application's pointer. */
  applicationLow(): number {
    return this.#control[Control.appLow]!;
  }

  /** Frames that the application is ahead of the driver; negative: the driver has run past it. */
  queued(): number {
    return (this.#control[Control.appLow]! - this.#status[Status.hwLow]!) | 0;
  }

  /**
   * Has {@link state} and {@link hardwareLow} be what the hardware says now, by one call: the words of a mapped page are as old as the last interrupt. -ENODEV: gone; what else
   * it refuses the state says.
   */
  synchronize(): number {
    if (this.isMapped) return this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.HWSYNC, 0);
    const result = this.#sync(SNDRV_PCM_SYNC_PTR.HWSYNC | SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYNC_PTR.AVAIL_MIN);
    // A stream that ran dry answers with that alone; its state and pointers come without asking the hardware.
    if (result >= 0 || result === -Errno.ENODEV) return result;
    return this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYNC_PTR.AVAIL_MIN);
  }

  /**
   * The next `frames` frames belong to the driver. They were written before: stores are seen in order. -EPIPE: it ran dry without them; some drivers say so themselves
   * (pcm_lib_apply_appl_ptr), others take the pointer in any state. After a suspension frames are queued as ever, and the pointers say how many.
   */
  advance(frames: number): number {
    if (this.state() === SNDRV_PCM_STATE.XRUN) return ranDry;
    const before = this.#control[Control.appLow]!;
    const after = (before + frames) | 0;
    if (before < 0 && after >= 0) {
      // The high word changes too: both in one store, for the driver may look between two.
      const high = BigInt(this.#control[Control.appHigh]! + 1);
      Atomics.store(this.#control64, 0, (high << 32n) | BigInt(after));
    } else Atomics.store(this.#control, Control.appLow, after);
    const result = this.isMapped ? 0 : this.#sync(0);
    if (result < 0) return result;
    // It was at the end of what it knew of: either it is about to stop, or it saw these in time. A call waits until it has decided, for both hold the stream's lock.
    if (this.isMapped && this.state() === SNDRV_PCM_STATE.RUNNING && this.queued() <= frames) this.synchronize();
    return this.state() === SNDRV_PCM_STATE.XRUN ? ranDry : 0;
  }

  /** Empty, both pointers at the beginning: after an xrun, a suspension, DROP. */
  prepare(): number {
    const result = this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.PREPARE, 0);
    if (result < 0 || this.isMapped) return result;
    return this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYNC_PTR.AVAIL_MIN);
  }

  /** What was prepared and filled begins to play. */
  start(): number {
    return this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.START, 0));
  }

  /** Stops at once; what is queued is not played. */
  drop(): number {
    return this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.DROP, 0));
  }

  /** Plays out what is queued, without waiting for it: the state is DRAINING, and SETUP in the end. It begins to play what was only prepared. */
  drain(): number {
    this.#calls.setBlocking(this.#fd, false);
    const result = this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.DRAIN, 0));
    this.#calls.setBlocking(this.#fd, true);
    return result === -Errno.EAGAIN ? 0 : result;
  }

  /** Holds what plays, or lets it go on. -ENOSYS and others: this device cannot. */
  pause(isOn: boolean): number {
    return this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.PAUSE, isOn ? 1 : 0));
  }

  /** After a suspension: goes on where it was. -EAGAIN: not yet; -ENOSYS: {@link prepare} instead. */
  resume(): number {
    return this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.RESUME, 0));
  }

  /** Takes back up to `frames` frames that were queued. Gives how many it took, or -errno. Not in the loop: it has an argument of 64 bits. */
  rewind(frames: number): number {
    const { data, offset, address } = scratch(8);
    data.setUint32(offset, frames, true);
    data.setUint32(offset + 4, 0, true);
    const result = this.#after(this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.REWIND, address));
    const taken = data.getUint32(offset, true);
    return result < 0 ? result : taken;
  }

  /**
   * When the stream last started or stopped, of CLOCK_MONOTONIC: seconds into `into[at]`, nanoseconds into `into[at + 1]`. Returns 0, or -errno: then the
   * times are old ones.
   */
  triggerTime(into: Float64Array, at: number): number {
    const result = this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.STATUS, this.#own.address + statusCallAt);
    const word = statusLayout.fields.trigger_tstamp.offset / 4;
    into[at] = this.#statusCall[word]!;
    into[at + 1] = this.#statusCall[word + 2]!;
    return result;
  }

  /**
   * From now on the stream works on words of nobody's, and its calls reach no device, so that they can be run thousands of times before it
   * plays. `false`: as it was.
   */
  rehearse(isOn: boolean): void {
    this.#fd = isOn ? -1 : this.#device.fd;
    this.#lookAt(isOn ? [] : this.#pages, isOn ? rehearsalAt : 0);
    // What is no page is read anew before the stream starts.
    if (isOn) this.pretend(SNDRV_PCM_STATE.RUNNING, 0);
    else if (!this.isMapped) this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYNC_PTR.AVAIL_MIN);
  }

  /** During {@link rehearse}: what the driver would say. */
  pretend(state: number, hardwareLow: number): void {
    this.#status[Status.state] = state;
    this.#status[Status.hwLow] = hardwareLow;
  }

  /** The pages of the status and of the application's pointer are what is worked on; without them what SYNC_PTR has at a place of our own memory. */
  #lookAt([status, control]: readonly Mapping[], at: number): void {
    const own = this.#own.buffer;
    const [statusAt, controlAt] = [at + syncLayout.fields.s.offset, at + syncLayout.fields.c.offset];
    const pointer = control === undefined ? ([own, controlAt] as const) : ([control.buffer, 0] as const);
    this.#status = status === undefined ? new Int32Array(own, statusAt, 14) : new Int32Array(status.buffer, 0, 14);
    this.#control = new Int32Array(...pointer, 4);
    this.#control64 = new BigInt64Array(...pointer, 2);
  }

  #sync(flags: number): number {
    this.#syncFlags[0] = flags;
    return this.#calls.request(this.#fd, SNDRV_PCM_IOCTL.SYNC_PTR, this.#syncAddress);
  }

  /** The state may be another one now. */
  #after(result: number): number {
    if (!this.isMapped) this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYNC_PTR.AVAIL_MIN);
    return result;
  }
}

/** The pages of the driver's status and of the application's pointer; none where the driver shares them not (ENXIO: snd-usb-audio and others). */
function sharedPages(calls: SoundCalls, fd: number): Mapping[] {
  const page = pageBytes();
  const status = calls.map(fd, SNDRV_PCM_MMAP_OFFSET.STATUS_OLD, page, PROT.READ);
  if (typeof status === 'number') return [];
  const control = calls.map(fd, SNDRV_PCM_MMAP_OFFSET.CONTROL_OLD, page, PROT.READ | PROT.WRITE);
  if (typeof control !== 'number') return [status, control];
  calls.unmap(status);
  return [];
}

/** The clock of its timestamps, and the software's parameters. @throws SoundError */
function setUp(calls: SoundCalls, device: OpenDevice, { bufferFrames, periodFrames }: PcmConfiguration): void {
  const word = scratch(4);
  word.data.setInt32(word.offset, SNDRV_PCM_TSTAMP_TYPE.MONOTONIC, true);
  const clock = calls.request(device.fd, SNDRV_PCM_IOCTL.TTSTAMP, word.address);
  if (clock < 0) throw failedCall(device.name, 'TTSTAMP', -clock);
  const { bytes, data, offset, address } = scratch(softwareLayout.size);
  bytes.fill(0, offset, offset + softwareLayout.size);
  const set = (name: keyof typeof softwareLayout.fields, value: number): void =>
    data.setUint32(offset + softwareLayout.fields[name].offset, value, true);
  set('tstamp_mode', SNDRV_PCM_TSTAMP.ENABLE);
  set('period_step', 1);
  set('avail_min', periodFrames);
  set('xfer_align', 1);
  set('start_threshold', never);
  set('stop_threshold', bufferFrames);
  set('proto', interfaceVersion);
  set('tstamp_type', SNDRV_PCM_TSTAMP_TYPE.MONOTONIC);
  const result = calls.request(device.fd, SNDRV_PCM_IOCTL.SW_PARAMS, address);
  if (result < 0) throw failedCall(device.name, 'SW_PARAMS', -result);
}

/** Tells the driver which version of the interface is spoken; older ones do not know the request, and need not. */
export function speak(calls: SoundCalls, device: OpenDevice): void {
  const { data, offset, address } = scratch(4);
  data.setInt32(offset, interfaceVersion, true);
  calls.request(device.fd, SNDRV_PCM_IOCTL.USER_PVERSION, address);
}
