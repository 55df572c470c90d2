// What the page reads beneath the film: `film.json` once, `live.json` while it plays. Types alone; the server writes them.

/** What a film offers: `film.json`. */
export interface FilmJson {
  readonly name: string;
  readonly durationSeconds: number;
  readonly tracks: readonly {
    /** `v1`, `a2`, `s-en`: its name beneath the film. */
    readonly id: string;
    /** `video`, `audio` or `subtitles`. */
    readonly kind: string;
    readonly codec: string;
    readonly language: string;
    /** `1920 x 1080, 25 frames/s`, `stereo, 48 kHz`. */
    readonly about: string;
    /** When it begins. */
    readonly startSeconds: number;
    /** Bits a second, the measured peak. */
    readonly bandwidth: number;
  }[];
  /** Names of the files that are offered as one film, this one too. */
  readonly group: readonly string[];
  readonly leftOut: readonly { readonly what: string; readonly reason: string }[];
  /** Sentences: what was repaired, what some players cannot play. */
  readonly notes: readonly string[];
}

/** How this film's bytes left: `live.json`. */
export interface LiveJson {
  /** Body bytes by send mode. */
  readonly modes: Readonly<Record<string, number>>;
  /** Media bytes that the server copied in user space. */
  readonly copied: number;
}
