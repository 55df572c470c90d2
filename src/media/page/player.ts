/// <reference lib="dom" />
// Plays a master playlist in a video element: by hls.js where Media Source is there, else by the browser itself. Tells
// of each segment that came. Not here: what is shown of it.

import Hls, { type ErrorData, Events } from 'hls.js';
import { formatBitRate } from '../../text/units.js';

/** A choice of the viewer's: renditions of one kind. */
export interface Choice {
  readonly names: readonly string[];
  /** The one in use; -1 is none, or automatic. */
  readonly current: number;
}

/** Who is told of what happens. */
export interface PlayerEvents {
  choices(quality: Choice, audio: Choice, subtitles: Choice): void;
  /** A segment of `bytes` came within `ms`; of the picture, or of the sound of a film without one, where `isMain`. */
  segment(bytes: number, ms: number, isMain: boolean): void;
  /** The server does not answer, or does so again. It is asked until it does. */
  answers(isAnswered: boolean): void;
  /** It cannot go on. */
  failed(sentence: string): void;
}

/** What a page can ask of a film that plays. */
export interface Player {
  /** How it plays: `hls.js`, or `the browser`. */
  readonly by: string;
  chooseQuality(index: number): void;
  chooseAudio(index: number): void;
  chooseSubtitles(index: number): void;
  /** The picture and the sound that play, by their names beneath the film (`v1`, `a2`); none where the browser chooses. */
  inUse(): readonly string[];
}

/** How often a fatal error is answered by trying again before it is told. */
const mostRecoveries = 3;
/** Between two times that a server is asked which does not answer, once hls.js has given up. */
const askAgainMs = 3000;

/** Begins to load; nothing plays before the viewer wants it to. */
export function openPlayer(video: HTMLVideoElement, source: string, events: PlayerEvents): Player {
  if (Hls.isSupported()) return new HlsPlayer(video, source, events);
  if (video.canPlayType('application/vnd.apple.mpegurl') !== '') {
    video.src = source;
    video.addEventListener('error', () => events.failed(video.error?.message || 'the browser cannot play this film'));
  } else {
    events.failed('this browser has neither Media Source nor HLS: download the film instead');
  }
  const nothing = () => {};
  return { by: 'the browser', chooseQuality: nothing, chooseAudio: nothing, chooseSubtitles: nothing, inUse: () => [] };
}

/** What the answer to a segment says of the whole film: hls.js would ask again, and for more than ten seconds nothing would be told. */
function finalWords(status: number | undefined): string | undefined {
  if (status === 410) return 'the film was replaced: load this page again';
  if (status === 404) return 'the film is not there any more';
  if (status === 422) return 'the film cannot be read any more: load this page again to see why';
  return undefined;
}

class HlsPlayer implements Player {
  readonly by = 'hls.js';
  private readonly hls = new Hls({ enableWorker: true, startFragPrefetch: true });
  private recoveries = 0;
  private isAnswered = true;

  constructor(
    video: HTMLVideoElement,
    private readonly source: string,
    private readonly events: PlayerEvents,
  ) {
    const { hls } = this;
    const tell = () => this.tellChoices();
    hls.on(Events.MANIFEST_PARSED, tell);
    hls.on(Events.MANIFEST_PARSED, () => this.tellAnswered(true));
    hls.on(Events.LEVEL_SWITCHED, tell);
    hls.on(Events.AUDIO_TRACKS_UPDATED, tell);
    hls.on(Events.AUDIO_TRACK_SWITCHED, tell);
    hls.on(Events.SUBTITLE_TRACKS_UPDATED, tell);
    hls.on(Events.SUBTITLE_TRACK_SWITCH, tell);
    hls.on(Events.FRAG_LOADED, (_event, { frag }) => {
      const { loaded, loading } = frag.stats;
      this.tellAnswered(true);
      events.segment(loaded, Math.max(0.1, loading.end - loading.start), frag.type === 'main');
    });
    hls.on(Events.ERROR, (_event, data) => this.recover(data));
    hls.loadSource(source);
    hls.attachMedia(video);
  }

  chooseQuality(index: number): void {
    this.hls.nextLevel = index;
  }

  chooseAudio(index: number): void {
    this.hls.audioTrack = index;
  }

  chooseSubtitles(index: number): void {
    this.hls.subtitleTrack = index;
    this.hls.subtitleDisplay = index >= 0;
  }

  inUse(): readonly string[] {
    const { levels, loadLevel, audioTracks, audioTrack } = this.hls;
    const addresses = [levels[loadLevel]?.uri, audioTracks[audioTrack]?.url];
    return addresses.map((address) => /([^/]+)\.m3u8$/.exec(address ?? '')?.[1] ?? '');
  }

  private tellChoices(): void {
    const { hls } = this;
    const qualities = hls.levels.map(
      ({ height, bitrate }) => `${height > 0 ? `${height}p, ` : ''}${formatBitRate(bitrate)}`,
    );
    this.events.choices(
      { names: qualities, current: hls.autoLevelEnabled ? -1 : hls.currentLevel },
      { names: hls.audioTracks.map(({ name }) => name), current: hls.audioTrack },
      { names: hls.subtitleTracks.map(({ name }) => name), current: hls.subtitleTrack },
    );
  }

  private tellAnswered(isAnswered: boolean): void {
    if (this.isAnswered === isAnswered) return;
    this.isAnswered = isAnswered;
    this.events.answers(isAnswered);
  }

  /** hls.js asks six times within half a minute; a server that is started again may take longer. */
  private askAgain(): void {
    const { hls } = this;
    if (hls.levels.length === 0) hls.loadSource(this.source);
    else hls.startLoad();
  }

  private recover(data: ErrorData): void {
    const status = data.response?.code;
    // An answer that takes long is none that is missing, until hls.js has given it up.
    if (data.type === 'networkError' && !status && (data.fatal || data.details.endsWith('LoadError'))) {
      this.tellAnswered(false);
      if (data.fatal) setTimeout(() => this.askAgain(), askAgainMs);
      return;
    }
    const final = data.details === 'fragLoadError' && data.frag?.type !== 'subtitle' ? finalWords(status) : undefined;
    if (!data.fatal && final === undefined) return;
    // What the browser has no decoder for it does not play at a second try, and hls.js would not say so again.
    const isUnplayable = /Codecs?Error$/.test(data.details);
    if (data.type === 'mediaError' && !isUnplayable && this.recoveries++ < mostRecoveries) {
      this.hls.recoverMediaError();
      return;
    }
    const why =
      data.type === 'mediaError'
        ? `this browser does not play what it is coded in (${data.details}); the file itself, below, may play`
        : `${data.details}${status ? `, status ${status}` : ''}`;
    this.isAnswered = true;
    this.events.failed(final ?? why);
    this.hls.stopLoad();
  }
}
