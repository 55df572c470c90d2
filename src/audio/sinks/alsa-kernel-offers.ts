// What a card's device takes, in the form in which formats are agreed on: for each form of samples the rates and channels that its driver leaves, how many bits it uses,
// where its speakers stand. Not here: settling on one (alsa/configure.ts).

import type { OpenDevice } from '../../alsa/cards.js';
import { possibleChannelMaps } from '../../alsa/channel-map.js';
import type { HardwareParameters } from '../../alsa/hardware-parameters.js';
import { Refiner, ratesLeft } from '../../alsa/takes.js';
import type { SoundCalls } from '../../kernel/sound.js';
import { alsaOrder, type Speaker } from '../../wire/pcm/channels.js';
import { alsaNumber, mostChannels, type PcmFormat, type SampleFormat, sampleFormats } from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';

/** Numbers of channels that are left, up to the most that there are here. */
function channelsLeft(refiner: Refiner): number[] {
  const { min, max } = refiner.parameters.range('CHANNELS');
  const numbers = Array.from({ length: Math.max(0, Math.min(max, mostChannels) - min + 1) }, (_, index) => min + index);
  return numbers.filter((channels) => refiner.would((parameters) => parameters.limit('CHANNELS', channels, channels)));
}

function offerOf(
  refiner: Refiner,
  sample: SampleFormat,
  source: PcmFormat,
  maps: readonly (readonly Speaker[])[],
): PcmOffer | undefined {
  const before = refiner.parameters.save();
  try {
    const only = (parameters: HardwareParameters): void => parameters.choose('FORMAT', alsaNumber(sample));
    if (!refiner.attempt(only)) return undefined;
    const { significantBits } = refiner.parameters;
    const channels = channelsLeft(refiner);
    // Rates can depend on the channels: those of the number that the source would get.
    const wanted = channels.find((each) => each >= source.channels);
    if (wanted !== undefined) refiner.attempt((parameters) => parameters.limit('CHANNELS', wanted, wanted));
    const rates = ratesLeft(refiner);
    const isRateLeft = (): boolean => refiner.would((parameters) => parameters.limit('RATE', source.rate, source.rate));
    if (!rates.includes(source.rate) && isRateLeft()) rates.push(source.rate);
    return {
      sample,
      ...(significantBits === 0 ? {} : { significantBits }),
      rates,
      channels,
      speakers: (count) => maps.find((map) => map.length === count) ?? presumedSpeakers(count),
    };
  } finally {
    refiner.parameters.restore(before);
  }
}

/**
 * The speakers of a device that does not say: ALSA's usual order, by which drivers and sockets go. One and two channels have no order that
 * could be wrong, and files of any two are played by them.
 */
export function presumedSpeakers(channels: number): readonly Speaker[] | undefined {
  return channels > 2 ? alsaOrder(channels) : undefined;
}

/** The offers of a device that is open and not configured. @throws SoundError where frames cannot be written in place, or it is gone */
export function kernelOffers(calls: SoundCalls, device: OpenDevice, source: PcmFormat): PcmOffer[] {
  const refiner = new Refiner(calls, device);
  try {
    refiner.openInPlace();
    const maps = possibleChannelMaps(calls, device) as readonly string[][] as readonly Speaker[][];
    const offers = sampleFormats.map((sample) => offerOf(refiner, sample, source, maps));
    return offers.filter((offer) => offer !== undefined);
  } finally {
    refiner.close();
  }
}
