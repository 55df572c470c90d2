// Answers for films: what is beneath `/film.mp4/`, the film with its header in front, clips of it. Every answer is a resource, a refusal in
// a sentence, or a wait; nothing here blocks. Not here: finding and sending (serve/), what titles are made of (titles.ts).

import { readFileSync } from 'node:fs';
import { CopyReason, copiedBytes, copyBytes } from '../../memory/copy.js';
import type { BeneathHandler, BeneathHost, HandlerAnswer, Question } from '../../serve/beneath.js';
import type { Resource } from '../../serve/resource.js';
import { FilmRefusal } from '../film.js';
import { isInDash, manifest } from '../playlists/manifest.js';
import { masterPlaylist } from '../playlists/master-playlist.js';
import { iFramePlaylist, mediaPlaylist, subtitlePlaylist, subtitleSpan } from '../playlists/media-playlist.js';
import { type MediaName, parseName } from '../playlists/names.js';
import { type Member, referenceOf } from '../playlists/offer.js';
import { iFrameHead, type Rendition, writeInit } from '../presentation/presentation.js';
import { filmNote, reportOf } from '../report.js';
import { webVttSegment, wholeWebVtt } from '../subtitles/write-webvtt.js';
import { type TablePool, tablePool } from '../table-pool.js';
import { KeptBytes } from './kept-bytes.js';
import { Progressive } from './progressive.js';
import { noSuch, notNow, refusal, refused, replaced, resource } from './refusals.js';
import { beginRehearsal } from './rehearsal/rehearsal.js';
import {
  bytesResource,
  fileResource,
  forEver,
  headed,
  keptResource,
  type PartOf,
  segmentResource,
  textResource,
} from './resources.js';
import { populateTables } from './table-pages.js';
import { nameOf, type Title, type TitleOptions, type TitleSubtitle, Titles } from './titles.js';
import { tagOfBytes, tagOfPart, versionText } from './versions.js';

const types = {
  hls: 'application/vnd.apple.mpegurl',
  dash: 'application/dash+xml',
  json: 'application/json; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  html: 'text/html; charset=utf-8',
} as const;

/** What the player's page may do: play what it is served with, from this server alone. */
const pagePolicy =
  "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob: data:; " +
  "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const pageFile = new URL('../page/player.html', import.meta.url);

/** Kinds of parts, for their tags. */
const Part = { segment: 1, iFrame: 2, source: 3 } as const;
const renditionStride = 2 ** 24;

/** How a film is answered for. */
export interface MediaOptions extends TitleOptions {
  /** Segments leave at the rate they are played at. */
  readonly isPaced: boolean;
}

/** See the file's head. */
export class MediaHandler implements BeneathHandler {
  readonly #titles: Titles;
  readonly #progressive: Progressive;
  readonly #isPaced: boolean;
  readonly #endRehearsal: () => void;
  /** Where tables lie; undefined where there are no addresses for it. */
  readonly #pool: TablePool | undefined;
  #page: { readonly bytes: KeptBytes; readonly etag: string } | undefined;

