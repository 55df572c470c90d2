// Settling on one configuration of a playback device: format, channels, rate exactly as asked or a refusal that says what the device does take; ring and
// period as near as it has them. Not here: what a format may become so that a device takes it (wire/pcm/), using the stream (stream.ts).

import { SNDRV_PCM_FORMAT, SNDRV_PCM_HW_PARAMS } from '../kernel/constants.js';
import type { SoundCalls } from '../kernel/sound.js';
import type { OpenDevice } from './cards.js';
import { abilitiesOf, type HardwareParameters, type IntervalName, type PcmAbilities } from './hardware-parameters.js';
import { SoundError } from './sound-error.js';
import { type AlsaFormat, formatsLeft, Refiner, ratesLeft } from './takes.js';

/** What is asked of a device. */
export interface PcmRequest {
  readonly format: AlsaFormat;
  /** Frames a second. */
  readonly rate: number;
  readonly channels: number;
  /** Frames of the ring: the most that are wanted; it becomes the largest that the device has up to that. */
  readonly bufferFrames: number;
  /** Frames of a period, about. */
  readonly periodFrames: number;
  /** Which of the two matters more; the other one gives way. */
  readonly first: 'buffer' | 'period';
  /** No interrupt at the end of each period, where the device can do without. */
  readonly noPeriodWakeup: boolean;
}

/** What it became, as read back from the driver. */
export interface PcmConfiguration {
  readonly format: AlsaFormat;
  readonly rate: number;
  readonly channels: number;
  readonly bufferFrames: number;
  readonly periodFrames: number;
  /** Bytes of a frame. */
  readonly frameBytes: number;
  /** Upper bits of a sample that the hardware uses. */
  readonly significantBits: number;
  readonly noPeriodWakeup: boolean;
  readonly abilities: PcmAbilities;
}

const few = (values: readonly (string | number)[]): string => values.join(', ');

function refuse(device: OpenDevice, what: string, instead: string): never {
  throw new SoundError('format', `${device.name} does not take ${what}; it takes ${instead}`);
}

/** The value that is nearest to a wanted one becomes the only one. Below it first, where `below` is asked for. */
function settleNear(refiner: Refiner, name: IntervalName, wanted: number, below: boolean): void {
  const { min, max } = refiner.parameters.range(name);
  const clamped = Math.min(Math.max(wanted, min), max);
  const upTo = (parameters: HardwareParameters): void => parameters.limit(name, min, clamped);
  const from = (parameters: HardwareParameters): void => parameters.limit(name, clamped, max);
  const lower = edge(refiner, name, upTo, 'max');
  const upper = below && lower !== undefined ? undefined : edge(refiner, name, from, 'min');
  const nearest =
    lower !== undefined && (upper === undefined || clamped - lower <= upper - clamped) ? lower : (upper ?? lower);
  if (nearest !== undefined) refiner.attempt((parameters) => parameters.limit(name, nearest, nearest));
}

/** The end of what is left of a range once it is narrowed down, as a value that the driver takes; leaves everything as it was. */
function edge(
  refiner: Refiner,
  name: IntervalName,
  narrow: (parameters: HardwareParameters) => void,
  end: 'min' | 'max',
): number | undefined {
  const before = refiner.parameters.save();
  try {
    // A step of a driver's rule can move the end again, so it is asked until it stays.
    for (let attempt = 0; attempt < 8; attempt++) {
      if (!refiner.attempt(narrow)) return undefined;
      const value = refiner.parameters.range(name)[end];
      if (refiner.would((parameters) => parameters.limit(name, value, value))) return value;
      const { min, max } = refiner.parameters.range(name);
      if (min >= max) return undefined;
      narrow = (parameters) =>
        end === 'max' ? parameters.limit(name, min, max - 1) : parameters.limit(name, min + 1, max);
    }
    return undefined;
  } finally {
    refiner.parameters.restore(before);
  }
}

