// Reads a film from a file as the command does, for tests: every read at once.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Film, maxReadBytes } from '../../src/media/film.js';
import { readFilm } from '../../src/media/read-film.js';

/** Reads the film at a path. @throws FilmRefusal */
export function readFilmFile(path: string): Film {
  const fd = openSync(path, 'r');
  try {
    const memory = new Uint8Array(maxReadBytes);
    const reader = readFilm(fstatSync(fd).size);
    let step = reader.next();
    while (step.done !== true) {
      const need = step.value;
      const count = need === undefined ? 0 : readSync(fd, memory, 0, need.length, need.offset);
      step = reader.next(need === undefined ? undefined : memory.subarray(0, count));
    }
    return step.value;
  } finally {
    closeSync(fd);
  }
}

/** Reads a film out of bytes, as a file of theirs would be, or of `size` bytes: they, and then zeros. @throws FilmRefusal */
export function readFilmBytes(bytes: Uint8Array, size = bytes.length): Film {
  return readFilmFrom(size, (offset, length) => {
    const known = bytes.subarray(offset, Math.max(offset, Math.min(bytes.length, offset + length)));
    const wanted = Math.min(length, size - offset);
    if (known.length >= wanted) return known;
    const padded = new Uint8Array(wanted);
    padded.set(known);
    return padded;
  });
}

/** Reads a film of `size` bytes that are made up as they are asked for. @throws FilmRefusal */
export function readFilmFrom(size: number, source: (offset: number, length: number) => Uint8Array): Film {
  const reader = readFilm(size);
  let step = reader.next();
  while (step.done !== true) {
    const need = step.value;
    step = reader.next(need === undefined ? undefined : source(need.offset, need.length));
  }
  return step.value;
}
