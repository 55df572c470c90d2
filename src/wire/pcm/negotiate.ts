// What a file's frames become for a device: nothing, the same values in wider samples, or a refusal in words. Pure.
// Not here: how it is done (store.ts), and how a device is asked (the sinks).

import { type ChannelOrder, orderBetween, type Speaker, speakersOfMask, usualMask } from './channels.js';
import { describeChannels, type PcmFormat, type SampleFormat, sampleBits } from './format.js';
import { sampleChange } from './store.js';

/** Numbers that are taken: a range, or a list of them. */
export type Taken = { readonly least: number; readonly most: number } | readonly number[];

/** One form of samples that a sink takes, with what goes with it. */
export interface PcmOffer {
  readonly sample: SampleFormat;
  /** How many of a sample's upper bits are played; all of them where it is not known. */
  readonly significantBits?: number;
  readonly rates: Taken;
  readonly channels: Taken;
  /** The speakers in the order of the device's channels, for a number of them; undefined where it does not say. */
  readonly speakers?: (channels: number) => readonly Speaker[] | undefined;
}

/** What was agreed on. */
export interface Agreement {
  readonly format: PcmFormat;
  readonly order?: ChannelOrder;
  readonly dither: boolean;
  /** `none` and `widened` keep every bit. */
  readonly change: 'none' | 'widened' | 'converted';
  /** What changes, for people; empty where nothing does: `S24_3LE -> S32_LE, low 8 bits zero`. */
  readonly words: string;
}

/** What may be done beyond what keeps every bit. */
export interface NegotiationOptions {
  /** `--convert`: fewer bits, with dither. */
  readonly convert?: boolean;
  /** The file's samples are a decoder's estimate (MP3, Vorbis), so that rounding them loses nothing that was there. Default false. */
  readonly lossy?: boolean;
}

/** Whether a number is among those that are taken. */
export function takes(taken: Taken, wanted: number): boolean {
  if ('least' in taken) return wanted >= taken.least && wanted <= taken.most;
  return taken.includes(wanted);
}

/** The smallest number that is taken from `wanted` on; undefined where there is none. */
function nextTaken(taken: Taken, wanted: number): number | undefined {
  if ('least' in taken) return wanted <= taken.most ? Math.max(wanted, taken.least) : undefined;
  const larger = taken.filter((value) => value >= wanted);
  return larger.length === 0 ? undefined : Math.min(...larger);
}

function wordsOfTaken(offers: readonly PcmOffer[], which: 'rates' | 'channels'): string {
  const words = new Set<string>();
  for (const offer of offers) {
    const taken = offer[which];
    if ('least' in taken) words.add(taken.least === taken.most ? `${taken.least}` : `${taken.least} to ${taken.most}`);
    else for (const value of taken) words.add(`${value}`);
  }
  return [...words].slice(0, 16).join(', ');
}

interface Placement {
  readonly channels: number;
  readonly order?: ChannelOrder;
  readonly words: string;
}

/** Where the source's channels go at a device that has `channels` of them; a sentence's end where one has no place. */
function placeChannels(source: PcmFormat, offer: PcmOffer, channels: number): Placement | string {
  const device = offer.speakers?.(channels);
  if (source.channels === 1 && channels > 1) {
    const pair = device === undefined ? [0, 1] : [device.indexOf('FL'), device.indexOf('FR')];
    const order = Array.from({ length: channels }, (_, channel) => (pair.includes(channel) ? 0 : -1));
    if (order.includes(0)) return { channels, order, words: 'mono on both front speakers' };
  }
  const mask = source.channelMask === 0 ? usualMask(source.channels) : source.channelMask;
  const speakers = speakersOfMask(mask, source.channels);
  const silent = channels - source.channels;
  const padded = silent > 0 ? `${silent} of the device's ${channels} channels silent` : '';
  if (speakers === undefined || device === undefined) {
    if (silent === 0) return { channels, words: '' };
    const order = Array.from({ length: channels }, (_, channel) => (channel < source.channels ? channel : -1));
    return { channels, order, words: padded };
  }
  const { order, missing } = orderBetween(speakers, device);
  if (missing !== undefined) return `the device has no speaker ${missing}, which the file has`;
  if (order === undefined) return { channels, words: '' };
  return { channels, order, words: padded === '' ? 'channels in the order of the device' : padded };
}

