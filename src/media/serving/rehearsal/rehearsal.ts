// The rehearsal: the code that reads a film and writes its playlists is run over a made film before a real one comes, so that the compiler
// has seen it: without that the first films of a process take five times as long as the later ones. It begins when the worker has answered
// somebody, or has been up for a second without that, works in short slices while nobody needs the thread, and leaves nothing behind. Not here:
// the film (made-film.ts).

import type { Loop } from '../../../transport/loop.js';
import { masterPlaylist } from '../../playlists/master-playlist.js';
import { type Presentation, presentationSteps } from '../../presentation/presentation.js';
import { readFilm } from '../../read-film.js';
import { makeFilm } from './made-film.js';

/** Frames of the made film: short enough that what has no steps is below a millisecond before it is compiled. */
const frames = 6000;
/**
 * The second film is as those of an hour are: its headers are more than one read takes, and its media lie where offsets are no small integers of V8's. It comes in turns with the first, once that is compiled:
 * without it the first real film had all of that thrown away.
 */
const largeFilm = { frames: 8800, gapBytes: 3e9, fromRound: 10 } as const;
/** Times that it is read: behind them another film costs no less. */
const usualRounds = 60;
/** Ticks of the loop, a second, after which it begins though nobody came: the first viewer finds it done, and a start is not held up by it. */
const mostTicks = 4;
/** How long it works until the loop has its turn. */
const sliceMs = 0.5;

/** What it has to know of the worker. */
export interface RehearsalHost {
  readonly loop: Pick<Loop, 'everyTick' | 'nextTurn'>;
  /** Responses so far. */
  readonly answers: () => number;
  /** Whether films are being read. */
  readonly isReading: () => boolean;
}

/** Begins it once the worker has answered, or was up for a second. @returns ends it before it is over */
export function beginRehearsal(host: RehearsalHost, rounds = usualRounds): () => void {
  const { loop, answers, isReading } = host;
  const steps = rehearse(rounds);
  let isOver = false;
  let seen = 0;
  let ticks = 0;
  const stop = (): void => {
    isOver = true;
    leave();
  };
  const slice = (): void => {
    // Whoever came meanwhile is followed by others: they have the thread until the next tick.
    if (isOver || answers() !== seen || isReading()) return;
    const untilMs = performance.now() + sliceMs;
    do {
      if (!isDone(steps)) continue;
      stop();
      return;
    } while (performance.now() < untilMs);
    loop.nextTurn(slice);
  };
  const leave = loop.everyTick(() => {
    if (++ticks < mostTicks && answers() === 0) return;
    seen = answers();
    slice();
  });
  return stop;
}

/** One step more. What goes wrong ends the rehearsal alone: where memory is short the worker serves on. */
function isDone(steps: Generator): boolean {
  try {
    return steps.next().done === true;
  } catch {
    return true;
  }
}

/** All of it, in steps that are short even before they are compiled. */
function* rehearse(rounds: number): Generator<undefined, void, undefined> {
  const small = yield* makeFilm(frames);
  const large = yield* makeFilm(largeFilm.frames, largeFilm.gapBytes);
  for (let round = 0; round < rounds; round++) {
    const film = round >= largeFilm.fromRound && (round & 1) === 1 ? large : small;
    const reading = readFilm(film.size);
    let step = reading.next();
    while (step.done !== true) {
      const need = step.value;
      step = reading.next(need && film.header.subarray(need.offset, need.offset + need.length));
      yield undefined;
    }
    try {
      write(yield* presentationSteps(step.value));
    } finally {
      step.value.tables.release();
    }
    yield undefined;
  }
}

function write(presentation: Presentation): void {
  const { renditions } = presentation;
  const iFrames = (track: { readonly id: string }) => renditions.find(({ id }) => id === track.id)?.pictures;
  masterPlaylist([{ presentation, base: '', version: '00000000', iFrames }], []);
}
