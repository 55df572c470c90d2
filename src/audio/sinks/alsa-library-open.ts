// Opening a stream by libasound: what a name takes, and settling on one of that, with ring and period as near as they are to be had. Cold code of alsa-library.ts.

import { SoundError } from '../../alsa/sound-error.js';
import { usualRates } from '../../alsa/takes.js';
import { SNDRV_PCM_ACCESS, SNDRV_PCM_TSTAMP_TYPE } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { cString, MAP, type Mapping, mapMemory, PROT } from '../../kernel/memory.js';
import {
  alsaNumber,
  describeFormat,
  frameBytes,
  mostChannels,
  type PcmFormat,
  sampleFormats,
} from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';
import { type AlsaCalls, OpenMode, refusedName } from './libasound.js';

/** A stream as it was settled on. */
export interface LibraryStream {
  readonly ringFrames: number;
  readonly periodFrames: number;
  /** Frames can be written in place; else by writei. */
  readonly isMapped: boolean;
  readonly canPause: boolean;
  readonly noPeriodWakeup: boolean;
}

/** The ring and the period that are wanted, in frames; which of the two matters more. */
export interface LibraryShape {
  readonly ringFrames: number;
  readonly periodFrames: number;
  readonly first: 'ring' | 'period';
  /** False: frames are to be written by writei, though the name has a mapped ring. */
  readonly isMapped?: boolean;
}

/** Bytes of a name. */
const longestName = 1023;
/** Nobody plays so long: start starts, and nothing else. */
const never = 0x7fff_ffff;

