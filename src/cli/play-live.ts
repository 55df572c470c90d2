// Draws the live view of `clearway play --live` four times a second, from the player and the shared region. Not here: what it looks like (play-screen.ts).

import type { Player } from '../audio/player.js';
import { percentileOf } from '../audio/report/distribution.js';
import { pumpFigures } from '../audio/report/region-figures.js';
import { type PlayView, playScreen } from './play-screen.js';

const intervalMs = 250;
const usualColumns = 80;

/** See the file's head. */
export class PlayLive {
  readonly #player: Player;
  readonly #device: string;
  readonly #files: number;
  readonly #out: NodeJS.WriteStream;
  readonly #timer: NodeJS.Timeout;
  /** Once it has drawn, other lines would tear it. */
  isDrawn = false;

  /** @param files how many there are */
  constructor(player: Player, device: string, files: number, out: NodeJS.WriteStream) {
    this.#player = player;
    this.#device = device;
    this.#files = files;
    this.#out = out;
    this.#timer = setInterval(() => this.#draw(), intervalMs);
  }

  #draw(): void {
    const view = this.#view();
    if (view === undefined) return;
    this.isDrawn = true;
    this.#out.write(`\u001b[H\u001b[J${playScreen(view, this.#out.columns || usualColumns)}`);
  }

  #view(): PlayView | undefined {
    const { region, opening, state } = this.#player;
    const position = this.#player.position();
    if (region === undefined || opening === undefined || position === undefined) return undefined;
    const { rate } = opening.format;
    const figures = pumpFigures(region, rate);
    const { latenessUs: late, scheduling, headroomFrames, headroomOverTime } = figures;
    const p50 = percentileOf(late, 0.5);
    const least = headroomFrames.counts.length === 0 ? opening.ringFrames : headroomFrames.least;
    const ms = (frames: number): number => (frames / rate) * 1000;
    const { track } = position;
    const rank = scheduling.class === 'OTHER' ? 'not real-time' : String(scheduling.priority);
    return {
      ...{ file: track.path, number: track.file + 1, files: this.#files, isPaused: state === 'paused' },
      seconds: position.seconds,
      ofSeconds: track.frames === undefined ? undefined : track.frames / track.format.rate,
      device: `${this.#device} (${opening.kind}), ${opening.format.sample}, ${rate} Hz`,
      hasClock: opening.clock !== 'none',
      ...{ headroomMs: ms(headroomOverTime.at(-1)?.leastFrames ?? least), leastMs: ms(least) },
      ringMs: ms(opening.ringFrames),
      lateness: p50 === undefined ? undefined : { p50, p99: percentileOf(late, 0.99)!, max: late.greatest },
      ...{ wakeUps: figures.wakeUps, xruns: figures.xrunCount },
      scheduling: `SCHED_${scheduling.class} ${rank}`,
    };
  }

  /** Draws no more; what was drawn last stays. */
  close(): void {
    clearInterval(this.#timer);
    this.isDrawn = false;
  }
}
