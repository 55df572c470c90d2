// What the observing device (observed.c) noted of a program, and what follows from it: how late free periods were filled, how near the ring was to running dry. The same for every program,
// none of which knows of it. Pure. Not here: the device's clock and ring (observed.c), programs and rounds (../players.ts, ../jitter.ts).

/** Kinds of notes. */
export const NoteKind = { opened: 1, prepared: 2, started: 3, committed: 4, dry: 5, stopped: 6, closed: 7 } as const;

/** Something that happened at the device. */
export interface Note {
  readonly kind: number;
  /** Nanoseconds since the first note. */
  readonly at: number;
  /** Frames since the stream was prepared, before what is noted: handed over, and left. */
  readonly handed: number;
  readonly left: number;
  /** Frames that are handed over now. */
  readonly frames: number;
}

/** All that was noted. */
export interface Notes {
  readonly rate: number;
  readonly periodFrames: number;
  readonly ringFrames: number;
  /** Frames that have to be free before a program that waits is woken, as it asked for. */
  readonly wakeFrames: number;
  /** Whether the program waits for the device's interrupts; else it sleeps by a clock of its own. */
  readonly waits: boolean;
  readonly notes: readonly Note[];
}

const magic = 0x4e4f5445;
const headBytes = 64;
const noteBytes = 32;

/** Bytes of a file that has room for so many notes. */
export const notesBytes = (count: number): number => headBytes + count * noteBytes;

/**
 * Reads a file of notes.
 * @throws when nobody played, or more happened than there was room for
 */
export function readNotes(bytes: Uint8Array): Notes {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => data.getUint32(index * 4, true);
  if (bytes.length < headBytes || word(0) !== magic) throw new Error('the program never opened the device');
  const [count, leftOut] = [word(2), word(3)];
  if (leftOut > 0) throw new Error(`${leftOut} notes had no room: make the run shorter`);
  if (notesBytes(count) > bytes.length) throw new Error(`${count} notes do not fit into ${bytes.length} bytes`);
  const long = (at: number): number => Number(data.getBigInt64(at, true));
  const first = count === 0 ? 0 : long(headBytes);
  const notes = Array.from({ length: count }, (_, index): Note => {
    const at = headBytes + index * noteBytes;
    return {
      kind: data.getInt32(at + 24, true),
      at: Number(data.getBigInt64(at, true) - BigInt(first)),
      handed: long(at + 8),
      left: long(at + 16),
      frames: data.getInt32(at + 28, true),
    };
  });
  const [rate, periodFrames, ringFrames, wakeFrames] = [word(5), word(6), word(7), word(8)];
  return { rate, periodFrames, ringFrames, wakeFrames, waits: word(4) > 0, notes };
}

/** Whether a start is among the first notes. @param bytes the beginning of a file of notes */
export function hasStarted(bytes: Uint8Array): boolean {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = headBytes; at + noteBytes <= bytes.length; at += noteBytes)
    if (data.getInt32(at + 24, true) === NoteKind.started) return true;
  return false;
}

/** One uninterrupted stretch: from the start to a stop or an xrun. Times in nanoseconds, frames since it was prepared. */
interface Stretch {
  readonly startedAt: number;
  /** When it was over; frames handed over before the start, and then one by one. */
  endedAt: number;
  ranDry: boolean;
  /** When it was played again after it had run dry; undefined: never. */
  resumedAt: number | undefined;
  readonly commits: Note[];
  readonly primed: number;
}

/** What became of one program's run. Times in microseconds, but for those that say otherwise. */
export interface Observed {
  /** Periods that the device played within the window. */
  readonly periods: number;
  /** For each of them: how long a free period waited to be filled; 0: none was free. Sorted. */
  readonly late: Float64Array;
  /** Room at wake-ups, as time: sorted. */
  readonly free: Float64Array;
  /** Milliseconds that were queued when they were fewest. */
  readonly headroomMs: number;
  readonly xruns: number;
  /** Milliseconds in which nothing was played. */
  readonly gapMs: number;
  /** Hand-overs, and those that follow another at once counted as one. */
  readonly commits: number;
  readonly wakeUps: number;
}

