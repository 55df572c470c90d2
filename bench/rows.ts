// The rows of the table: which file, over how many connections, loaded by which program.
//
// 1 GiB has 1 and 8 connections and not 64 or 512: no response would end within a round, and with a downloader that shares
// two cores with the server more readers show only the readers. Its rounds count bytes, so its requests/s stay empty.

/** A file that the peers serve. */
export interface SiteFile {
  readonly name: string;
  readonly bytes: number;
}

/** The files, smallest first. */
export const siteFiles: readonly SiteFile[] = [
  { name: '1KiB.bin', bytes: 1024 },
  { name: '64KiB.bin', bytes: 64 * 1024 },
  { name: '1MiB.bin', bytes: 1 << 20 },
  { name: '100MiB.bin', bytes: 100 << 20 },
  { name: '1GiB.bin', bytes: 1 << 30 },
];

/** One row: every peer is measured in it. */
export interface Row {
  readonly file: SiteFile;
  readonly connections: number;
}

/** Bodies of at least this size are loaded by our downloader, smaller ones by wrk. */
export const downloaderFromBytes = 16 << 20;

/** `1KiB:64`, the way rows are written on the command line and in JSON. */
export function rowName(row: Row): string {
  return `${row.file.name.replace('.bin', '')}:${row.connections}`;
}

/** Reads `FILE:CONNECTIONS[,...]`. @throws naming the known files when one is unknown, or when a count is not 1 to 10000. */
export function parseRows(text: string): Row[] {
  return text.split(',').map((part) => {
    const [label = '', count = ''] = part.trim().split(':');
    const file = siteFiles.find((candidate) => candidate.name === `${label}.bin`);
    if (!file) {
      const known = siteFiles.map((candidate) => candidate.name.replace('.bin', '')).join(', ');
      throw new Error(`no file is called ${label}: a row is FILE:CONNECTIONS, and the files are ${known}`);
    }
    const connections = Number(count);
    if (!Number.isInteger(connections) || connections < 1 || connections > 10_000) {
      throw new Error(`${part}: the number of connections is a whole number from 1 to 10000`);
    }
    return { file, connections };
  });
}

/** The rows of the full run. */
export const fullRows = parseRows(
  '1KiB:1,1KiB:64,1KiB:512,64KiB:1,64KiB:64,64KiB:512,1MiB:1,1MiB:64,1MiB:512,1GiB:1,1GiB:8',
);

/** The rows of `--quick`: one of each size, those that the targets name. */
export const quickRows = parseRows('1KiB:64,64KiB:64,1MiB:64,1GiB:1');
