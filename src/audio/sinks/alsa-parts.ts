// What happens to samples in a stream of libasound's, told from what it says of the stream's parts (snd_pcm_dump): whether they leave as they were handed over, and by whose
// clock. Pure.

import type { SinkClock } from './sink.js';

/** What the parts of a stream mean for its samples. */
export interface PartsVerdict {
  /** `direct`: they leave as they were handed over; `through`: something stands in between; `file`, `nowhere`: there is no device. */
  readonly path: 'direct' | 'through' | 'file' | 'nowhere';
  /** What stands in between, in words that go on behind "is behind": `PulseAudio`, `ALSA's volume plugin`. */
  readonly through: string;
  /** What is converted so that bits are lost; empty: nothing is known to be. */
  readonly converted: string;
  readonly clock: SinkClock;
}

/** Parts that may change samples, by how snd_pcm_dump names them. */
const changing: readonly (readonly [RegExp, string])[] = [
  [/^Rate conversion PCM \((\d+)/m, "ALSA's conversion of the rate to $1 Hz"],
  [/^Soft volume PCM/m, "ALSA's volume plugin"],
  [/^(?:Route conversion|Multi|Share) PCM/m, "ALSA's routing of channels"],
  [/^(?:Mu-Law|A-Law|IMA-ADPCM|IEC958)[^\n]* PCM/m, "ALSA's conversion into another coding"],
  [/^LADSPA|External/m, 'an ALSA filter plugin'],
];
const linear = /^Linear (?:conversion|Integer <-> Linear Float conversion) PCM \((\w+)\)/gm;
const mixing = /^Direct (?:Stream Mixing|Sharing)/m;
/** Bits that a form of samples keeps whole. */
const keptBits: Readonly<Record<string, number>> = {
  ...{ S8: 8, U8: 8, S16_LE: 16, S16_BE: 16, S20_3LE: 20, S24_LE: 24, S24_3LE: 24, S24_BE: 24, S24_3BE: 24 },
  ...{ FLOAT_LE: 24, FLOAT_BE: 24, S32_LE: 32, S32_BE: 32, FLOAT64_LE: 53 },
};

/**
 * Reads what snd_pcm_dump said.
 * @param validBits bits of a sample that count
 */
export function judgeParts(text: string, validBits: number): PartsVerdict {
  const dump = text.replaceAll(/^(?:Slave: |Plug PCM: )+/gm, '');
  const end = endOf(dump);
  for (const [pattern, words] of changing) {
    const found = pattern.exec(dump);
    if (found === null) continue;
    const through = words.replace('$1', found[1] ?? '');
    return { path: 'through', through, converted: through, clock: end.clock };
  }
  const form = [...dump.matchAll(linear)].map(([, each]) => each!).find((each) => (keptBits[each] ?? 0) < validBits);
  if (form !== undefined) {
    const through = `ALSA's conversion of the samples to ${form}`;
    return { path: 'through', through, converted: through, clock: end.clock };
  }
  if (mixing.test(dump)) return { path: 'through', through: "ALSA's mixer (dmix)", converted: '', clock: end.clock };
  return { ...end, converted: '' };
}

function endOf(dump: string): Omit<PartsVerdict, 'converted'> {
  if (/^Hardware PCM card/m.test(dump)) return { path: 'direct', through: '', clock: 'device' };
  const server = /ALSA <-> (\w+) PCM I\/O Plugin/.exec(dump) ?? /^ALSA[^\n]*?(PipeWire|PulseAudio|JACK)/im.exec(dump);
  if (server !== null) return { path: 'through', through: server[1]!, clock: 'server' };
  if (/^Null PCM/m.test(dump)) {
    return { path: /^File PCM/m.test(dump) ? 'file' : 'nowhere', through: '', clock: 'none' };
  }
  return { path: 'through', through: 'an ALSA plugin that is not known here', clock: 'server' };
}