/** Words that functions write their results to, and structures of the library's. */
class Words {
  readonly memory: Mapping = mapMemory(8 * 1024, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  readonly data = new DataView(this.memory.buffer);

  /** A place of 8 bytes that says `value`. */
  number(slot: number, value = 0): number {
    this.data.setUint32(slot * 8, value, true);
    this.data.setUint32(slot * 8 + 4, 0, true);
    return this.memory.address + slot * 8;
  }

  read(slot: number): number {
    return this.data.getUint32(slot * 8, true);
  }
}

let words: Words | undefined;

/**
 * Opens a handle; a name that is taken is not waited for.
 * @param asIs nothing is converted behind our back, as far as the name's plugins heed that
 * @throws SoundError
 */
export function openHandle(alsa: AlsaCalls, name: string, asIs: boolean): number {
  words ??= new Words();
  if (Buffer.byteLength(name) > longestName)
    throw new SoundError('name', `the name of a device has up to ${longestName} bytes`);
  const mode = OpenMode.nonBlocking | (asIs ? OpenMode.asIs : 0);
  const result = alsa.pcm_open(words.number(0), cString(name), 0, mode) as number;
  if (result < 0) throw refusedName(alsa, name, -result);
  return Number(words.data.getBigUint64(0, true));
}

/** Where hardware and software parameters stand. */
const hardwareAt = 1024;
const softwareAt = 6144;

/** Everything that a handle can be, interleaved. @throws SoundError */
function openParameters(
  alsa: AlsaCalls,
  pcm: number,
  name: string,
  mayBeMapped = true,
): { parameters: number; isMapped: boolean } {
  const parameters = words!.memory.address + hardwareAt;
  if ((alsa.pcm_hw_params_sizeof() as number) > 4096 || (alsa.pcm_sw_params_sizeof() as number) > 2048) {
    throw new SoundError(
      'unable',
      'this libasound is not known: its structures are larger; play to the card: --device hw:0,0',
    );
  }
  const any = alsa.pcm_hw_params_any(pcm, parameters) as number;
  if (any < 0) throw refusedName(alsa, name, -any);
  const takes = (access: number): boolean => (alsa.pcm_hw_params_set_access(pcm, parameters, access) as number) >= 0;
  const isMapped = mayBeMapped && takes(SNDRV_PCM_ACCESS.MMAP_INTERLEAVED);
  if (isMapped || takes(SNDRV_PCM_ACCESS.RW_INTERLEAVED)) return { parameters, isMapped };
  throw new SoundError('unable', `${name} takes no interleaved frames; put a plug in front: --device plug:${name}`);
}

/** The least and the most channels that are left. */
function channelEnds(alsa: AlsaCalls, parameters: number): [number, number] {
  alsa.pcm_hw_params_get_channels_min(parameters, words!.number(1));
  const least = words!.read(1);
  alsa.pcm_hw_params_get_channels_max(parameters, words!.number(1));
  return [least, words!.read(1)];
}

/** What a handle takes. @throws SoundError */
export function libraryOffers(alsa: AlsaCalls, pcm: number, name: string, source: PcmFormat): PcmOffer[] {
  const offers: PcmOffer[] = [];
  for (const sample of sampleFormats) {
    const { parameters } = openParameters(alsa, pcm, name);
    if ((alsa.pcm_hw_params_set_format(pcm, parameters, alsaNumber(sample)) as number) < 0) continue;
    const [least, most] = channelEnds(alsa, parameters);
    const channels: number[] = [];
    for (let count = least; count <= Math.min(most, mostChannels); count++)
      if ((alsa.pcm_hw_params_test_channels(pcm, parameters, count) as number) >= 0) channels.push(count);
    const wanted = channels.find((count) => count >= source.channels);
    if (wanted !== undefined) alsa.pcm_hw_params_set_channels(pcm, parameters, wanted);
    const rates = [...new Set([...usualRates, source.rate])].filter(
      (rate) => (alsa.pcm_hw_params_test_rate(pcm, parameters, rate, 0) as number) >= 0,
    );
    offers.push({ sample, rates, channels });
  }
  return offers;
}

/** Ring and period, near what was asked; one of them first. */
function settleSizes(
  alsa: AlsaCalls,
  pcm: number,
  parameters: number,
  shape: LibraryShape,
  first: LibraryShape['first'],
): void {
  const ring = shape.ringFrames;
  const buffer = (): void => {
    alsa.pcm_hw_params_get_buffer_size_max(parameters, words!.number(1));
    const most = words!.read(1) === 0 ? ring : Math.min(ring, words!.read(1));
    alsa.pcm_hw_params_set_buffer_size_near(pcm, parameters, words!.number(1, most));
  };
  const period = (): void => {
    alsa.pcm_hw_params_set_period_size_near(pcm, parameters, words!.number(1, shape.periodFrames), words!.number(2));
  };
  for (const each of first === 'ring' ? [buffer, period] : [period, buffer]) each();
}

/** Gives a handle one configuration of the format, with ring and period settled in that order. @throws SoundError where it does not take the format */
function configure(
  alsa: AlsaCalls,
  pcm: number,
  name: string,
  format: PcmFormat,
  shape: LibraryShape,
  first: LibraryShape['first'],
): Configured {
  const { parameters, isMapped } = openParameters(alsa, pcm, name, shape.isMapped);
  const taken =
    (alsa.pcm_hw_params_set_format(pcm, parameters, alsaNumber(format.sample)) as number) >= 0 &&
    (alsa.pcm_hw_params_set_channels(pcm, parameters, format.channels) as number) >= 0 &&
    (alsa.pcm_hw_params_set_rate(pcm, parameters, format.rate, 0) as number) >= 0;
  if (!taken)
    throw new SoundError(
      'format',
      `${name} does not take ${describeFormat(format)}; see what it takes: clearway play --devices`,
    );
  settleSizes(alsa, pcm, parameters, shape, first);
  const noPeriodWakeup =
    shape.first === 'ring' &&
    alsa.pcm_hw_params_can_disable_period_wakeup(parameters) === 1 &&
    (alsa.pcm_hw_params_set_period_wakeup(pcm, parameters, 0) as number) >= 0;
  return { parameters, isMapped, noPeriodWakeup, result: alsa.pcm_hw_params(pcm, parameters) as number };
}

interface Configured {
  readonly parameters: number;
  readonly isMapped: boolean;
  readonly noPeriodWakeup: boolean;
  /** 0, or -errno. */
  readonly result: number;
}

/** Settles on a format that was offered; the handle is PREPARED. @throws SoundError */
export function settle(
  alsa: AlsaCalls,
  pcm: number,
  name: string,
  format: PcmFormat,
  shape: LibraryShape,
): LibraryStream {
  let configured = configure(alsa, pcm, name, format, shape, shape.first);
  // No period may fit into the ring that is nearest: plugins that have few periods (JACK's) say so only now. Then the other one goes first.
  if (isNoneLeft(configured.result))
    configured = configure(alsa, pcm, name, format, shape, shape.first === 'ring' ? 'period' : 'ring');
  const { parameters, isMapped, noPeriodWakeup, result } = configured;
  if (isNoneLeft(result))
    throw new SoundError(
      'unable',
      `${name} takes ${describeFormat(format)}, but no ring near ${shape.ringFrames} frames; try another: --buffer 200`,
      -result,
    );
  if (result < 0) throw refusedName(alsa, name, -result);
  alsa.pcm_hw_params_get_buffer_size(parameters, words!.number(1));
  const ringFrames = words!.read(1);
  alsa.pcm_hw_params_get_period_size(parameters, words!.number(1), words!.number(2));
  const periodFrames = words!.read(1);
  if (ringFrames === 0 || ringFrames * frameBytes(format) > 2 ** 31 - 1)
    throw new SoundError(
      'unable',
      `${name} has a ring of ${ringFrames} frames, which cannot be played to; try --buffer 500`,
    );
  setSoftware(alsa, pcm, ringFrames, periodFrames);
  return {
    ringFrames,
    periodFrames,
    isMapped,
    canPause: alsa.pcm_hw_params_can_pause(parameters) === 1,
    noPeriodWakeup,
  };
}

/** Nothing is left of the parameters. */
function isNoneLeft(result: number): boolean {
  return result === -Errno.EINVAL || result === -Errno.ENOENT;
}

/** Only start starts; an empty ring stops. A plugin that does not know one of them goes on without. */
function setSoftware(alsa: AlsaCalls, pcm: number, ringFrames: number, periodFrames: number): void {
  const parameters = words!.memory.address + softwareAt;
  if ((alsa.pcm_sw_params_current(pcm, parameters) as number) < 0) return;
  alsa.pcm_sw_params_set_start_threshold(pcm, parameters, never);
  alsa.pcm_sw_params_set_stop_threshold(pcm, parameters, ringFrames);
  alsa.pcm_sw_params_set_avail_min(pcm, parameters, periodFrames);
  alsa.pcm_sw_params_set_tstamp_mode(pcm, parameters, 1);
  alsa.pcm_sw_params_set_tstamp_type(pcm, parameters, SNDRV_PCM_TSTAMP_TYPE.MONOTONIC);
  alsa.pcm_sw_params(pcm, parameters);
}
