// The format of a file without a header, as a user says it: `S16_LE,44100,2`. Pure.

import { plainText } from '../../text/plain-text.js';
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
  if (parts.length !== 3)
    return {
      refusal: `a raw format is FORMAT,RATE,CHANNELS, as in S16_LE,44100,2, not ${plainText(text, 60) || 'nothing'}`,
    };
  const sample = sampleFormatOf(name);
  if (sample === undefined)
    return {
      refusal: `${plainText(name, 20) || 'nothing'} is no sample format; say one of ${sampleFormats.join(', ')}`,
    };
  const rate = wholeNumber(rateText);
  if (!(rate >= leastRate && rate <= mostRate))
    return { refusal: `a rate is ${leastRate} to ${mostRate} Hz, not ${plainText(rateText, 20) || 'nothing'}` };
  const channels = wholeNumber(channelsText);
  if (!(channels >= 1 && channels <= mostChannels)) {
    return { refusal: `a file has 1 to ${mostChannels} channels, not ${plainText(channelsText, 20) || 'nothing'}` };
  }
  return { sample, rate, channels, channelMask: 0, validBits: sampleBits(sample) };
}
