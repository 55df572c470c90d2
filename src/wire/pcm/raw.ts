// The format of a file without a header, as a user says it: `S16_LE,44100,2`. Pure.

import {
  leastRate,
  mostChannels,
  mostRate,
  type PcmFormat,
  sampleBits,
  sampleFormatOf,
  sampleFormats,
} from './format.js';

/** A whole number in decimal digits; NaN for anything else. */
function wholeNumber(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

/**
 * Reads `FORMAT,RATE,CHANNELS`: a name of ALSA's in any case, hertz, a number of channels.
 * @returns the format, or one sentence about what is wrong with the text.
 */
export function parseRawFormat(text: string): PcmFormat | { readonly refusal: string } {
  const parts = text.split(',').map((part) => part.trim());
  const [name = '', rateText = '', channelsText = ''] = parts;
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  if (parts.length !== 3)
    return { refusal: `a raw format is FORMAT,RATE,CHANNELS, as in S16_LE,44100,2, not ${shown}` };
  const sample = sampleFormatOf(name);
  if (sample === undefined)
    return { refusal: `${name.slice(0, 20)} is no sample format; say one of ${sampleFormats.join(', ')}` };
  const rate = wholeNumber(rateText);
  if (!(rate >= leastRate && rate <= mostRate))
    return { refusal: `a rate is ${leastRate} to ${mostRate} Hz, not ${rateText.slice(0, 20)}` };
  const channels = wholeNumber(channelsText);
  if (!(channels >= 1 && channels <= mostChannels)) {
    return { refusal: `a file has 1 to ${mostChannels} channels, not ${channelsText.slice(0, 20)}` };
  }
  return { sample, rate, channels, channelMask: 0, validBits: sampleBits(sample) };
}
