// What a playback device takes: formats, rates, channels, sizes of ring and period, by asking its driver what is left of everything (HW_REFINE). It
// changes nothing on the device. Not here: settling on one configuration (configure.ts).

import { SNDRV_PCM_ACCESS, SNDRV_PCM_FORMAT, SNDRV_PCM_IOCTL, SNDRV_PCM_SUBFORMAT } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { MAP, type Mapping, mapMemory, PROT, unmapMemory } from '../kernel/memory.js';
import type { SoundCalls } from '../kernel/sound.js';
import type { OpenDevice } from './cards.js';
import {
  abilitiesOf,
  HardwareParameters,
  hardwareBytes,
  type PcmAbilities,
  type Range,
} from './hardware-parameters.js';
import { failedCall, SoundError } from './sound-error.js';

/** A format's name as ALSA has it (without SNDRV_PCM_FORMAT_). */
export type AlsaFormat = keyof typeof SNDRV_PCM_FORMAT;

/** What a device takes. */
export interface DeviceTakes {
  /** Formats by ALSA's names. */
  readonly formats: readonly AlsaFormat[];
  readonly channels: Range;
  /** Frames a second; `rates` are those of the usual ones that it takes. */
  readonly rateRange: Range;
  readonly rates: readonly number[];
  /** Frames of a ring, over all formats. */
  readonly bufferFrames: Range;
  readonly bufferBytes: Range;
  readonly periodFrames: Range;
  /** Interleaved frames can be written in place. */
  readonly mmapInterleaved: boolean;
  readonly abilities: PcmAbilities;
}

/** Rates that files have, frames a second. */
export const usualRates: readonly number[] = [
  ...[8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000],
  ...[176_400, 192_000, 352_800, 384_000, 705_600, 768_000],
];

/** Asks a driver about spaces of configurations. */
export class Refiner {
  readonly parameters: HardwareParameters;
  readonly #calls: SoundCalls;
  readonly #device: OpenDevice;
  readonly #memory: Mapping;

  constructor(calls: SoundCalls, device: OpenDevice) {
    this.#calls = calls;
    this.#device = device;
    this.#memory = mapMemory(hardwareBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    this.parameters = new HardwareParameters(new DataView(this.#memory.buffer, 0, hardwareBytes));
  }

  /** Everything that is interleaved, mapped, and of samples as usual. False where there is nothing of that. @throws SoundError */
  open(): boolean {
    this.parameters.openAll();
    this.parameters.choose('ACCESS', SNDRV_PCM_ACCESS.MMAP_INTERLEAVED);
    this.parameters.choose('SUBFORMAT', SNDRV_PCM_SUBFORMAT.STD);
    return this.refine();
  }

  /** As {@link open}, of a device that is to be played to. @throws SoundError also where there is nothing of that */
  openInPlace(): void {
    if (this.open()) return;
    const { name } = this.#device;
    throw new SoundError(
      'unable',
      `${name} does not let frames be written in place; play through ALSA's library: --device plug${name}`,
    );
  }

  /** What the driver leaves of the parameters. False: nothing, and they are as they were. @throws SoundError for a device that is gone */
  refine(): boolean {
    return this.#ask(SNDRV_PCM_IOCTL.HW_REFINE, 'HW_REFINE');
  }

  /** One configuration of what is left becomes the device's, and is read back. @throws SoundError */
  install(): boolean {
    return this.#ask(SNDRV_PCM_IOCTL.HW_PARAMS, 'HW_PARAMS');
  }

  /** Narrows down further, or leaves everything as it was where nothing would be left. */
  attempt(narrow: (parameters: HardwareParameters) => void): boolean {
    const before = this.parameters.save();
    narrow(this.parameters);
    if (this.refine()) return true;
    this.parameters.restore(before);
    return false;
  }

  /** Whether something would be left; changes nothing. */
  would(narrow: (parameters: HardwareParameters) => void): boolean {
    const before = this.parameters.save();
    const left = this.attempt(narrow);
    this.parameters.restore(before);
    return left;
  }

  /** Gives its memory back. */
  close(): void {
    unmapMemory(this.#memory);
  }

  #ask(request: number, name: string): boolean {
    const before = this.parameters.save();
    this.parameters.askAll();
    const result = this.#calls.request(this.#device.fd, request, this.#memory.address);
    if (result >= 0) return true;
    if (result !== -Errno.EINVAL) throw failedCall(this.#device.name, name, -result);
    this.parameters.restore(before);
    return false;
  }
}

/** Formats that are left, by name. */
export function formatsLeft(parameters: HardwareParameters): AlsaFormat[] {
  const names = Object.keys(SNDRV_PCM_FORMAT) as AlsaFormat[];
  return names.filter((name) => parameters.allows('FORMAT', SNDRV_PCM_FORMAT[name]));
}

/** The usual rates that are left. */
export function ratesLeft(refiner: Refiner): number[] {
  const { min, max } = refiner.parameters.range('RATE');
  return usualRates
    .filter((rate) => rate >= min && rate <= max)
    .filter((rate) => refiner.would((parameters) => parameters.limit('RATE', rate, rate)));
}

/** What an open device takes. @throws SoundError for one that is gone */
export function deviceTakes(calls: SoundCalls, device: OpenDevice): DeviceTakes {
  const refiner = new Refiner(calls, device);
  try {
    const mmapInterleaved = refiner.open();
    if (!mmapInterleaved) {
      refiner.parameters.openAll();
      refiner.refine();
    }
    const { parameters } = refiner;
    return {
      formats: formatsLeft(parameters),
      channels: parameters.range('CHANNELS'),
      rateRange: parameters.range('RATE'),
      rates: ratesLeft(refiner),
      bufferFrames: parameters.range('BUFFER_SIZE'),
      bufferBytes: parameters.range('BUFFER_BYTES'),
      periodFrames: parameters.range('PERIOD_SIZE'),
      mmapInterleaved,
      abilities: abilitiesOf(parameters.info),
    };
  } finally {
    refiner.close();
  }
}