/** Format, channels and rate, exactly. @throws SoundError */
function settleFormat(refiner: Refiner, device: OpenDevice, request: PcmRequest): void {
  const { format, channels, rate } = request;
  refiner.openInPlace();
  if (!refiner.attempt((parameters) => parameters.choose('FORMAT', SNDRV_PCM_FORMAT[format])))
    refuse(device, format, few(formatsLeft(refiner.parameters)));
  if (!refiner.attempt((parameters) => parameters.limit('CHANNELS', channels, channels))) {
    const { min, max } = refiner.parameters.range('CHANNELS');
    refuse(device, `${channels} channels of ${format}`, min === max ? `${min}` : `${min} to ${max}`);
  }
  if (!refiner.attempt((parameters) => parameters.limit('RATE', rate, rate))) {
    const rates = ratesLeft(refiner);
    const { min, max } = refiner.parameters.range('RATE');
    const instead = rates.length > 0 ? few(rates) : min === max ? `${min}` : `${min} to ${max}`;
    refuse(device, `${rate} Hz with ${channels} channels of ${format}`, `${instead} Hz`);
  }
}

/**
 * Settles on a configuration and gives it to the device, which is PREPARED by it.
 * @throws SoundError with what the device does take
 */
export function configureDevice(calls: SoundCalls, device: OpenDevice, request: PcmRequest): PcmConfiguration {
  const refiner = new Refiner(calls, device);
  try {
    settleFormat(refiner, device, request);
    const period = (): void => settleNear(refiner, 'PERIOD_SIZE', request.periodFrames, false);
    const buffer = (): void => settleNear(refiner, 'BUFFER_SIZE', request.bufferFrames, true);
    for (const settle of request.first === 'period' ? [period, buffer] : [buffer, period]) settle();
    const offered = abilitiesOf(refiner.parameters.info);
    const noPeriodWakeup = request.noPeriodWakeup && offered.noPeriodWakeup;
    refiner.parameters.flags =
      SNDRV_PCM_HW_PARAMS.NORESAMPLE | (noPeriodWakeup ? SNDRV_PCM_HW_PARAMS.NO_PERIOD_WAKEUP : 0);
    if (!refiner.install()) {
      throw new SoundError(
        'format',
        `${device.name} refused ${request.format}, ${request.rate} Hz, ${request.channels} channels although it offered them; try a smaller ring: --buffer 200`,
      );
    }
    return readBack(refiner, device, request, noPeriodWakeup);
  } finally {
    refiner.close();
  }
}

/** What the device has become. @throws SoundError where that is not what was asked */
function readBack(
  { parameters }: Refiner,
  device: OpenDevice,
  request: PcmRequest,
  noPeriodWakeup: boolean,
): PcmConfiguration {
  const one = (name: IntervalName): number => parameters.range(name).min;
  const bits = one('SAMPLE_BITS');
  const same =
    parameters.allows('FORMAT', SNDRV_PCM_FORMAT[request.format]) &&
    one('RATE') === request.rate &&
    one('CHANNELS') === request.channels;
  const frameBytes = (bits * request.channels) / 8;
  const bufferFrames = one('BUFFER_SIZE');
  if (!same || !Number.isInteger(frameBytes) || bufferFrames <= 0 || bufferFrames * frameBytes > 2 ** 31 - 1) {
    throw new SoundError(
      'unable',
      `${device.name} became ${one('RATE')} Hz with ${one('CHANNELS')} channels and a ring of ${bufferFrames} frames, which was not asked for; play through ALSA's library: --device plug${device.name}`,
    );
  }
  return {
    format: request.format,
    rate: request.rate,
    channels: request.channels,
    bufferFrames,
    periodFrames: one('PERIOD_SIZE'),
    frameBytes,
    significantBits: parameters.significantBits === 0 ? bits : parameters.significantBits,
    noPeriodWakeup,
    abilities: abilitiesOf(parameters.info),
  };
}
