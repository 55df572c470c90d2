// Which files of a folder belong together by their names: `film_480p.mp4` and `film_1080p.mp4` are one film at two sizes, and
// `film.en.vtt`, `film.de.forced.srt` are its subtitles. Names alone: whether the files open, and fit together, is seen elsewhere.

import { encodePath } from '../../wire/http/path.js';
import { canonicalLanguage, unknownLanguage } from './language.js';

/** A subtitle beside a film. */
export interface SideCar {
  readonly fileName: string;
  readonly format: 'vtt' | 'srt';
  /** Unique among the subtitles of a film, `s-en`, `s-pt-br-forced`: the name of its playlist. */
  readonly id: string;
  /** BCP 47, `und` where the name has none. */
  readonly language: string;
  /** Shown although no subtitles were asked for: signs, foreign speech. */
  readonly forced: boolean;
  /** With noises and speakers, for those who do not hear them. */
  readonly hearingImpaired: boolean;
  /** Shown unless the viewer chooses otherwise. */
  readonly isDefault: boolean;
}

/** The most files that are taken together, and the most subtitles of a film. */
const maxMembers = 16;
const maxSideCars = 64;

const filmName = /^(.+)\.(mp4|m4v|mov)$/i;
const sized = /^(.+)_([1-9][0-9]{2,3})p$/;
const sideCarName = /^(.*)\.(vtt|srt)$/i;
const flags: Readonly<Record<string, 'forced' | 'hearingImpaired' | 'isDefault'>> = {
  forced: 'forced',
  sdh: 'hearingImpaired',
  cc: 'hearingImpaired',
  hi: 'hearingImpaired',
  default: 'isDefault',
};

/**
 * The names of the films that are one with this one, smallest first, itself among them: those that differ only in the `480p` of
 * `film_480p.mp4`. Of two files of one size (`.mp4` and `.mov`) the first in the alphabet is taken, but always the one asked for.
 * @param siblings the names of the folder in any order
 */
export function groupMembers(fileName: string, siblings: Iterable<string>): string[] {
  const own = sizeOf(fileName);
  if (own === undefined) return [fileName];
  const bySize = new Map<number, string>([[own.size, fileName]]);
  for (const name of siblings) {
    const other = sizeOf(name);
    if (other?.stem !== own.stem || other.size === own.size) continue;
    const known = bySize.get(other.size);
    if (known === undefined || name < known) bySize.set(other.size, name);
  }
  const sizes = [...bySize.keys()].sort((a, b) => a - b);
  // The one that was asked for stays, whatever the bound.
  const kept = sizes.filter((size, index) => index < maxMembers - 1 || size === own.size);
  return kept.map((size) => bySize.get(size)!);
}

function sizeOf(fileName: string): { stem: string; size: number } | undefined {
  const parts = sized.exec(filmName.exec(fileName)?.[1] ?? '');
  return parts === null ? undefined : { stem: parts[1]!, size: Number(parts[2]) };
}

/**
 * The subtitles of a film: `film.vtt`, `film.en.vtt`, `film.en.forced.srt`, and for `film_480p.mp4` those of `film_480p` and of
 * `film`. In the order of languages; where two say the same (`film.en.vtt`, `film.en.srt`) WebVTT is taken.
 */
export function sideCarsOf(fileName: string, siblings: Iterable<string>): SideCar[] {
  const stem = filmName.exec(fileName)?.[1] ?? fileName;
  const shared = sized.exec(stem)?.[1];
  const found = new Map<string, SideCar>();
  // A film's own before those of the whole group, WebVTT before SRT, then by name: whatever order the folder is read in.
  const ranked: [number, SideCar][] = [];
  for (const name of siblings) {
    const own = readSideCar(name, stem);
    const sideCar = own ?? (shared === undefined ? undefined : readSideCar(name, shared));
    if (sideCar !== undefined) ranked.push([(own === undefined ? 2 : 0) + (sideCar.format === 'vtt' ? 0 : 1), sideCar]);
  }
  ranked.sort(([rank, one], [otherRank, other]) => rank - otherRank || compare(one.fileName, other.fileName));
  for (const [, sideCar] of ranked) if (!found.has(sideCar.id)) found.set(sideCar.id, sideCar);
  return [...found.values()].sort((one, other) => compare(one.id, other.id)).slice(0, maxSideCars);
}

function readSideCar(name: string, stem: string): SideCar | undefined {
  const parts = name.length <= 255 * 3 ? sideCarName.exec(name) : null;
  if (parts === null || !name.startsWith(stem)) return undefined;
  const rest = parts[1]!.slice(stem.length);
  if (rest !== '' && !rest.startsWith('.')) return undefined;
  const said = { forced: false, hearingImpaired: false, isDefault: false };
  let language: string | undefined;
  for (const word of rest.split('.').slice(1)) {
    // `hi` is Hindi where no language stands before it.
    const flag = language === undefined && word.toLowerCase() === 'hi' ? undefined : flags[word.toLowerCase()];
    if (flag !== undefined) {
      said[flag] = true;
      continue;
    }
    if (language !== undefined) return undefined;
    language = canonicalLanguage(word);
    if (language === undefined) return undefined;
  }
  language ??= unknownLanguage;
  const suffix = `${said.forced ? '-forced' : ''}${said.hearingImpaired ? '-sdh' : ''}`;
  const format = parts[2]!.toLowerCase() as 'vtt' | 'srt';
  return { fileName: name, format, id: `s-${language.toLowerCase()}${suffix}`, language, ...said };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The folder of another film of the same directory, as a playlist beneath this film refers to it: `../film_480p.mp4/`. */
export function neighbourFolder(fileName: string): string {
  // A dollar would begin an identifier in a template of the MPD.
  return `../${encodePath(fileName).replaceAll('$', '%24')}/`;
}
