// Titles: a film with the films of its group and its side-cars, as they are in its folder now, and how they are cut together. Kept as long
// as nothing changes in the folder. Not here: tables (known-files.ts), names (playlists/groups.ts), answers (handler.ts).

import type { BeneathHost } from '../../serve/beneath.js';
import type { Moment } from '../../serve/generated.js';
import type { Representation } from '../../serve/representation.js';
import type { Film, FilmReading, FilmRefusal } from '../film.js';
import { groupMembers, neighbourFolder, type SideCar } from '../playlists/groups.js';
import { groupCutSteps, type Presentation, presentationSteps, type Rendition } from '../presentation/presentation.js';
import { readFilm } from '../read-film.js';
import type { Subtitle } from '../subtitles/subtitle.js';
import { unmapSpareMemory } from './file-reading.js';
import { FolderNames } from './folder-names.js';
import { inTurns } from './in-turns.js';
import { type KnownBy, KnownFiles, type NotNow } from './known-files.js';
import { readSideCar } from './read-whole.js';
import { SentBytes } from './sent-bytes.js';
import { type FilmShape, identityOfFile, type Version, versionOf } from './versions.js';

/** A film of a title. */
export interface TitleMember {
  readonly name: string;
  /** From the film that was asked for. */
  readonly base: string;
  readonly film: Film;
  readonly presentation: Presentation;
  readonly version: Version;
}

/** A film, and what belongs to it. */
export interface Title {
  readonly own: TitleMember;
  /** The group, itself among it. */
  readonly members: readonly TitleMember[];
  readonly sent: SentBytes;
}

/** How titles are made. */
export interface TitleOptions extends FilmShape {
  /** Where workers count what leaves, all of a server together: see {@link SentBytes}. */
  readonly counts: Int32Array;
}

/** A side-car as it was read. */
export interface TitleSubtitle {
  readonly sideCar: SideCar;
  readonly version: Version;
  readonly subtitle: Subtitle | undefined;
  readonly refusal: FilmRefusal | undefined;
}

interface Kept {
  readonly moment: Moment;
  readonly title: Title;
}

/** Tables of films that one thread keeps, and subtitles. */
const mostFilmBytes = 128 * 1024 * 1024;
const mostSubtitleBytes = 16 * 1024 * 1024;
const mostCutBytes = 16 * 1024 * 1024;
const mostTitles = 1024;
/** Tables of the films of a group: all have to be kept at the same time. */
const mostGroupBytes = mostFilmBytes / 2;
/** The name of a film at one size of several: only then the folder is looked through for the others. */
const sizedName = /_\d{3,4}p\.[^.]+$/;

/** See the file's head. */
export class Titles {
  readonly #host: BeneathHost;
  readonly #options: TitleOptions;
  readonly #folders: FolderNames;
  readonly #films: KnownFiles<Film>;
  readonly #subtitles: KnownFiles<Subtitle>;
  /** How the films of a title are cut together. */
  readonly #cuts: KnownFiles<Cut>;
  /** By path and identity; least recently made first. */
  readonly #kept = new Map<string, Kept>();

