// Codec strings of RFC 6381 and of the specifications of each codec in ISO files, out of the configuration box of a sample entry.

/** Strings for HLS, and for Media Source and DASH where they differ. */
export interface CodecStrings {
  readonly hls: string;
  readonly dash: string;
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');
const both = (text: string): CodecStrings => ({ hls: text, dash: text });

/** `avc1.PPCCLL`; undefined when the configuration is too short. */
export function avcString(format: string, config: Uint8Array): CodecStrings | undefined {
  if (config.length < 4) return undefined;
  return both(`${format}.${hex(config[1]!)}${hex(config[2]!)}${hex(config[3]!)}`);
}

function reversed(value: number): number {
  let result = 0;
  for (let bit = 0; bit < 32; bit++) if ((value >>> bit) & 1) result |= 1 << (31 - bit);
  return result >>> 0;
}

/** `hvc1.[A-C]P.C.TL.x.y`, ISO 14496-15 annex E. */
export function hevcString(format: string, config: Uint8Array): CodecStrings | undefined {
  if (config.length < 13) return undefined;
  const space = ['', 'A', 'B', 'C'][config[1]! >> 6]!;
  const compatibility = ((config[2]! << 24) | (config[3]! << 16) | (config[4]! << 8) | config[5]!) >>> 0;
  const tier = (config[1]! >> 5) & 1 ? 'H' : 'L';
  const constraints: string[] = [];
  for (let index = 6; index < 12; index++) constraints.push(config[index]!.toString(16).toUpperCase());
  while (constraints.at(-1) === '0') constraints.pop();
  const parts = [
    `${space}${config[1]! & 31}`,
    reversed(compatibility).toString(16).toUpperCase(),
    `${tier}${config[12]!}`,
    ...constraints,
  ];
  return both(`${format}.${parts.join('.')}`);
}

/** Colour in the numbers of ISO 23091-2; 2 says nothing. */
export interface Colour {
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  readonly isFullRange: boolean;
}

/**
 * `av01.P.LLT.BB`, AV1 in ISOBMFF section 5. What it leaves out it says to be 4:2:0 in colours of BT.709: where that is not so,
 * `.M.CCC.cp.tc.mc.F` follows.
 * @param colour undefined where the entry says nothing of it
 */
export function av1String(config: Uint8Array, colour?: Colour): CodecStrings | undefined {
  // The first byte is a marker and the version.
  if (config.length < 4 || config[0] !== 0x81) return undefined;
  const profile = config[1]! >> 5;
  const level = config[1]! & 31;
  const tier = config[2]! >> 7 ? 'H' : 'M';
  const highDepth = (config[2]! >> 6) & 1;
  const depth = highDepth === 0 ? 8 : profile === 2 && ((config[2]! >> 5) & 1) === 1 ? 12 : 10;
  const two = (value: number): string => String(value).padStart(2, '0');
  const [mono, acrossX, acrossY] = [4, 3, 2].map((bit) => (config[2]! >> bit) & 1);
  // Profile 0 is 4:2:0 or grey; muxers that leave the rest of the configuration empty mean the former.
  const isEmpty = profile === 0 && acrossX === 0 && acrossY === 0;
  const sampling = isEmpty ? '110' : `${acrossX}${acrossY}${acrossX === 1 && acrossY === 1 ? config[2]! & 3 : 0}`;
  // 0 is reserved, but for a matrix of RGB, which profile 0 has not.
  const said = (value: number | undefined, least: number): string =>
    two(value === undefined || value === 2 || value < least ? 1 : value);
  const least = [1, 1, profile === 0 ? 1 : 0];
  const numbers = [colour?.primaries, colour?.transfer, colour?.matrix]
    .map((value, index) => said(value, least[index]!))
    .join('.');
  const more = `${mono}.${sampling}.${numbers}.${Number(colour?.isFullRange ?? false)}`;
  const short = `av01.${profile}.${two(level)}${tier}.${two(depth)}`;
  return both(more === '0.110.01.01.01.0' ? short : `${short}.${more}`);
}

/** Levels of VP9, and the most pixels of a picture in each. */
const vp9Levels = [
  [11, 73_728],
  [21, 245_760],
  [31, 983_040],
  [41, 2_228_224],
  [51, 8_912_896],
] as const;

/**
 * `vp09.PP.LL.BB`, VP codecs in ISOBMFF. There is no level 0, which Chromium writes into what it records and refuses to play: it is that
 * which pictures of the size need.
 */
export function vp9String(config: Uint8Array, pixels: number): CodecStrings | undefined {
  if (config.length < 7) return undefined;
  const two = (value: number): string => String(value).padStart(2, '0');
  const level = config[5]! || (vp9Levels.find(([, most]) => pixels <= most)?.[0] ?? 61);
  return both(`vp09.${two(config[4]!)}.${two(level)}.${two(config[6]! >> 4)}`);
}

/** `dvh1.PP.LL` out of a Dolby Vision configuration. */
export function dolbyVisionString(format: string, config: Uint8Array): string | undefined {
  if (config.length < 4) return undefined;
  const profile = config[2]! >> 1;
  const level = ((config[2]! & 1) << 5) | (config[3]! >> 3);
  return `${format}.${String(profile).padStart(2, '0')}.${String(level).padStart(2, '0')}`;
}

/** A descriptor of MPEG-4 systems: its tag and payload. */
interface Descriptor {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

function descriptorAt(bytes: Uint8Array, at: number, end: number): Descriptor | undefined {
  if (at >= end) return undefined;
  let length = 0;
  let place = at + 1;
  for (let count = 0; count < 4; count++) {
    if (place >= end) return undefined;
    const byte = bytes[place++]!;
    length = length * 128 + (byte & 127);
    if (byte < 128) break;
  }
  return { tag: bytes[at]!, from: place, to: Math.min(end, place + length) };
}

/** What `esds` says. */
export interface EsdsFacts {
  readonly objectType: number;
  /** Audio object type of AAC; 0 where there is none. */
  readonly audioType: number;
  /** Channel configuration of AAC; 0 where there is none. */
  readonly channelConfiguration: number;
}

/** Reads `esds`, its payload behind version and flags. */
export function esdsFacts(bytes: Uint8Array): EsdsFacts | undefined {
  const stream = descriptorAt(bytes, 0, bytes.length);
  if (stream === undefined || stream.tag !== 3 || stream.from + 3 > bytes.length) return undefined;
  const flags = bytes[stream.from + 2]!;
  let at = stream.from + 3;
  if (flags & 0x80) at += 2;
  if (flags & 0x40) at += 1 + (bytes[at] ?? 0);
  if (flags & 0x20) at += 2;
  const config = descriptorAt(bytes, at, stream.to);
  if (config === undefined || config.tag !== 4 || config.from + 13 > bytes.length) return undefined;
  const objectType = bytes[config.from]!;
  const specific = descriptorAt(bytes, config.from + 13, config.to);
  if (specific === undefined || specific.tag !== 5 || specific.from >= specific.to) {
    return { objectType, audioType: 0, channelConfiguration: 0 };
  }
  return { objectType, ...audioConfiguration(bytes.subarray(specific.from, specific.to)) };
}

/** AudioSpecificConfig (ISO 14496-3, 1.6.2.1): object type 5 (31: 6 more), rate 4 (15: 24 more), channel configuration 4 bits. */
function audioConfiguration(bytes: Uint8Array): { audioType: number; channelConfiguration: number } {
  let at = 0;
  const take = (count: number): number => {
    let value = 0;
    for (let bit = 0; bit < count; bit++, at++) value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  const short = take(5);
  const audioType = short === 31 ? 32 + take(6) : short;
  if (take(4) === 15) take(24);
  return { audioType, channelConfiguration: take(4) };
}

/** `mp4a.40.2` and its kin; undefined for what is neither AAC nor MP3. */
export function mp4aString(esds: Uint8Array): CodecStrings | undefined {
  const facts = esdsFacts(esds);
  if (facts === undefined) return undefined;
  const { objectType, audioType } = facts;
  if (objectType === 0x40) return both(`mp4a.40.${audioType === 0 ? 2 : audioType}`);
  if (objectType >= 0x66 && objectType <= 0x68) return both(`mp4a.${hex(objectType)}`);
  if (objectType === 0x69 || objectType === 0x6b)
    return { hls: 'mp4a.40.34', dash: `mp4a.${hex(objectType).toUpperCase()}` };
  return undefined;
}
