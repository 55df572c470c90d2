// Counts the records of an access log against the requests that were answered: a server that loses records is not cheaper.

import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const newline = 10;
const chunkBytes = 1 << 20;
const patienceMs = 10_000;
const restMs = 500;

/** The lines of a file that are records: those that begin with `begin`, as a ready line does not. */
export function countRecords(path: string, begin = '127.0.0.1 - '): number {
  const wanted = new TextEncoder().encode(begin);
  const chunk = new Uint8Array(chunkBytes);
  const file = openSync(path, 'r');
  let records = 0;
  let column = 0;
  let matches = true;
  try {
    for (;;) {
      const length = readSync(file, chunk);
      if (length === 0) return records;
      for (let offset = 0; offset < length; offset++) {
        const byte = chunk[offset]!;
        if (byte === newline) {
          if (matches && column >= wanted.length) records++;
          column = 0;
          matches = true;
          continue;
        }
        if (column < wanted.length && byte !== wanted[column]) matches = false;
        column++;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Counts again until nothing more is written, at most ten seconds: a log may lag behind what it is about. */
export async function settledRecords(path: string): Promise<number> {
  const end = Date.now() + patienceMs;
  let records = countRecords(path);
  for (;;) {
    await sleep(restMs);
    const now = countRecords(path);
    if (now === records || Date.now() > end) return now;
    records = now;
  }
}
