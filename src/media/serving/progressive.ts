// The film itself: with its header in front where it lies at the end, and clips of it (`?start=&end=`). A film that cannot be rearranged is
// sent as it is. Not here: what is beneath a film (handler.ts), how it is rearranged (progressive/).

import type { BeneathHost, HandlerAnswer, Question } from '../../serve/beneath.js';
import type { Film, FilmReading } from '../film.js';
import { clip } from '../progressive/clip.js';
import { type ClipRange, parseClipRange } from '../progressive/clip-query.js';
import { fastStart, isMovieLast } from '../progressive/fast-start.js';
import type { VirtualFile } from '../progressive/virtual-file.js';
import { inTurns } from './in-turns.js';
import { KnownFiles } from './known-files.js';
import { notNow, refused } from './refusals.js';
import { virtualResource } from './resources.js';
import { nameOf, type Titles } from './titles.js';
import { type FilmShape, identityOfFile, tagOfPart, type Version, versionOf } from './versions.js';

/** Rearranged films that are kept: their generated parts, and the tables of the films, once for all clips of one. */
const mostBytes = 64 * 1024 * 1024;
const Part = { fastStart: 10, clip: 11 } as const;
/** A clip has no segments. */
const asItIs: FilmShape = { targetSeconds: 0, withStretches: false };

/** See the file's head. */
export class Progressive {
  readonly #host: BeneathHost;
  readonly #titles: Titles;
  readonly #files: KnownFiles<Rearranged>;

  constructor(host: BeneathHost, titles: Titles) {
    this.#host = host;
    this.#titles = titles;
    this.#files = new KnownFiles<Rearranged>(
      host.loop,
      mostBytes,
      ({ file, film }) => ({
        bytes: 1024 + (file?.heldBytes ?? 0),
        shared: film && { holder: film.tables, bytes: film.indexBytes },
      }),
      ({ film }) => film?.tables.release(),
    );
  }

  /** Lets go of the rearranged film that was asked for least recently. False: none is kept. */
  dropOldest(): boolean {
    return this.#files.dropOldest();
  }

  /** Forgets all that is kept. */
  clear(): void {
    this.#files.clear();
  }

  /** What is sent in the place of a film. */
  answer({ source, query, path }: Question): HandlerAnswer {
    const range = query === '' ? undefined : parseClipRange(query);
    const known = this.#titles.film(source);
    if ('until' in known) return { kind: 'wait', until: known.until };
    if ('refusal' in known) {
      // What cannot be rearranged is a file like others; what is only not read yet must not be two different ones in turn.
      return known.refusal.status === 503 ? notNow(known, source) : { kind: 'file' };
    }
    const film = known.value;
    if (range === undefined && !isMovieLast(film)) return { kind: 'file' };
    const file = identityOfFile(this.#host.site.table, source);
    const version = range === undefined ? file : versionOf([file, wordsOf(range)], asItIs);
    const identity = `${version.high}.${version.low}`;
    const virtual = this.#files.get({ identity, file: source.file }, () => rearrange(film, range));
    if ('until' in virtual) return { kind: 'wait', until: virtual.until };
    if ('refusal' in virtual) return refused(virtual.refusal, nameOf(source.sourcePath));
    const { file: rearranged } = virtual.value;
    if (rearranged === undefined) return { kind: 'file' };
    const etag = tagOfPart(version, range === undefined ? Part.fastStart : Part.clip, 0);
    return { kind: 'resource', resource: virtualResource({ path, source }, rearranged, etag, source.contentType) };
  }
}

function wordsOf({ start, end }: ClipRange): Version {
  return { high: Math.round(start * 1000) | 0, low: end === undefined ? -1 : Math.round(end * 1000) | 0 };
}

/** A film as it is sent, undefined: as it lies. What is written of its tables is written when it is sent: it is a user of them. */
interface Rearranged {
  readonly file: VirtualFile | undefined;
  readonly film: Film | undefined;
}

function rearrange(film: Film, range: ClipRange | undefined): FilmReading<Rearranged> {
  film.tables.retain();
  return rearranging(film, range);
}

function* rearranging(film: Film, range: ClipRange | undefined): FilmReading<Rearranged> {
  let file: VirtualFile | undefined;
  try {
    file = yield* range === undefined ? fastStart(film) : inTurns(clip(film, range.start, range.end));
    return { file, film: file && film };
  } finally {
    if (file === undefined) film.tables.release();
  }
}
