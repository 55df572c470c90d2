// One sentence about bits: whether what left for the device is what the file holds, and why. From facts alone: what is not known is "unknown", and
// never "yes". Pure. Not here: how the facts are found (the player, the sinks).

import { counted } from '../../text/units.js';

/** Where committed samples go. */
export type Path =
  /** To a card, with nothing in between. */
  | 'direct'
  /** Through something that may change them: `through` names it (a plugin, a sound server). */
  | 'through'
  /** Into a file or a pipe, as they are. */
  | 'file'
  /** Nowhere: they are dropped. */
  | 'nowhere';

/** What is known of the way from the files to the device. */
export interface BitFacts {
  readonly path: Path;
  /** The device as it was named: `hw:1,0`. */
  readonly device: string;
  /** What stands in between, where `path` is `through`: `pipewire`, `plug`, `the JACK server`. */
  readonly through?: string | undefined;
  /** Frames of the files that were committed. */
  readonly committedFrames: number;
  /** Changes of format that keep every bit, in words: `24-bit packed -> S32_LE, low 8 bits zero`. */
  readonly kept: readonly string[];
  /** Changes that do not: `rate 44100 -> 48000 by soxr`, `float -> S16_LE, rounded`. */
  readonly lossy: readonly string[];
  readonly rate: number;
  /** Gain in decibels; 0: the samples are not touched. */
  readonly gainDb: number;
  /** Frames that the volume changed, a fade at a pause or a seek among them. */
  readonly changedFrames: number;
  /** Frames owed by the files that never reached the device. */
  readonly lostFrames: number;
  /** Codecs of files whose samples are a decoder's estimate (MP3, Vorbis): another decoder would make others. */
  readonly estimated: readonly string[];
  /** Tracks of which nothing is remembered any more: too many were played. */
  readonly forgottenTracks: number;
  /** The device, or what feeds it, ended before the files did. */
  readonly isBrokenOff: boolean;
  /** Frames of silence that an xrun put between those of the files. */
  readonly xruns: number;
  /** Frames that a decoder could not make out of a damaged file. */
  readonly damagedFrames: number;
  /** FLAC's own MD5 of the samples, of all files: `undefined` where none has one or none was played whole. */
  readonly md5: 'ok' | 'wrong' | undefined;
  /** Whether the SHA-256 of what was committed is that of what was decoded; `undefined`: not compared. */
  readonly digestsEqual: boolean | undefined;
}

/** What the sentence says. */
export interface BitVerdict {
  readonly verdict: 'yes' | 'no' | 'unknown';
  readonly because: string;
}

/** What makes it a "no", in the order in which it weighs. */
function objections(facts: BitFacts): string[] {
  const { lossy, gainDb, changedFrames, lostFrames, xruns, damagedFrames, md5, digestsEqual, isBrokenOff } = facts;
  return [
    ...(digestsEqual === false ? ['what was committed is not what was decoded (SHA-256 differs)'] : []),
    ...lossy,
    ...(gainDb === 0 ? [] : [`a gain of ${gainDb > 0 ? '+' : ''}${gainDb} dB changes every sample`]),
    ...(damagedFrames > 0 ? [`${counted(damagedFrames, 'frame')} of a damaged file could not be decoded`] : []),
    ...(md5 === 'wrong' ? ["FLAC's own MD5 is not that of the decoded samples"] : []),
    ...(lostFrames > 0 ? [`${counted(lostFrames, 'frame')} never reached the device`] : []),
    ...(isBrokenOff ? ['it ended before the files did, and what was queued did not arrive'] : []),
    ...(xruns > 0 ? [`${counted(xruns, 'xrun')} put silence between the samples`] : []),
    ...(changedFrames > 0 && gainDb === 0
      ? [`${counted(changedFrames, 'frame')} were made quieter or louder, or faded, by the volume`]
      : []),
  ];
}

function evidence({ path, device, kept, rate, md5, digestsEqual }: BitFacts): string {
  const way = path === 'direct' ? [device, 'no plugin'] : [`written to ${device}`];
  return [
    ...(kept.length > 0 ? kept : ['the format of the file']),
    `${rate} Hz`,
    ...way,
    'no volume',
    ...(digestsEqual === true ? ['SHA-256 of committed and decoded samples equal'] : []),
    ...(md5 === 'ok' ? ["FLAC's MD5 right"] : []),
  ].join(', ');
}

/** The verdict with its reason. */
export function bitVerdict(facts: BitFacts): BitVerdict {
  const against = objections(facts);
  if (against.length > 0) return { verdict: 'no', because: against.join('; ') };
  if (facts.committedFrames === 0) return { verdict: 'unknown', because: 'nothing was played' };
  if (facts.path === 'nowhere') {
    return { verdict: 'unknown', because: `${facts.device} drops what it is given: nothing was played` };
  }
  if (facts.path === 'through') {
    const what = facts.through ?? 'something';
    return {
      verdict: 'unknown',
      because: `${facts.device} is behind ${what}, which may change them; the samples were handed to it unchanged`,
    };
  }
  if (facts.estimated.length > 0) {
    const what = facts.estimated.join(', ');
    return {
      verdict: 'unknown',
      because: `${what}: such a file does not say what its samples are, and decoders differ; what this one made of it was handed over unchanged`,
    };
  }
  if (facts.forgottenTracks > 0) {
    const forgotten = counted(facts.forgottenTracks, 'track');
    return { verdict: 'unknown', because: `${forgotten} before these are not remembered` };
  }
  return { verdict: 'yes', because: evidence(facts) };
}

/** The one line of the report: `bit-perfect: yes, because ...`. */
export function bitSentence(verdict: BitVerdict): string {
  return `bit-perfect: ${verdict.verdict}, because ${verdict.because}`;
}
