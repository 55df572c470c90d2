// A reader of MP4 files for tests alone: every sample with its place, times and flags, from the tables of `moov` and from fragments, as
// plain objects. It shares nothing with the product's reader and writer, so that the two cannot be wrong in the same place.

/** One sample. Times in ticks of its track. */
export interface OracleSample {
  readonly offset: number;
  readonly size: number;
  readonly dts: number;
  readonly cts: number;
  readonly duration: number;
  readonly sync: boolean;
  /** From 0. */
  readonly description: number;
}

/** One edit; `duration` in the movie's timescale, `mediaTime` in the track's. */
export interface OracleEdit {
  readonly duration: number;
  readonly mediaTime: number;
}

/** One track. */
export interface OracleTrack {
  readonly id: number;
  readonly handler: string;
  readonly timescale: number;
  readonly edits: readonly OracleEdit[];
  /** The four characters of each description. */
  readonly formats: readonly string[];
  readonly samples: readonly OracleSample[];
  /** The sample that each fragment begins with. */
  readonly fragments: readonly number[];
}

/** A file. */
export interface OracleFile {
  readonly movieTimescale: number;
  readonly tracks: readonly OracleTrack[];
  /** Types of the top level, in order. */
  readonly topLevel: readonly string[];
}

interface Box {
  readonly type: string;
  /** The whole box. */
  readonly start: number;
  readonly end: number;
  /** Where its payload begins. */
  readonly body: number;
}

interface MutableTrack {
  id: number;
  handler: string;
  timescale: number;
  edits: OracleEdit[];
  formats: string[];
  samples: OracleSample[];
  fragments: number[];
  defaults: { description: number; duration: number; size: number; flags: number };
  time: number;
}

/** Reads a whole file. Throws on whatever it does not expect. */
export function readMp4(file: Buffer): OracleFile {
  const tracks: MutableTrack[] = [];
  const topLevel = boxesOf(file, 0, file.length);
  let movieTimescale = 0;
  for (const box of topLevel) {
    if (box.type === 'moov') {
      for (const child of boxesOf(file, box.body, box.end)) {
        if (child.type === 'mvhd') movieTimescale = file.readUInt32BE(child.body + (file[child.body] === 1 ? 20 : 12));
        if (child.type === 'trak') tracks.push(readTrack(file, child));
        if (child.type === 'mvex') readDefaults(file, child, tracks);
      }
    }
    if (box.type === 'moof') readFragment(file, box, tracks);
  }
  return { movieTimescale, tracks, topLevel: topLevel.map(({ type }) => type) };
}

/** Presentation time of a sample by the track's edits, of which an empty one and one other are understood. */
export function presentedAt(file: OracleFile, track: OracleTrack, sample: OracleSample): number {
  const [first, second] = track.edits;
  if (first === undefined) return sample.cts;
  if (first.mediaTime >= 0) return sample.cts - first.mediaTime;
  const delay = (first.duration / file.movieTimescale) * track.timescale;
  return sample.cts + delay - (second?.mediaTime ?? 0);
}

function boxesOf(file: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to; ) {
    let length = file.readUInt32BE(at);
    let body = at + 8;
    if (length === 1) {
      length = Number(file.readBigUInt64BE(at + 8));
      body += 8;
    }
    if (length === 0) length = to - at;
    if (length < body - at || at + length > to) {
      // `udta` may end in a zero.
      if (to - at < 12) break;
      throw new Error(`box of ${length} bytes at ${at}, of ${to - at} that are left`);
    }
    boxes.push({ type: file.toString('latin1', at + 4, at + 8), start: at, end: at + length, body });
    at += length;
  }
  return boxes;
}

function find(file: Buffer, box: Box, ...path: string[]): Box | undefined {
  let found: Box | undefined = box;
  for (const type of path) {
    if (found === undefined) return undefined;
    found = boxesOf(file, found.body, found.end).find((child) => child.type === type);
  }
  return found;
}

