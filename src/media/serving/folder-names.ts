// What is in the folders of films: the names that can belong to one, kept as long as nothing changes there, so that a folder with thousands of
// files is read once and not for each part of a film. Not here: which names belong together (playlists/groups.ts), finding files (titles.ts).

import { directoryNames } from '../../kernel/directory.js';
import { emptyFileStatus, fileStatus } from '../../kernel/file.js';
import { closeDescriptor } from '../../kernel/socket.js';
import type { BeneathHost } from '../../serve/beneath.js';
import type { Moment } from '../../serve/generated.js';
import { type SideCar, sideCarsOf } from '../playlists/groups.js';

const mostNames = 10_000;
const mostFolders = 8;
const mostFilms = 1024;
/** How long a folder is believed whose changes nobody tells of. */
const believeMs = 1000;
const nameOfInterest = /\.(?:mp4|m4v|mov|vtt|srt)$/i;

/** A folder as it was. */
export interface FilmFolder {
  readonly names: readonly string[];
  /** When a name came or went last, in whole seconds since 1970. */
  readonly changedSeconds: number;
  /** The subtitles of a film in it. */
  sideCarsOf(fileName: string): readonly SideCar[];
}

interface Kept {
  readonly folder: FilmFolder;
  readonly moment: Moment;
  readonly readMs: number;
}

/** See the file's head. */
export class FolderNames {
  readonly #host: BeneathHost;
  readonly #status = emptyFileStatus();
  /** By path; first read first. */
  readonly #kept = new Map<string, Kept>();

  constructor(host: BeneathHost) {
    this.#host = host;
  }

  /** The folder of a film; empty where it cannot be read. @param moment of the folder, before anything in it was looked at. */
  of(filmPath: string, moment: Moment): FilmFolder {
    const { site, loop } = this.#host;
    const path = filmPath.slice(0, Math.max(0, filmPath.lastIndexOf('/')));
    const kept = this.#kept.get(path);
    if (kept !== undefined) {
      const isTold = kept.moment.directory >= 0 && kept.moment.directory === moment.directory;
      if (isTold ? site.generated.isUnchanged(kept.moment) : loop.nowMs - kept.readMs < believeMs) return kept.folder;
      this.#kept.delete(path);
    }
    const folder = this.#read(path);
    if (this.#kept.size >= mostFolders) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(path, { folder, moment, readMs: loop.nowMs });
    return folder;
  }

  #read(path: string): FilmFolder {
    const { site } = this.#host;
    const fd = site.openPath(path);
    if (fd < 0) return folderOf([], 0);
    const seconds = fileStatus(fd, this.#status) === 0 ? this.#status.mtimeSeconds : 0;
    const names = directoryNames(fd, mostNames);
    closeDescriptor(fd);
    if (typeof names === 'number') return folderOf([], seconds);
    return folderOf(
      names.filter((name) => nameOfInterest.test(name) && site.lists(name)),
      seconds,
    );
  }
}

function folderOf(names: readonly string[], changedSeconds: number): FilmFolder {
  const known = new Map<string, readonly SideCar[]>();
  return {
    ...{ names, changedSeconds },
    sideCarsOf: (fileName) => {
      let sideCars = known.get(fileName);
      if (sideCars !== undefined) return sideCars;
      sideCars = sideCarsOf(fileName, names);
      if (known.size >= mostFilms) known.clear();
      known.set(fileName, sideCars);
      return sideCars;
    },
  };
}