/** How good an offer is for a source's samples; the smaller the better, undefined: not at all. */
function costOf(source: PcmFormat, offer: PcmOffer, options: NegotiationOptions): number | undefined {
  const change = sampleChange(source.sample, source.validBits, offer.sample);
  const significant = Math.min(offer.significantBits ?? 64, sampleBits(offer.sample));
  const isCut = change === 'rounded' || significant < Math.min(source.validBits, sampleBits(source.sample));
  // Of two that are as wide the integer, as the device's own.
  if (!isCut) return change === 'none' ? 0 : sampleBits(offer.sample) + (offer.sample.startsWith('FLOAT') ? 0.5 : 0);
  return options.convert === true || options.lossy === true ? 1000 - Math.min(significant, 64) : undefined;
}

/** What becomes of the samples, in words, and whether they are noised before they are cut. */
function sampleWords(source: PcmFormat, offer: PcmOffer, isCut: boolean): string {
  if (source.sample === offer.sample) return isCut ? `the device plays ${offer.significantBits} of the bits` : '';
  const arrow = `${source.sample} -> ${offer.sample}`;
  if (isCut) return `${arrow}, rounded with dither`;
  const zeros = sampleBits(offer.sample) - sampleBits(source.sample);
  const isInteger = !source.sample.startsWith('FLOAT') && !offer.sample.startsWith('FLOAT');
  return isInteger && zeros > 0 ? `${arrow}, low ${zeros} bits zero` : `${arrow}, the same values`;
}

function agree(source: PcmFormat, offer: PcmOffer, cost: number, place: Placement): Agreement {
  const isCut = cost >= 500;
  const words = [sampleWords(source, offer, isCut), place.words].filter((word) => word !== '').join('; ');
  const validBits = Math.min(source.validBits, sampleBits(offer.sample));
  const format: PcmFormat = {
    sample: offer.sample,
    rate: source.rate,
    channels: place.channels,
    channelMask: place.order === undefined ? source.channelMask : 0,
    validBits: offer.sample.startsWith('FLOAT') ? sampleBits(offer.sample) : validBits,
  };
  return {
    format,
    ...(place.order === undefined ? {} : { order: place.order }),
    dither: isCut,
    change: isCut ? 'converted' : words === '' ? 'none' : 'widened',
    words,
  };
}

const elsewhere = 'choose a device that takes it, or an ALSA name that converts (plughw:..., default)';

function refuseSamples(source: PcmFormat, offers: readonly PcmOffer[]): string {
  const samples = [...new Set(offers.map((offer) => offer.sample))].join(', ');
  const bits = Math.min(source.validBits, sampleBits(source.sample));
  const kind = source.sample.startsWith('FLOAT') ? 'floating-point samples' : `samples of ${bits} bits`;
  return `the device takes ${samples} and the file has ${kind} (${source.sample}), which it cannot keep whole; allow rounding with --convert`;
}

/**
 * Chooses what a source's frames become for a sink: exactly what they are, else the smallest change that keeps every bit, else, where
 * `options` allow it, the nearest values. Rates are never changed and channels never mixed.
 * @returns the agreement, or one sentence why there is none, with the way out.
 */
export function negotiate(
  source: PcmFormat,
  offers: readonly PcmOffer[],
  options: NegotiationOptions = {},
): Agreement | { readonly refusal: string } {
  if (offers.length === 0) return { refusal: 'the device says of no format that it takes it; choose another device' };
  const inRate = offers.filter((offer) => takes(offer.rates, source.rate));
  if (inRate.length === 0) {
    const rates = wordsOfTaken(offers, 'rates');
    return { refusal: `the file has ${source.rate} Hz and the device takes ${rates} Hz; ${elsewhere}` };
  }
  let best: { offer: PcmOffer; cost: number; place: Placement } | undefined;
  let channelRefusal: string | undefined;
  let hasPlace = false;
  for (const offer of inRate) {
    const channels = nextTaken(offer.channels, source.channels);
    const place = channels === undefined ? undefined : placeChannels(source, offer, channels);
    if (typeof place === 'string') channelRefusal ??= place;
    if (place === undefined || typeof place === 'string') continue;
    hasPlace = true;
    const cost = costOf(source, offer, options);
    if (cost === undefined) continue;
    // An exact number of channels is worth more than a narrower sample.
    const whole = cost + (place.channels === source.channels ? 0 : 100);
    if (best === undefined || whole < best.cost + (best.place.channels === source.channels ? 0 : 100)) {
      best = { offer, cost, place };
    }
  }
  if (best !== undefined) return agree(source, best.offer, best.cost, best.place);
  if (hasPlace) return { refusal: refuseSamples(source, inRate) };
  const counted = `the file has ${describeChannels(source.channels)} and the device takes ${wordsOfTaken(inRate, 'channels')}`;
  return { refusal: `${channelRefusal ?? counted}; channels are not mixed here: ${elsewhere}` };
}