function readTrack(file: Buffer, trak: Box): MutableTrack {
  const tkhd = find(file, trak, 'tkhd')!;
  const mdhd = find(file, trak, 'mdia', 'mdhd')!;
  const hdlr = find(file, trak, 'mdia', 'hdlr')!;
  const stbl = find(file, trak, 'mdia', 'minf', 'stbl')!;
  const elst = find(file, trak, 'edts', 'elst');
  const stsd = find(file, stbl, 'stsd')!;
  return {
    id: file.readUInt32BE(tkhd.body + (file[tkhd.body] === 1 ? 20 : 12)),
    handler: file.toString('latin1', hdlr.body + 8, hdlr.body + 12),
    timescale: file.readUInt32BE(mdhd.body + (file[mdhd.body] === 1 ? 20 : 12)),
    edits: elst === undefined ? [] : readEdits(file, elst),
    formats: boxesOf(file, stsd.body + 8, stsd.end).map(({ type }) => type),
    samples: readTables(file, stbl),
    fragments: [],
    defaults: { description: 1, duration: 0, size: 0, flags: 0 },
    time: 0,
  };
}

function readEdits(file: Buffer, elst: Box): OracleEdit[] {
  const isLong = file[elst.body] === 1;
  const count = file.readUInt32BE(elst.body + 4);
  return Array.from({ length: count }, (_, index) => {
    const at = elst.body + 8 + index * (isLong ? 20 : 12);
    return isLong
      ? { duration: Number(file.readBigUInt64BE(at)), mediaTime: Number(file.readBigInt64BE(at + 8)) }
      : { duration: file.readUInt32BE(at), mediaTime: file.readInt32BE(at + 4) };
  });
}

/** Rows of words of a table whose count stands behind version and flags. */
function rows(file: Buffer, box: Box | undefined, words: number): number[][] {
  if (box === undefined) return [];
  const count = file.readUInt32BE(box.body + 4);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: words }, (_, word) => file.readUInt32BE(box.body + 8 + (row * words + word) * 4)),
  );
}

function readSizes(file: Buffer, stbl: Box): number[] {
  const stsz = find(file, stbl, 'stsz');
  if (stsz !== undefined) {
    const size = file.readUInt32BE(stsz.body + 4);
    const count = file.readUInt32BE(stsz.body + 8);
    return Array.from({ length: count }, (_, index) => size || file.readUInt32BE(stsz.body + 12 + index * 4));
  }
  const stz2 = find(file, stbl, 'stz2')!;
  const bits = file[stz2.body + 7]!;
  return Array.from({ length: file.readUInt32BE(stz2.body + 8) }, (_, index) => {
    const at = stz2.body + 12;
    if (bits === 16) return file.readUInt16BE(at + index * 2);
    if (bits === 8) return file[at + index]!;
    const pair = file[at + (index >> 1)]!;
    return index & 1 ? pair & 15 : pair >> 4;
  });
}

function readTables(file: Buffer, stbl: Box): OracleSample[] {
  const sizes = readSizes(file, stbl);
  const durations = rows(file, find(file, stbl, 'stts'), 2).flatMap(([count, delta]) => Array(count).fill(delta));
  const offsets = rows(file, find(file, stbl, 'ctts'), 2).flatMap(([count, value]) => Array(count).fill(value! | 0));
  const stss = find(file, stbl, 'stss');
  const sync = stss === undefined ? undefined : new Set(rows(file, stss, 1).map(([number]) => number! - 1));
  const co64 = find(file, stbl, 'co64');
  const chunks =
    co64 !== undefined
      ? rows(file, co64, 2).map(([high, low]) => high! * 2 ** 32 + low!)
      : rows(file, find(file, stbl, 'stco'), 1).map(([offset]) => offset!);
  const runs = rows(file, find(file, stbl, 'stsc'), 3);
  const samples: OracleSample[] = [];
  let dts = 0;
  for (let chunk = 0, run = 0; chunk < chunks.length && samples.length < sizes.length; chunk++) {
    while (run + 1 < runs.length && runs[run + 1]![0]! <= chunk + 1) run++;
    const [, perChunk, description] = runs[run]!;
    let offset = chunks[chunk]!;
    for (let step = 0; step < perChunk! && samples.length < sizes.length; step++) {
      const index = samples.length;
      const size = sizes[index]!;
      const duration: number = durations[index] ?? durations.at(-1) ?? 0;
      const cts = dts + (offsets[index] ?? 0);
      const isSync = sync === undefined || sync.has(index);
      samples.push({ offset, size, dts, cts, duration, sync: isSync, description: description! - 1 });
      offset += size;
      dts += duration;
    }
  }
  return samples;
}