  constructor(host: BeneathHost, options: MediaOptions) {
    this.#titles = new Titles(host, options);
    this.#progressive = new Progressive(host, this.#titles);
    this.#isPaced = options.isPaced;
    const { loop, answers } = host;
    this.#pool = preparedPool(() => {
      // What is kept may be more than the pool: films, and those that only clips of them hold.
      const hasFilm = this.#titles.dropOldest();
      return this.#progressive.dropOldest() || hasFilm;
    });
    this.#endRehearsal = beginRehearsal({ loop, answers, isReading: () => this.#titles.isReading });
  }

  /** What takes the place of a film, or is beneath it. */
  answer(question: Question): HandlerAnswer {
    const { source, rest } = question;
    if (rest === undefined) return this.#progressive.answer(question);
    const name = rest === '' ? 'page' : parseName(rest);
    if (name === undefined) return { kind: 'file' };
    const found = this.#titles.of(source, source.sourcePath);
    if (!('title' in found)) return notNow(found, source);
    const { title } = found;
    const part: PartOf = { path: question.path, source, sent: title.sent };
    if (name === 'page') return { kind: 'resource', resource: this.#pageOf(part), members: [] };
    return this.#named(name, part, title);
  }

  /** How long a film is, and of what; a film that is not known is read, for those who ask again. */
  noteOf(path: string): string | undefined {
    const film = this.#titles.filmAt(path);
    return film && filmNote(film);
  }

  /** Films whose tables are kept. */
  get kept(): BeneathHandler['kept'] {
    return this.#titles.kept;
  }

  /** Lets go of the page. */
  close(): void {
    this.#endRehearsal();
    this.#page?.bytes.release();
    this.#page = undefined;
  }

  /** Gives back the memory of films' tables. */
  unmap(): void {
    this.#titles.unmap();
    this.#progressive.clear();
    this.#pool?.giveBack();
  }

  #pageOf(part: PartOf): Resource {
    if (this.#page === undefined) {
      // Once, when it is asked for first; the file belongs to the program.
      const html = readFileSync(pageFile);
      const bytes = new KeptBytes(html.length, (target) => {
        copyBytes(CopyReason.frameFill, target, 0, html, 0, html.length);
      });
      this.#page = { bytes, etag: tagOfBytes(html) };
    }
    const fields = `Content-Security-Policy: ${pagePolicy}\r\nReferrer-Policy: no-referrer\r\n`;
    return keptResource(part, this.#page.bytes, this.#page.etag, types.html, fields);
  }

  #named(name: MediaName, part: PartOf, title: Title): HandlerAnswer {
    switch (name.kind) {
      case 'live':
        return resource(textResource(part, liveText(title), types.json, 'no-store'));
      case 'master':
      case 'manifest':
      case 'report':
        return this.#overview(name.kind, part, title);
      case 'subtitlePlaylist':
      case 'subtitle':
      case 'subtitleSegment':
        return this.#subtitle(name, part, title);
      default:
        return ofVersion(name, part, title, this.#isPaced);
    }
  }

  /** What is made of all of a title: kept until anything in the folder changes. */
  #overview(kind: 'master' | 'manifest' | 'report', part: PartOf, title: Title): HandlerAnswer {
    const path = part.source.sourcePath;
    const read = this.#titles.subtitles(part.source, title);
    if (!('subtitles' in read)) return notNow(read, part.source);
    const offered = read.subtitles.filter(({ subtitle }) => subtitle !== undefined);
    const names = [
      ...title.members.filter(({ base }) => base !== '').map(({ name }) => name),
      ...read.subtitles.map(({ sideCar }) => sideCar.fileName),
    ];
    const members = this.#titles.others(path, names);
    const answer = (text: string, type: string): HandlerAnswer => {
      const lastModifiedSeconds = this.#titles.changedSeconds(part.source, members ?? []);
      const made = { ...textResource(part, text, type), lastModifiedSeconds };
      return { kind: 'resource', resource: made, ...(members && { members }) };
    };
    if (kind === 'report') return answer(reportText(title, read.subtitles), types.json);
    const subtitles = offered.map(({ sideCar, version }) => ({ ...sideCar, base: '', version: versionText(version) }));
    const all = title.members.map((member): Member => {
      const { presentation, base } = member;
      const ofOwn = presentation.renditions;
      return {
        presentation,
        base,
        version: versionText(member.version),
        iFrames: ({ id, track }) =>
          track.kind === 'video' ? ofOwn.find((rendition) => rendition.id === id)!.pictures : undefined,
      };
    });
    if (kind === 'master') return answer(masterPlaylist(all, subtitles), types.hls);
    if (isInDash(all)) return answer(manifest(all, subtitles), types.dash);
    return refusal(
      422,
      `${nameOf(path)} has ALAC alone, which is offered in HLS and not in DASH: play its master.m3u8`,
    );
  }

  #subtitle(name: Extract<MediaName, { readonly subtitle: string }>, part: PartOf, title: Title): HandlerAnswer {
    const read = this.#titles.subtitles(part.source, title);
    if (!('subtitles' in read)) return notNow(read, part.source);
    const found = read.subtitles.find(({ sideCar }) => sideCar.id === name.subtitle);
    if (found === undefined) return refusal(404, `${nameOf(part.source.sourcePath)} has no subtitles ${name.subtitle}`);
    const { subtitle, sideCar } = found;
    if (versionText(found.version) !== name.version) return replaced(sideCar.fileName);
    if (subtitle === undefined) return refused(found.refusal!, sideCar.fileName);
    const { presentation } = title.own;
    const targetDuration = targetOf(title);
    switch (name.kind) {
      case 'subtitlePlaylist':
        return resource(
          textResource(part, subtitlePlaylist(presentation, sideCar.id, targetDuration), types.hls, forEver),
        );
      case 'subtitle':
        return resource(textResource(part, wholeWebVtt(subtitle), types.vtt, forEver));
      case 'subtitleSegment': {
        const rendition = referenceOf(presentation);
        const segment = name.number - 1;
        if (segment >= rendition.segments.count) return noSuch(part.source, name.number);
        const { from, to } = subtitleSpan(presentation, segment);
        return resource(textResource(part, webVttSegment(subtitle, from, to), types.vtt, forEver));
      }
    }
  }
}

