// A made-up playback device at the level of the kernel's calls: what its requests answer in which state, pointers in pages or by SYNC_PTR, and hardware that
// plays as many frames as a test says and keeps what it played. It answers as sound/core/pcm_native.c does; what the tests of a stream do not use it refuses.

import {
  SNDRV_PCM_HW_PARAMS,
  SNDRV_PCM_INFO,
  SNDRV_PCM_IOCTL,
  SNDRV_PCM_MMAP_OFFSET,
  SNDRV_PCM_STATE,
  SNDRV_PCM_SYNC_PTR,
} from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { viewMemory } from '../kernel/ffi.js';
import { layouts } from '../kernel/layouts.js';
import { MAP, type Mapping, mapMemory, PROT, unmapMemory } from '../kernel/memory.js';
import { chooseAs, type FakeAbilities, refineAs } from './fake-refine.js';
import { HardwareParameters } from './hardware-parameters.js';

const State = SNDRV_PCM_STATE;
const { snd_pcm_sync_ptr: sync, snd_pcm_sw_params: software, snd_pcm_status: status } = layouts;

/** See the file's head. Times are nanoseconds of a clock that stands still until somebody plays or waits. */
export class FakePcm {
  /** Requests in their order, by name; SYNC_PTR, HWSYNC and HW_REFINE, of which there are many, once in a row. */
  readonly requests: string[] = [];
  /** What the hardware played, in order. */
  readonly heard: number[] = [];
  state: number = State.OPEN;
  /** The clock. */
  nowNs = 1e12;
  /** Frames that the hardware has played since PREPARE, told or not. */
  position = 0;
  isOpen = false;
  bufferFrames = 0;
  periodFrames = 0;
  frameBytes = 0;
  rate = 0;
  noPeriodWakeup = false;
  /** SYNC_PTR and HWSYNC that were made. */
  looks = 0;
  /** The driver finds that it ran dry when it is told of the next frames, as snd-usb-audio does: they are not taken (pcm_lib_apply_appl_ptr). */
  isDryWhenTold = false;
  /** The driver has seen that it ran dry, and says so in the state only at the next request: between the two snd_pcm_stop waits for the hardware. */
  isSlowToStop = false;
  #hw = 0;
  #appl = 0;
  #stopThreshold = 0;
  #triggerNs = 0;
  #isStopping = false;
  #area: Mapping | undefined;
  #status: Mapping | undefined;
  #control: Mapping | undefined;

  constructor(readonly abilities: FakeAbilities) {}

