// `clearway media FILE`: what a film offers when serve has its folder, what is left out and why. Reads the film's tables and its
// side-cars, and nothing else. Not here: what the report says (media/report.ts), reading of boxes (media/read-film.ts).

import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Film, FilmRefusal, maxReadBytes } from '../media/film.js';
import { groupMembers, type SideCar, sideCarsOf } from '../media/playlists/groups.js';
import { cleanLine } from '../media/playlists/text.js';
import { type Presentation, presentationOf } from '../media/presentation/presentation.js';
import { readFilm } from '../media/read-film.js';
import { filmText, type ReadSideCar, reportOf } from '../media/report.js';
import { maxSubtitleBytes, readSubtitle, SubtitleRefusal } from '../media/subtitles/read-subtitle.js';
import { fileTrouble } from '../text/file-trouble.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';

const help = `Usage: clearway media [--json] FILE

Shows what clearway serve --media offers of a film (MP4, MOV) as HLS and DASH: renditions, codecs, duration, segments, rates,
subtitles, addresses; what is left out and why; what some players cannot play. Reads the film's tables, not its media.

  --json      the same as JSON, as served at film.mp4/film.json
  -h, --help  print this help

Exit status: 0; 1 for a film that cannot be offered; 2 for wrong use.
`;

/** Runs the command. @returns the exit status. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseFlags('media', args, options, 1, 'one film at a time');
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const [path] = positionals;
  if (path === undefined) throw new UsageError('a film is missing: clearway media FILE');
  const folder = dirname(path);
  const name = basename(path);
  let film: Film;
  let presentation: Presentation;
  try {
    film = readFilmAt(path);
    presentation = presentationOf(film);
  } catch (error) {
    if (!(error instanceof FilmRefusal)) throw error;
    const { message: refusal, status } = error;
    if (values.json === true) process.stdout.write(`${JSON.stringify({ name, refusal, status }, null, 2)}\n`);
    else process.stderr.write(`${cleanLine(`clearway media: ${name} ${refusal}`)}\n`);
    return 1;
  }
  const siblings = namesIn(folder);
  const report = reportOf({
    name,
    film,
    presentation,
    group: groupMembers(name, siblings),
    sideCars: sideCarsOf(name, siblings).map((sideCar) => readSideCar(folder, sideCar)),
  });
  const text =
    values.json === true ? `${JSON.stringify(report, null, 2)}\n` : dressed(filmText(report), process.stdout);
  process.stdout.write(text);
  return 0;
}

/** @throws UsageError for what is no file that can be read, FilmRefusal for what is no film that can be offered. */
function readFilmAt(path: string): Film {
  let descriptor: number;
  try {
    // A named pipe would keep us waiting for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileTrouble(error)}`);
  }
  try {
    const facts = fstatSync(descriptor);
    if (facts.isDirectory()) throw new UsageError(`${path} is a directory: name one film in it`);
    if (!facts.isFile()) throw new UsageError(`cannot read ${path}: it is not a regular file`);
    return readFrom(descriptor, facts.size);
  } finally {
    closeSync(descriptor);
  }
}

function readFrom(descriptor: number, size: number): Film {
  const reader = readFilm(size);
  const memory = Buffer.allocUnsafe(maxReadBytes);
  let step = reader.next(undefined);
  while (step.done !== true) {
    const need = step.value;
    // Nobody else waits here: a turn for others is passed on at once.
    const count = need === undefined ? 0 : readSync(descriptor, memory, 0, need.length, need.offset);
    step = reader.next(need === undefined ? undefined : memory.subarray(0, count));
  }
  return step.value;
}

/** The names in the film's folder; none where it may not be listed. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readSideCar(folder: string, sideCar: SideCar): ReadSideCar {
  try {
    const bytes = readBounded(join(folder, sideCar.fileName));
    return { sideCar, cues: readSubtitle(bytes, sideCar.format).cues.length, refusal: undefined };
  } catch (error) {
    const refusal = error instanceof SubtitleRefusal ? error.message : `cannot be read: ${fileTrouble(error)}`;
    return { sideCar, cues: 0, refusal };
  }
}

function readBounded(path: string): Uint8Array {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw new SubtitleRefusal('is not a regular file');
    const { size } = facts;
    // What is longer is refused by its length; it is not read for that.
    if (size > maxSubtitleBytes)
      throw new SubtitleRefusal(`has ${size} bytes; a subtitle may have ${maxSubtitleBytes}`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