/**
 * Has the functions that read tables compiled: while a film is read that would hold others up. Where it cannot be done films are refused.
 * @param makeRoom lets go of tables that are kept for later
 */
function preparedPool(makeRoom: () => boolean): TablePool | undefined {
  try {
    populateTables();
    const pool = tablePool();
    pool.makeRoom = makeRoom;
    return pool;
  } catch (error) {
    if (!(error instanceof FilmRefusal)) throw error;
    return undefined;
  }
}

/** What has the version in its address: it never changes. */
function ofVersion(
  name: Exclude<
    MediaName,
    { readonly kind: 'master' | 'manifest' | 'report' | 'live' | 'subtitlePlaylist' | 'subtitle' | 'subtitleSegment' }
  >,
  part: PartOf,
  title: Title,
  isPaced: boolean,
): HandlerAnswer {
  const { presentation, version } = title.own;
  if (versionText(version) !== name.version) return replaced(nameOf(part.source.sourcePath));
  if (name.kind === 'source') {
    return resource(fileResource(part, tagOfPart(version, Part.source, 0), part.source.contentType));
  }
  const rendition = presentation.renditions.find(({ id }) => id === name.rendition);
  if (rendition === undefined)
    return refusal(404, `${nameOf(part.source.sourcePath)} has no rendition ${name.rendition}`);
  const targetDuration = targetOf(title);
  switch (name.kind) {
    case 'playlist':
      return resource(textResource(part, mediaPlaylist(presentation, rendition, targetDuration), types.hls, forEver));
    case 'iFramePlaylist': {
      const text = iFramePlaylist(presentation, rendition, rendition.pictures!, targetDuration);
      return resource(textResource(part, text, types.hls, forEver));
    }
    case 'init': {
      if (name.number > rendition.initCount) return noSuch(part.source, name.number);
      const type = rendition.track.kind === 'video' ? 'video/mp4' : 'audio/mp4';
      return {
        kind: 'resource',
        resource: bytesResource(part, writeInit(presentation, rendition, name.number - 1), type),
        members: [],
      };
    }
    case 'segment': {
      if (name.number > rendition.segments.count) return noSuch(part.source, name.number);
      const etag = tagOfPart(version, Part.segment, ordinalOf(presentation.renditions, rendition) + name.number);
      const segment = segmentResource(part, rendition, name.number - 1, etag, isPaced);
      return { kind: 'resource', resource: segment, members: [], isOneOfMany: true };
    }
    case 'iFrame':
      return iFrame(part, title, rendition, name.number);
  }
}

const ordinalOf = (renditions: readonly Rendition[], rendition: Rendition): number =>
  renditions.indexOf(rendition) * renditionStride;

/** A picture inside of a segment: a fragment of its own. */
function iFrame(part: PartOf, title: Title, rendition: Rendition, number: number): HandlerAnswer {
  const pictures = rendition.pictures!;
  const index = number - 1;
  // What begins a segment is a range of that, and has no address of its own.
  if (index >= pictures.count || pictures.segment(index) >= 0) return noSuch(part.source, number);
  const { presentation, version } = title.own;
  const headBytes = pictures.headBytes(index);
  const place = rendition.track.samples.offset(pictures.sample(index));
  return resource(
    headed(part, {
      ...{ etag: tagOfPart(version, Part.iFrame, ordinalOf(presentation.renditions, rendition) + number), headBytes },
      ...{ size: pictures.byteLength(index), contentType: 'video/mp4' },
      writeHead: (into) => void iFrameHead(rendition, pictures, index, into),
      extents: (from, to, add) => add(place + from, to - from),
    }),
  );
}

/** The longest target duration of a title: a group's playlists share it. */
function targetOf({ members }: Title): number {
  return Math.max(...members.map(({ presentation }) => presentation.targetDuration));
}

function reportText({ own, members }: Title, subtitles: readonly TitleSubtitle[]): string {
  const sideCars = subtitles.map(({ sideCar, subtitle, refusal: why }) => ({
    ...{ sideCar, cues: subtitle?.cues.length ?? 0, refusal: why?.message },
  }));
  const { film, presentation, name } = own;
  const report = reportOf({ name, film, presentation, group: members.map((member) => member.name), sideCars });
  return `${JSON.stringify(report)}\n`;
}

/** How the bytes of a film left: of all workers; those copied of this one. */
function liveText({ sent }: Title): string {
  const modes = { 'by reference': sent.referenced, generated: sent.generated };
  // The one way in which bytes of a film could pass through this process.
  const copied = copiedBytes[CopyReason.notSpliceable]!;
  return `${JSON.stringify({ modes, copied })}\n`;
}