  /** The application's pointer, wherever it is. */
  get applicationPointer(): number {
    if (this.#control === undefined) return this.#appl;
    return Number(new DataView(this.#control.buffer).getBigUint64(0, true));
  }

  /** Sets both pointers far ahead, as after hours of playing. A multiple of the ring. */
  skipTo(frames: number): void {
    this.position = frames;
    this.#hw = frames;
    this.#setApplication(frames);
    this.#show();
  }

  /** The hardware plays `frames` frames, if it runs; interrupts come at the end of periods where they are not switched off. */
  play(frames: number): void {
    for (let left = frames; left > 0; ) {
      const inPeriod = this.periodFrames - (this.position % this.periodFrames);
      const step = Math.min(left, inPeriod);
      left -= step;
      this.nowNs += (step * 1e9) / this.rate;
      if (this.state !== State.RUNNING && this.state !== State.DRAINING) continue;
      this.#take(step);
      if (step === inPeriod && !this.noPeriodWakeup) this.#look();
    }
  }

  /** The system sleeps: the stream is suspended. */
  suspend(): void {
    if (this.state === State.RUNNING) this.#setState(State.SUSPENDED);
  }

  /** It is pulled out. */
  disconnect(): void {
    this.#setState(State.DISCONNECTED);
  }

  /** mmap(2): new memory for what the offset selects, or -errno. */
  map(offset: number, length: number): Mapping | number {
    if (this.state === State.DISCONNECTED) return -Errno.ENODEV;
    const memory = (): Mapping => mapMemory(length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    if (offset === SNDRV_PCM_MMAP_OFFSET.DATA) {
      if (this.state === State.OPEN) return -Errno.EBADFD;
      this.#area = memory();
      return this.#area;
    }
    if (!this.abilities.sharesPointers) return -Errno.ENXIO;
    if (offset === SNDRV_PCM_MMAP_OFFSET.STATUS_OLD) {
      this.#status = memory();
      this.#show();
      return this.#status;
    }
    this.#control = memory();
    return this.#control;
  }

  /** Whether a mapping is one of its own. */
  owns(mapping: Mapping): boolean {
    return mapping === this.#area || mapping === this.#status || mapping === this.#control;
  }

  /** munmap(2). */
  unmap(mapping: Mapping): void {
    if (mapping === this.#area) this.#area = undefined;
    if (mapping === this.#status) this.#status = undefined;
    if (mapping === this.#control) this.#control = undefined;
    unmapMemory(mapping);
  }

  /** close(2): it can be opened again, with no configuration. */
  close(): void {
    this.isOpen = false;
    if (this.state !== State.DISCONNECTED) this.state = State.OPEN;
    this.position = 0;
  }

  /** ioctl(2): 0 or -errno. */
  request(request: number, argument: number): number {
    const name = Object.entries(SNDRV_PCM_IOCTL).find(([, value]) => value === request)?.[0] ?? `${request}`;
    const isLook = name === 'HWSYNC' || name === 'SYNC_PTR';
    if (isLook) this.looks++;
    if (!isLook && !(name === 'HW_REFINE' && this.requests.at(-1) === name)) this.requests.push(name);
    if (this.state === State.DISCONNECTED) return -Errno.ENODEV;
    if (this.#isStopping) this.#stopNow();
    return this.#answer(request, argument);
  }

  #answer(request: number, argument: number): number {
    switch (request) {
      case SNDRV_PCM_IOCTL.USER_PVERSION:
      case SNDRV_PCM_IOCTL.TTSTAMP:
        return 0;
      case SNDRV_PCM_IOCTL.HW_REFINE:
        return refineAs(this.abilities, hardwareAt(argument)) ? 0 : -Errno.EINVAL;
      case SNDRV_PCM_IOCTL.HW_PARAMS:
        return this.#configure(argument);
      case SNDRV_PCM_IOCTL.SW_PARAMS:
        return this.#setSoftware(argument);
      case SNDRV_PCM_IOCTL.HWSYNC:
        return this.#synchronize();
      case SNDRV_PCM_IOCTL.SYNC_PTR:
        return this.#exchange(argument);
      case SNDRV_PCM_IOCTL.STATUS:
        return this.#tell(argument);
      case SNDRV_PCM_IOCTL.REWIND:
        return this.#rewind(argument);
      default:
        return this.#move(request, argument);
    }
  }

  /** Requests that change the state. */
  #move(request: number, argument: number): number {
    const { state } = this;
    switch (request) {
      case SNDRV_PCM_IOCTL.PREPARE:
        if (state === State.OPEN || state === State.RUNNING) return -Errno.EBUSY;
        this.position = 0;
        this.#hw = 0;
        this.#setApplication(0);
        return this.#become(State.PREPARED);
      case SNDRV_PCM_IOCTL.START:
        if (state !== State.PREPARED) return -Errno.EBADFD;
        if (this.applicationPointer === this.#hw) return -Errno.EPIPE;
        this.#triggerNs = this.nowNs;
        return this.#become(State.RUNNING);
      case SNDRV_PCM_IOCTL.DRAIN:
        if (state !== State.RUNNING && state !== State.PREPARED) return state === State.XRUN ? 0 : -Errno.EBADFD;
        this.#setState(State.DRAINING);
        return -Errno.EAGAIN;
      case SNDRV_PCM_IOCTL.DROP:
        if (state === State.OPEN) return -Errno.EBADFD;
        this.#triggerNs = this.nowNs;
        return this.#become(State.SETUP);
      case SNDRV_PCM_IOCTL.PAUSE:
        if ((this.abilities.info & SNDRV_PCM_INFO.PAUSE) === 0) return -Errno.ENOSYS;
        if (state !== (argument === 1 ? State.RUNNING : State.PAUSED)) return -Errno.EBADFD;
        return this.#become(argument === 1 ? State.PAUSED : State.RUNNING);
      case SNDRV_PCM_IOCTL.RESUME:
        if ((this.abilities.info & SNDRV_PCM_INFO.RESUME) === 0) return -Errno.ENOSYS;
        return state === State.SUSPENDED ? this.#become(State.RUNNING) : -Errno.EBADFD;
      default:
        return -Errno.ENOTTY;
    }
  }

  #configure(argument: number): number {
    if (this.state !== State.OPEN && this.state !== State.SETUP && this.state !== State.PREPARED) return -Errno.EBADFD;
    const data = hardwareAt(argument);
    if (!chooseAs(this.abilities, data)) return -Errno.EINVAL;
    const parameters = new HardwareParameters(data);
    this.bufferFrames = parameters.range('BUFFER_SIZE').min;
    this.periodFrames = parameters.range('PERIOD_SIZE').min;
    this.frameBytes = parameters.range('FRAME_BITS').min / 8;
    this.rate = parameters.range('RATE').min;
    this.noPeriodWakeup = (parameters.flags & SNDRV_PCM_HW_PARAMS.NO_PERIOD_WAKEUP) !== 0;
    this.#stopThreshold = this.bufferFrames;
    return this.#become(State.SETUP);
  }

  #setSoftware(argument: number): number {
    if (this.state === State.OPEN) return -Errno.EBADFD;
    const data = new DataView(viewMemory(argument, software.size));
    this.#stopThreshold = Number(data.getBigUint64(software.fields.stop_threshold.offset, true));
    let boundary = BigInt(this.bufferFrames);
    while (boundary * 2n <= 2n ** 63n - 1n - BigInt(this.bufferFrames)) boundary *= 2n;
    data.setBigUint64(software.fields.boundary.offset, boundary, true);
    return 0;
  }

  #synchronize(): number {
    switch (this.state) {
      case State.RUNNING:
      case State.DRAINING:
        this.#look();
        return (this.state as number) === State.XRUN ? -Errno.EPIPE : 0;
      case State.PREPARED:
      case State.PAUSED:
        return 0;
      case State.SUSPENDED:
        return -Errno.ESTRPIPE;
      case State.XRUN:
        return -Errno.EPIPE;
      default:
        return -Errno.EBADFD;
    }
  }

  #exchange(argument: number): number {
    if (this.state === State.OPEN) return -Errno.EBADFD;
    const data = new DataView(viewMemory(argument, sync.size));
    const flags = data.getUint32(0, true);
    if ((flags & SNDRV_PCM_SYNC_PTR.HWSYNC) !== 0) {
      const result = this.#synchronize();
      if (result < 0) return result;
    }
    const controlAt = sync.fields.c.offset;
    const isTold = (flags & SNDRV_PCM_SYNC_PTR.APPL) === 0;
    if (isTold && this.isDryWhenTold) {
      this.isDryWhenTold = false;
      this.#stopNow();
      return -Errno.EPIPE;
    }
    if (isTold) this.#setApplication(Number(data.getBigUint64(controlAt, true)));
    else data.setBigUint64(controlAt, BigInt(this.applicationPointer), true);
    data.setInt32(sync.fields.s.offset, this.state, true);
    data.setBigUint64(sync.fields.s.offset + layouts.snd_pcm_mmap_status.fields.hw_ptr.offset, BigInt(this.#hw), true);
    return 0;
  }

  #tell(argument: number): number {
    const data = new DataView(viewMemory(argument, status.size));
    const { state, trigger_tstamp, hw_ptr, appl_ptr } = status.fields;
    data.setInt32(state.offset, this.state, true);
    data.setBigInt64(trigger_tstamp.offset, BigInt(Math.floor(this.#triggerNs / 1e9)), true);
    data.setBigInt64(trigger_tstamp.offset + 8, BigInt(Math.floor(this.#triggerNs % 1e9)), true);
    data.setBigUint64(hw_ptr.offset, BigInt(this.#hw), true);
    data.setBigUint64(appl_ptr.offset, BigInt(this.applicationPointer), true);
    return 0;
  }

  #rewind(argument: number): number {
    if ((this.abilities.info & SNDRV_PCM_INFO.NO_REWINDS) !== 0) return -Errno.EINVAL;
    const data = new DataView(viewMemory(argument, 8));
    const taken = Math.min(Number(data.getBigUint64(0, true)), this.applicationPointer - this.position);
    this.#setApplication(this.applicationPointer - taken);
    data.setBigUint64(0, BigInt(taken), true);
    return 0;
  }

  /** Reads out of the ring what is played; what nobody wrote in time is played all the same. */
  #take(frames: number): void {
    const ring = this.#area === undefined ? undefined : new Uint8Array(this.#area.buffer);
    const ringBytes = this.bufferFrames * this.frameBytes;
    for (let at = this.position * this.frameBytes, end = at + frames * this.frameBytes; at < end; at++)
      this.heard.push(ring?.[at % ringBytes] ?? 0);
    this.position += frames;
  }

  /** The driver looks at the hardware (snd_pcm_update_hw_ptr). */
  #look(): void {
    this.#hw = this.position;
    const free = this.bufferFrames - (this.applicationPointer - this.#hw);
    if (this.state === State.DRAINING) {
      this.#setState(free >= this.bufferFrames ? State.SETUP : State.DRAINING);
    } else if (free >= this.#stopThreshold && this.isSlowToStop) {
      this.#isStopping = true;
      this.#show();
    } else if (free >= this.#stopThreshold) this.#stopNow();
    else this.#show();
  }

  /** It ran dry. */
  #stopNow(): void {
    this.#isStopping = false;
    this.#triggerNs = this.nowNs;
    this.#setState(State.XRUN);
  }

  #setApplication(frames: number): void {
    this.#appl = frames;
    if (this.#control !== undefined) new DataView(this.#control.buffer).setBigUint64(0, BigInt(frames), true);
  }

  #become(state: number): number {
    this.#setState(state);
    return 0;
  }

  #setState(state: number): void {
    this.state = state;
    this.#show();
  }

  #show(): void {
    if (this.#status === undefined) return;
    const data = new DataView(this.#status.buffer);
    data.setInt32(0, this.state, true);
    data.setBigUint64(layouts.snd_pcm_mmap_status.fields.hw_ptr.offset, BigInt(this.#hw), true);
  }
}

const hardwareAt = (address: number): DataView => new DataView(viewMemory(address, layouts.snd_pcm_hw_params.size));