function readDefaults(file: Buffer, mvex: Box, tracks: MutableTrack[]): void {
  for (const trex of boxesOf(file, mvex.body, mvex.end).filter(({ type }) => type === 'trex')) {
    const [id, description, duration, size, flags] = [4, 8, 12, 16, 20].map((at) => file.readUInt32BE(trex.body + at));
    const track = tracks.find((candidate) => candidate.id === id);
    if (track !== undefined) {
      track.defaults = { description: description!, duration: duration!, size: size!, flags: flags! };
    }
  }
}

function readFragment(file: Buffer, moof: Box, tracks: MutableTrack[]): void {
  let previousEnd = moof.start;
  for (const traf of boxesOf(file, moof.body, moof.end).filter(({ type }) => type === 'traf')) {
    const tfhd = find(file, traf, 'tfhd')!;
    const flags = file.readUInt32BE(tfhd.body) & 0xff_ffff;
    const track = tracks.find(({ id }) => id === file.readUInt32BE(tfhd.body + 4))!;
    const defaults = { ...track.defaults };
    let at = tfhd.body + 8;
    const next = () => {
      at += 4;
      return file.readUInt32BE(at - 4);
    };
    let base = flags & 0x2_0000 ? moof.start : previousEnd;
    if (flags & 1) base = next() * 2 ** 32 + next();
    if (flags & 2) defaults.description = next();
    if (flags & 8) defaults.duration = next();
    if (flags & 0x10) defaults.size = next();
    if (flags & 0x20) defaults.flags = next();
    const tfdt = find(file, traf, 'tfdt');
    if (tfdt !== undefined) {
      const isLong = file[tfdt.body] === 1;
      track.time = isLong ? Number(file.readBigUInt64BE(tfdt.body + 4)) : file.readUInt32BE(tfdt.body + 4);
    }
    track.fragments.push(track.samples.length);
    let place = base;
    for (const trun of boxesOf(file, traf.body, traf.end).filter(({ type }) => type === 'trun')) {
      place = readRun(file, trun, track, defaults, base, place);
    }
    previousEnd = place;
  }
}

function readRun(
  file: Buffer,
  trun: Box,
  track: MutableTrack,
  defaults: MutableTrack['defaults'],
  base: number,
  start: number,
): number {
  const flags = file.readUInt32BE(trun.body) & 0xff_ffff;
  const isSigned = file[trun.body] === 1;
  const count = file.readUInt32BE(trun.body + 4);
  let at = trun.body + 8;
  const next = () => {
    at += 4;
    return file.readUInt32BE(at - 4);
  };
  let place = start;
  if (flags & 1) place = base + (next() | 0);
  const firstFlags = flags & 4 ? next() : undefined;
  for (let index = 0; index < count; index++) {
    const duration = flags & 0x100 ? next() : defaults.duration;
    const size = flags & 0x200 ? next() : defaults.size;
    let sampleFlags = flags & 0x400 ? next() : defaults.flags;
    if (index === 0 && firstFlags !== undefined) sampleFlags = firstFlags;
    const raw = flags & 0x800 ? next() : 0;
    if (place + size > file.length) throw new Error(`sample of ${size} bytes at ${place} of ${file.length}`);
    track.samples.push({
      offset: place,
      size,
      dts: track.time,
      cts: track.time + (isSigned ? raw | 0 : raw),
      duration,
      sync: (sampleFlags & 0x1_0000) === 0,
      description: defaults.description - 1,
    });
    place += size;
    track.time += duration;
  }
  if (at !== trun.end) throw new Error(`trun at ${trun.start} has ${trun.end - at} bytes more than its fields`);
  return place;
}