  /** @param options how segments are made, and where what leaves is counted. */
  constructor(host: BeneathHost, options: TitleOptions) {
    this.#host = host;
    this.#options = options;
    this.#folders = new FolderNames(host);
    const { loop } = host;
    this.#films = new KnownFiles<Film>(
      loop,
      mostFilmBytes,
      ({ indexBytes }) => ({ bytes: indexBytes + 16_384 }),
      // Titles and cuts refer to the tables of their films.
      ({ tables }) => {
        this.#kept.clear();
        this.#cuts.clear();
        tables.release();
      },
    );
    this.#cuts = new KnownFiles<Cut>(
      loop,
      mostCutBytes,
      ({ presentations }) => ({
        bytes: presentations.reduce((sum, { renditions }) => sum + cutBytesOf(renditions), 0),
      }),
      // It may be of a film that was let go of and read again: then only the cut keeps the tables that a title refers to.
      ({ films }) => {
        this.#kept.clear();
        releaseTables(films);
      },
    );
    this.#subtitles = new KnownFiles<Subtitle>(loop, mostSubtitleBytes, ({ cues }) => ({
      bytes: 1024 + cues.reduce((sum, { text }) => sum + 128 + 2 * text.length, 0),
    }));
  }

  /** What is known of a file. */
  #by(source: Representation, suffix = ''): KnownBy {
    const { high, low } = identityOfFile(this.#host.site.table, source);
    return { identity: `${high}.${low}.${source.size}${suffix}`, file: source.file };
  }

  /** The film of a file; what is cut of it is the title's. */
  film(source: Representation): { readonly value: Film } | NotNow {
    return this.#films.get(this.#by(source), () => readFilm(source.size));
  }

  /** Films that are known, and bytes of all that is kept of them and of subtitles. */
  get kept(): { readonly files: number; readonly bytes: number } {
    const { files, bytes } = this.#films.kept;
    return { files, bytes: bytes + this.#cuts.kept.bytes + this.#subtitles.kept.bytes };
  }

  /** Lets go of the film that was asked for least recently. False: none is kept. */
  dropOldest(): boolean {
    return this.#films.dropOldest();
  }

  /** Gives back the memory of tables and that of readers; only when nothing is read or sent any more. */
  unmap(): void {
    this.#films.clear();
    unmapSpareMemory();
  }

  /** Whether films are being read or cut, or subtitles read. */
  get isReading(): boolean {
    return this.#films.isReading || this.#cuts.isReading || this.#subtitles.isReading;
  }

  /** The film at a path, if it is one and known. */
  filmAt(path: string): Film | undefined {
    const source = this.#find(path);
    const known = source && this.#films.idly(this.#by(source), () => readFilm(source.size));
    return known !== undefined && 'value' in known ? known.value : undefined;
  }

  /** The title of a film. @param path of the film beneath the root. */
  of(source: Representation, path: string): { readonly title: Title } | NotNow {
    const { site } = this.#host;
    const own = this.film(source);
    if (!('value' in own)) return own;
    const key = `${this.#by(source).identity}/${path}`;
    const moment = site.generated.momentOf(source);
    const kept = this.#kept.get(key);
    const isGrouped = sizedName.test(path);
    if (kept !== undefined && (!isGrouped || site.generated.isUnchanged(kept.moment))) return kept;
    const found = isGrouped ? this.#group(source, own.value, path) : [{ name: nameOf(path), film: own.value, source }];
    if (!Array.isArray(found)) return found;
    const title = this.#make(found, path);
    if ('until' in title || 'refusal' in title) return title;
    this.#kept.delete(key);
    if (this.#kept.size >= mostTitles) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, { moment, title });
    return { title };
  }

  /** The films that are one with this one, itself among them; a film of the group that cannot be offered is no part of it. */
  #group(source: Representation, film: Film, path: string): Found[] | NotNow {
    const name = nameOf(path);
    const found: Found[] = [];
    const { names } = this.#folders.of(path, this.#host.site.generated.momentOf(source));
    let bytes = film.indexBytes;
    for (const member of groupMembers(name, names)) {
      if (member === name) {
        found.push({ name, film, source });
        continue;
      }
      const other = this.#find(besides(path, member));
      if (other === undefined) continue;
      const known = this.film(other);
      if ('until' in known) return known;
      if (!('value' in known)) continue;
      bytes += known.value.indexBytes;
      if (bytes <= mostGroupBytes) found.push({ name: member, film: known.value, source: other });
    }
    return found;
  }

  #make(found: readonly Found[], path: string): Title | NotNow {
    const { table } = this.#host.site;
    const name = nameOf(path);
    const identity = found.map((each) => this.#by(each.source).identity).join('+');
    const films = found.map(({ film }) => film);
    const cut = this.#cuts.get({ identity, file: found[0]!.source.file }, () => cutTogether(films, this.#options));
    // A film of the group cannot be cut, or there are too few cuts in common: each stands alone.
    const isRefused = 'refusal' in cut && cut.refusal.status === 422 && found.length > 1;
    if (!('value' in cut) && !isRefused) return cut;
    const presentations = 'value' in cut ? cut.value.presentations : [];
    if (presentations.length < found.length) {
      const alone = found.filter((each) => each.name === name);
      return this.#make(alone, path);
    }
    const identities = found.map((each) => identityOfFile(table, each.source));
    const members = found.map((each, index): TitleMember => {
      const base = each.name === name ? '' : neighbourFolder(each.name);
      const version = versionOf([identities[index]!, ...identities], this.#options);
      return { name: each.name, base, film: each.film, presentation: presentations[index]!, version };
    });
    const own = members.find((member) => member.name === name)!;
    return { own, members, sent: SentBytes.of(this.#options.counts, own.version) };
  }

  /** The side-cars of a film as they are now. */
  subtitles(film: Representation, { own }: Title): { readonly subtitles: readonly TitleSubtitle[] } | NotNow {
    const subtitles: TitleSubtitle[] = [];
    const path = film.sourcePath;
    const folder = this.#folders.of(path, this.#host.site.generated.momentOf(film));
    for (const sideCar of folder.sideCarsOf(nameOf(path))) {
      const source = this.#find(besides(path, sideCar.fileName));
      if (source === undefined) continue;
      const { format } = sideCar;
      const known = this.#subtitles.get(this.#by(source, `.${format}`), () => readSideCar(source.size, format));
      if ('until' in known) return known;
      const version = versionOf([own.version, identityOfFile(this.#host.site.table, source)], this.#options);
      const subtitle = 'value' in known ? known.value.delayedBy(own.presentation.movedSeconds * 1000) : undefined;
      subtitles.push({ sideCar, version, subtitle, refusal: 'refusal' in known ? known.refusal : undefined });
    }
    return { subtitles };
  }

  /** The files of a title beside the film itself, as they are now; undefined where one of them is not there any more. */
  others(path: string, names: readonly string[]): Representation[] | undefined {
    const found = names.map((name) => this.#find(besides(path, name)));
    return found.every((each) => each !== undefined) ? found : undefined;
  }

  /** When what is made of all of a title may have changed last: a file of it, or which there are. */
  changedSeconds(film: Representation, others: readonly Representation[]): number {
    const folder = this.#folders.of(film.sourcePath, this.#host.site.generated.momentOf(film));
    const files = [film, ...others].map(({ lastModifiedSeconds }) => lastModifiedSeconds);
    return Math.max(...files, Math.min(folder.changedSeconds, Math.floor(Date.now() / 1000)));
  }

  #find(path: string): Representation | undefined {
    const found = this.#host.site.find({ path, trailingSlash: false, dotfile: false });
    return found.kind === 'file' ? found.representation : undefined;
  }
}

/** How films are cut together. It is a user of their tables. */
interface Cut {
  readonly films: readonly Film[];
  /** One a film; none where they have too few cuts in common. */
  readonly presentations: readonly Presentation[];
}

/** Cuts films so that all can change between them at each cut; several that have too few cuts in common give nothing. */
function cutTogether(films: readonly Film[], shape: FilmShape): FilmReading<Cut> {
  for (const { tables } of films) tables.retain();
  return cutting(films, shape);
}

function* cutting(films: readonly Film[], shape: FilmShape): FilmReading<Cut> {
  let cut: Cut | undefined;
  try {
    cut = yield* presentationsOf(films, shape);
    return cut;
  } finally {
    if (cut === undefined) releaseTables(films);
  }
}

function* presentationsOf(films: readonly Film[], { targetSeconds, withStretches }: FilmShape): FilmReading<Cut> {
  const cutPoints = films.length > 1 ? yield* inTurns(groupCutSteps(films, targetSeconds)) : undefined;
  const presentations: Presentation[] = [];
  if (films.length > 1 && cutPoints === undefined) return { films, presentations };
  const options = { targetSeconds, withStretches, cutPoints };
  for (const film of films) presentations.push(yield* inTurns(presentationSteps(film, options)));
  return { films, presentations };
}

function releaseTables(films: readonly Film[]): void {
  for (const { tables } of films) tables.release();
}

/** What a cut takes, roughly: some numbers a segment and a picture. */
function cutBytesOf(renditions: readonly Rendition[]): number {
  return renditions.reduce((sum, { segments }) => sum + 4096 + segments.count * 64, 0);
}

interface Found {
  readonly name: string;
  readonly film: Film;
  readonly source: Representation;
}

/** The last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function besides(path: string, name: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + name;
}