function stretchesOf(notes: readonly Note[]): Stretch[] {
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  let primed = 0;
  const end = (at: number, ranDry: boolean): void => {
    if (open === undefined) return;
    open.endedAt = at;
    open.ranDry = ranDry;
    open = undefined;
  };
  for (const note of notes) {
    if (note.kind === NoteKind.prepared) primed = 0;
    else if (note.kind === NoteKind.committed) {
      primed = note.handed + note.frames;
      open?.commits.push(note);
    } else if (note.kind === NoteKind.started) {
      const last = stretches.at(-1);
      if (last?.ranDry === true) last.resumedAt ??= note.at;
      const begun = { endedAt: Number.POSITIVE_INFINITY, ranDry: false, resumedAt: undefined, commits: [], primed };
      open = { startedAt: note.at, ...begun };
      stretches.push(open);
    } else if (note.kind !== NoteKind.opened) end(note.at, note.kind === NoteKind.dry);
  }
  // What was killed while it played noted no end: what it did until its last hand-over is known.
  if (open !== undefined) end((open as Stretch).commits.at(-1)?.at ?? (open as Stretch).startedAt, false);
  return stretches;
}

/**
 * Judges a run.
 *
 * A free period is *due* at the end of the period (the interrupt) at which at least as many frames are free as the program asked to be woken for; where it does not wait for interrupts but
 * sleeps by a clock of its own, at the very frame at which a period is free. It is filled with the next hand-over. For each period that was played, `late` is how long what was due waited,
 * 0 where nothing was due; what waits for longer than a period counts in each of them, with what was still to wait. Headroom is what was queued just before a hand-over: the least in between
 * two of them; 0 where the ring ran dry.
 * @param fromMs after the first start, up to `toMs`: what is looked at
 */
export function judge(notes: Notes, fromMs: number, toMs: number): Observed {
  const stretches = stretchesOf(notes.notes);
  const began = stretches[0]?.startedAt;
  if (began === undefined) throw new Error('the program never started the device');
  const [from, to] = [began + fromMs * 1e6, began + toMs * 1e6];
  const frameNs = 1e9 / notes.rate;
  const late: number[] = [];
  const free: number[] = [];
  const least = { frames: Number.POSITIVE_INFINITY };
  const counts = { xruns: 0, gapNs: 0, commits: 0, wakeUps: 0 };
  for (const stretch of stretches) {
    lateOf(stretch, notes, from, to, late);
    let before = stretch.startedAt;
    for (const { at, handed, left } of stretch.commits) {
      const isSame = at - before < (notes.periodFrames * frameNs) / 8;
      before = at;
      if (at < from || at >= to) continue;
      counts.commits++;
      least.frames = Math.min(least.frames, handed - left);
      if (isSame) continue;
      counts.wakeUps++;
      free.push(((notes.ringFrames - handed + left) * frameNs) / 1000);
    }
    if (!stretch.ranDry || stretch.endedAt < from || stretch.endedAt >= to) continue;
    counts.xruns++;
    least.frames = 0;
    counts.gapNs += Math.min(stretch.resumedAt ?? to, to) - stretch.endedAt;
  }
  if (counts.commits === 0) throw new Error('the program handed over nothing while it was looked at');
  return {
    periods: late.length,
    late: Float64Array.from(late).sort(),
    free: Float64Array.from(free).sort(),
    headroomMs: (least.frames * frameNs) / 1e6,
    xruns: counts.xruns,
    gapMs: counts.gapNs / 1e6,
    commits: counts.commits,
    wakeUps: counts.wakeUps,
  };
}

/** Adds the lateness of each period of a stretch that begins within the window. Microseconds. */
function lateOf(stretch: Stretch, notes: Notes, from: number, to: number, late: number[]): void {
  const periodNs = (notes.periodFrames * 1e9) / notes.rate;
  const wake = notes.waits ? notes.wakeFrames : notes.periodFrames;
  const dueFrom = (handed: number): number => {
    const at = ((handed - notes.ringFrames + wake) * 1e9) / notes.rate;
    return stretch.startedAt + (notes.waits ? Math.ceil(at / periodNs - 1e-6) * periodNs : at);
  };
  let next = 0;
  let due = dueFrom(stretch.primed);
  // When what is due now is filled: with the next hand-over; after an xrun when it is played again.
  const filledAt = (): number => stretch.commits[next]?.at ?? stretch.resumedAt ?? stretch.endedAt;
  const advance = (): void => {
    const commit = stretch.commits[next++]!;
    due = dueFrom(commit.handed + commit.frames);
  };
  for (let period = 0; ; period++) {
    const begins = stretch.startedAt + period * periodNs;
    const ends = begins + periodNs;
    if (begins >= Math.min(stretch.endedAt, to)) return;
    let longest = 0;
    for (;;) {
      const filled = filledAt();
      if (due < ends) longest = Math.max(longest, filled - Math.max(due, begins));
      if (filled >= ends || next >= stretch.commits.length) break;
      advance();
    }
    if (begins >= from) late.push(longest / 1000);
  }
}
