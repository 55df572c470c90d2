// Which audio renditions stand beside one another. A player chooses a group by codec and, in it, a member by language; groups offer the
// same choice (RFC 8216 section 4.3.4.1.1), so that a change of picture quality never takes the viewer's language away.

import { labelsFor } from './labels.js';
import { entriesInUse, type Member, type OfferedRendition } from './offer.js';

/** A rendition and the film that it comes from. */
export interface Source {
  readonly member: Member;
  readonly rendition: OfferedRendition;
}

/** One thing that can be heard: in each group it is there in that group's codec, or in another where there is no such track. */
export interface AudioChoice {
  readonly label: string;
  readonly language: string;
  readonly isDefault: boolean;
  /** The first of its language: a player may choose it without being asked. */
  readonly isFirstOfLanguage: boolean;
}

export interface AudioGroup {
  /** `aac`, `ac-3`. */
  readonly id: string;
  /** By number of the choice. */
  readonly sources: readonly (Source | undefined)[];
}

export interface AudioOffer {
  readonly choices: readonly AudioChoice[];
  /** The group that most players play comes first. */
  readonly groups: readonly AudioGroup[];
}

/** Codecs from what everything plays to what little does. */
const byReach = ['aac', 'mp3', 'opus', 'flac', 'ac-3', 'ec-3', 'alac'];

/** The family of a rendition's codec, in which a player that plays one plays all. */
export function codecFamily(rendition: OfferedRendition): string {
  const { codec, format } = entriesInUse(rendition)[0]!;
  if (codec === 'mp4a.40.34' || codec === 'mp4a.69' || codec === 'mp4a.6B') return 'mp3';
  if (codec.startsWith('mp4a.')) return 'aac';
  return format.toLowerCase().replace(/[^a-z0-9-]/g, '') || 'audio';
}

/**
 * The audio of a film or of a group of films. Tracks are the same choice when they are the same language's n-th of their codec;
 * of the films of a group the one with the most bits is taken.
 */
export function audioOf(members: readonly Member[], accepts: (rendition: OfferedRendition) => boolean): AudioOffer {
  const families = new Map<string, Map<string, Source>>();
  const keys = new Set<string>();
  for (const member of members) {
    const counts = new Map<string, number>();
    for (const rendition of member.presentation.renditions) {
      if (rendition.track.kind !== 'audio' || !accepts(rendition)) continue;
      const family = codecFamily(rendition);
      const { language } = rendition.track;
      const number = (counts.get(`${family} ${language}`) ?? 0) + 1;
      counts.set(`${family} ${language}`, number);
      const key = `${language} ${number}`;
      keys.add(key);
      const sources = families.get(family) ?? new Map<string, Source>();
      families.set(family, sources);
      const known = sources.get(key);
      if (known === undefined || known.rendition.bandwidth < rendition.bandwidth)
        sources.set(key, { member, rendition });
    }
  }
  const ids = [...families.keys()].sort((one, other) => reach(one) - reach(other));
  const groups = ids.map((id) => ({ id, sources: [...keys].map((key) => fill(id, key, ids, families)) }));
  return { choices: choicesOf(groups, keys.size), groups };
}

function reach(family: string): number {
  const place = byReach.indexOf(family);
  return place < 0 ? byReach.length : place;
}

/**
 * A group's own track, else that of a group before it: what plays AC-3 plays AAC too. Not the other way about: an AAC group with
 * one AC-3 member would name AC-3 among its codecs, and no browser would take it.
 */
function fill(
  id: string,
  key: string,
  ids: readonly string[],
  families: ReadonlyMap<string, ReadonlyMap<string, Source>>,
): Source | undefined {
  const own = families.get(id)!.get(key);
  if (own !== undefined) return own;
  const earlier = ids.slice(0, ids.indexOf(id)).find((other) => families.get(other)!.has(key));
  return earlier === undefined ? undefined : families.get(earlier)!.get(key);
}

function choicesOf(groups: readonly AudioGroup[], count: number): AudioChoice[] {
  const tracks = Array.from({ length: count }, (_, index) => {
    const offered = groups.flatMap(({ sources }) => sources[index]?.rendition.track ?? []);
    const [first] = offered;
    // The choice has one name in all groups; `Stereo` here and `Surround` there is none of it.
    const name = offered.every((track) => track.name === first!.name) ? first!.name : '';
    return { name, language: first!.language, enabled: first!.enabled, remark: '' };
  });
  const labels = labelsFor(tracks, 'Audio');
  const inAll = (index: number) => groups.every(({ sources }) => sources[index] !== undefined);
  const indices = tracks.map((_, index) => index);
  // What is on by default is there whatever group is chosen.
  const preferred =
    indices.find((index) => tracks[index]!.enabled && inAll(index)) ??
    indices.find((index) => tracks[index]!.enabled) ??
    0;
  return tracks.map(({ language }, index) => ({
    label: labels[index]!,
    language,
    isDefault: index === preferred,
    isFirstOfLanguage: tracks.findIndex((track) => track.language === language) === index || index === preferred,
  }));
}
