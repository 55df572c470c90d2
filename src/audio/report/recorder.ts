// Keeps what a player's run was while it runs, and makes the report when it has ended: figures of the shared region, what the sink and the files said. It listens
// alone. Not here: what is made of the facts (report.ts).

import { readText as readProcess } from '../../kernel/proc.js';
import { describeFormat } from '../../wire/pcm/format.js';
import type { EndEvent, PlayedTrack, Player, PlayPosition } from '../player.js';
import type { SinkOpening } from '../sinks/sink.js';
import { payloadOf } from '../sound-ledger.js';
import type { BitFacts } from './bits.js';
import { environmentNow, stealTicks } from './environment.js';
import type { PlayFacts, TrackFacts } from './facts.js';
import { pumpFigures } from './region-figures.js';
import { type PlayReport, reportOf } from './report.js';

/** What the player was asked for, as far as the report has to know. */
export interface RecordedSettings {
  /** As it was named. */
  readonly device: string;
  /** Decibels; 0: samples are not touched. */
  readonly gainDb: number;
}

/** What is known of a track. @param position where the player stood at the end @param isPlayed the list was played to its end */
function factsOf(
  { track, fedFrames, verdict, isWhole, missingFrames }: PlayedTrack,
  position: PlayPosition | undefined,
  isPlayed: boolean,
): TrackFacts {
  const { path, codec, format, frames, firstFrame, gapBefore } = track;
  const isHere = position?.track.number === track.number;
  const fed = (fedFrames ?? 0) - missingFrames;
  const isEnded = fedFrames !== undefined && (isPlayed || !isHere);
  const committedFrames = isEnded ? fed : Math.max(0, (isHere ? position.frame : firstFrame) - firstFrame);
  const owedFrames = frames === undefined ? undefined : Math.max(0, frames - firstFrame);
  const isLeft = !isWhole && firstFrame === 0;
  const isShort = isEnded && isPlayed && !isLeft && owedFrames !== undefined;
  return {
    path,
    format: `${codec}, ${describeFormat(format)}`,
    owedFrames,
    committedFrames,
    damagedFrames: verdict?.lost.reduce((total, lost) => total + lost.frames, 0) ?? 0,
    lostFrames: Math.max(missingFrames, isShort ? owedFrames - committedFrames : 0),
    isWhole: isEnded && !isLeft,
    md5: verdict?.md5 ?? 'none',
    gapBefore,
    notes: [...track.notes, ...(verdict?.notes ?? [])],
  };
}

/** See the file's head. Made before the player is started. */
export class PlayRecorder {
  readonly #player: Player;
  readonly #settings: RecordedSettings;
  readonly #stealBefore = stealTicks();
  /** SHA-256 of what was decoded and committed, where somebody compares them. */
  digests: PlayFacts['digests'];
  #facts: Omit<PlayFacts, 'digests'> | undefined;
  #timerSlackNs: number | undefined;

  constructor(player: Player, settings: RecordedSettings) {
    this.#player = player;
    this.#settings = settings;
    player.on('ready', () => {
      const slack = readProcess(`/proc/${player.pumpPid}/timerslack_ns`) ?? '';
      this.#timerSlackNs = /^\d+$/.test(slack) ? Number(slack) : undefined;
    });
    player.on('end', (end) => {
      this.#facts = this.#gather(end);
    });
  }

  /** The report; `undefined` where nothing was played: no device was opened. After the end. */
  report(): PlayReport | undefined {
    return this.#facts === undefined ? undefined : reportOf({ ...this.#facts, digests: this.digests });
  }

  #gather({ reason }: EndEvent): Omit<PlayFacts, 'digests'> | undefined {
    const { region, opening, tracks, refusals } = this.#player;
    const isPlayed = reason === 'played';
    if (region === undefined || opening === undefined) return undefined;
    const { format, kind, clock, ringFrames, periodFrames, notes } = opening;
    const { heardTrack, changedFrames, scheduling, ...figures } = pumpFigures(region, format.rate);
    const position = this.#player.position();
    // Of a file that was played from its beginning and gave nothing no frame was heard.
    const heard = tracks.filter(
      ({ track, fedFrames, isWhole }) => track.number <= heardTrack || (isPlayed && isWhole && fedFrames === 0),
    );
    const payload = payloadOf(new Float64Array(region), opening);
    return {
      ...figures,
      sink: {
        ...{ name: this.#settings.device, kind, clock, format: format.sample },
        ...{ rate: format.rate, channels: format.channels, ringFrames, periodFrames },
      },
      scheduling: { ...scheduling, refusals },
      tracks: heard.map((each) => factsOf(each, position, isPlayed)),
      notes,
      bits: { ...this.#bits(opening, tracks), changedFrames, isBrokenOff: reason === 'failed' },
      payloadBytes: payload.bytes,
      userCopiedBytes: figures.userCopiedBytes + payload.sinkBytes,
      environment: environmentNow(this.#timerSlackNs, this.#stealBefore),
    };
  }

  #bits(
    opening: SinkOpening,
    tracks: readonly PlayedTrack[],
  ): Omit<PlayFacts['bits'], 'changedFrames' | 'isBrokenOff'> {
    const { path, through, format } = opening;
    const words = (isLossy: boolean): string[] => [
      ...new Set(
        tracks
          .filter(({ track }) => (track.change === 'converted') === isLossy && track.words !== '')
          .map(({ track }) => track.words),
      ),
    ];
    const bits: Pick<BitFacts, 'path' | 'device' | 'through'> = { path, device: this.#settings.device, through };
    return {
      ...bits,
      ...{ kept: words(false), lossy: words(true), rate: format.rate },
      gainDb: this.#settings.gainDb,
      estimated: [...new Set(tracks.filter(({ track }) => !track.lossless).map(({ track }) => track.codec))],
      forgottenTracks: this.#player.forgottenTracks,
    };
  }
}
