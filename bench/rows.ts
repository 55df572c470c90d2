// The rows of the table: what is asked for, over how many connections, from which peers, and the bound that the project set for
// it. Data alone: requests.ts has the bytes, table.ts runs the rows, targets.ts judges them.
//
// 1 GiB has one connection and not 64: no response would end within a round, and with a downloader that shares two cores with
// the server more readers show only the readers. Its rounds count bytes, so its requests/s stay empty.

import {
  type AskContext,
  type Asking,
  always,
  browserFields,
  getFile,
  getRange,
  missing,
  notModified,
  queries,
  randomRanges,
} from './requests.js';

/** A file that the peers serve. */
export interface SiteFile {
  readonly name: string;
  readonly bytes: number;
}

/** The files, smallest first. */
export const siteFiles: readonly SiteFile[] = [
  { name: '1KiB.bin', bytes: 1024 },
  { name: '4KiB.bin', bytes: 4096 },
  { name: '16KiB.bin', bytes: 16 * 1024 },
  { name: '64KiB.bin', bytes: 64 * 1024 },
  { name: '1MiB.bin', bytes: 1 << 20 },
  { name: '100MiB.bin', bytes: 100 << 20 },
  { name: '1GiB.bin', bytes: 1 << 30 },
];

/** The folder beside the files, whose index is asked for. */
export const folder = { name: 'folder', index: 'folder/index.html', indexBytes: 4096 } as const;

/** Rows of one setting share fresh servers on a site of their own: what one row leaves in memory is no other setting's. */
export const settings = {
  files: { manyFiles: 0, accessLog: false },
  '10k': { manyFiles: 10_000, accessLog: false },
  '100k': { manyFiles: 100_000, accessLog: false },
  log: { manyFiles: 0, accessLog: true },
} as const;

/** A limit for a row's CPU a request over that of another peer. */
export interface Bound {
  readonly peer: string;
  readonly atMost: number;
}

/** One row: every peer in it is measured in each round. */
export interface Row {
  /** Its name on the command line, without the connections. */
  readonly name: string;
  /** What is asked, in the words of the table. */
  readonly title: string;
  readonly connections: number;
  readonly setting: keyof typeof settings;
  /** The program that asks: wrk, our downloader for bodies that are large, our client for answers to HEAD. */
  readonly load: 'wrk' | 'download' | 'bodyless';
  /** The names of files it needs, beside the many; the folder is there for those that name its index. */
  readonly files: readonly string[];
  readonly asking: (context: AskContext) => Asking;
  /** The peers that are compared unless --peers says others. */
  readonly peers: readonly string[];
  readonly bound: Bound | undefined;
  /** Unmeasured seconds before the first round, at least: caches and compilers are warm when it counts. */
  readonly warmSeconds: number;
}

const own = ['clearway-uring', 'clearway-epoll', 'nginx'] as const;
const largest = 1 << 30;

function row(name: string, title: string, atMost: number | undefined, more: Partial<Row>): Row {
  const files = more.files ?? ['4KiB.bin'];
  return {
    name,
    title,
    connections: 64,
    setting: 'files',
    load: 'wrk',
    files,
    asking: () => always(getFile('4KiB.bin', 4096)),
    peers: [...own, 'bun-memory'],
    bound: atMost === undefined ? undefined : { peer: 'nginx', atMost },
    warmSeconds: 1,
    ...more,
  };
}

/** A whole file, always the same one. */
function hot(label: string, bound: Bound | undefined, peers: readonly string[], more: Partial<Row> = {}): Row {
  const name = `${label}.bin`;
  const { bytes } = siteFiles.find((file) => file.name === name)!;
  return row(label, label.replace(/(\d)([A-Z])/, '$1 $2'), undefined, {
    files: [name],
    asking: () => always(getFile(name, bytes)),
    peers: [...own, ...peers],
    bound,
    load: bytes >= 16 << 20 ? 'download' : 'wrk',
    connections: bytes === largest ? 1 : 64,
    ...more,
  });
}

const ofNginx = (atMost: number): Bound => ({ peer: 'nginx', atMost });
const many = (setting: '10k' | '100k', title: string, atMost: number, warmSeconds: number): Row =>
  row(`${setting}-files`, title, atMost, {
    setting,
    files: ['4KiB.bin'],
    asking: ({ manyFiles }) => ({ asks: manyFiles.map(({ path, bytes }) => getFile(path, bytes)), order: 'random' }),
    peers: [...own, 'bun-directory'],
    warmSeconds,
  });

/** All rows, in the order of the table. */
export const rows: readonly Row[] = [
  hot('1KiB', ofNginx(0.65), ['nginx-nopush-off', 'floor', 'bun-memory', 'node-http', 'express', 'sirv']),
  hot('4KiB', ofNginx(0.65), ['nginx-nopush-off', 'bun-memory']),
  hot('16KiB', ofNginx(0.8), ['nginx-nopush-off', 'bun-memory']),
  hot('64KiB', { peer: 'floor-64KiB-sendfile', atMost: 1.15 }, [
    'nginx-nopush-off',
    'floor-64KiB',
    'floor-64KiB-sendfile',
    'bun-memory',
  ]),
  hot('1MiB', ofNginx(0.95), ['nginx-nopush-off', 'bun-directory']),
  hot('1GiB', ofNginx(1), ['bun-directory']),
  row('browser', "4 KiB, a browser's head (12 fields)", 0.7, {
    asking: () => always(getFile('4KiB.bin', 4096, browserFields)),
  }),
  many('10k', '10,000 files of 1 to 8 KiB at random', 0.75, 2),
  many('100k', '100,000 files of 1 to 8 KiB at random', 1.2, 5),
  row('range', 'range of 1 KiB out of 1 MiB, anywhere', 0.9, {
    files: ['4KiB.bin', '1MiB.bin'],
    asking: () => randomRanges('1MiB.bin', 1 << 20, 1024, 5000),
    peers: [...own, 'bun-directory'],
  }),
  row('range-fixed', 'range of 1 KiB out of 1 MiB, always the same', 0.9, {
    files: ['4KiB.bin', '1MiB.bin'],
    asking: () => always(getRange('1MiB.bin', 1 << 20, 500_000, 1024)),
    peers: [...own, 'bun-directory'],
  }),
  row('304', '304 by If-None-Match, 4 KiB', 0.8, {
    asking: ({ etag }) => notModified('4KiB.bin', 'If-None-Match', etag),
    peers: [...own, 'floor-304', 'floor-epoll-304', 'bun-memory'],
  }),
  row('if-modified-since', '304 by If-Modified-Since, 4 KiB', 0.9, {
    asking: ({ lastModified }) => notModified('4KiB.bin', 'If-Modified-Since', lastModified),
    peers: [...own, 'bun-directory'],
  }),
  row('404', '404, 1,000 names at random', 0.9, { asking: () => missing(1000) }),
  row('head', 'HEAD, 4 KiB', 0.9, {
    load: 'bodyless',
    asking: () =>
      always({
        method: 'HEAD',
        target: '/4KiB.bin',
        fields: [],
        status: 200,
        body: 'none',
        head: /^content-length: 4096\r$/im,
      }),
  }),
  row('redirect', 'redirect of a directory', 0.9, {
    asking: () =>
      always({
        method: 'GET',
        target: `/${folder.name}`,
        fields: [],
        status: 301,
        body: 'any',
        head: /^location: \S*\/folder\/\r$/im,
      }),
    files: ['4KiB.bin', folder.index],
    peers: [...own, 'bun-directory'],
  }),
  row('index', "a folder's index.html, 4 KiB", 0.9, {
    asking: () => always({ ...getFile(folder.index, folder.indexBytes), target: `/${folder.name}/` }),
    files: ['4KiB.bin', folder.index],
    peers: [...own, 'bun-directory'],
  }),
  row('query', '4 KiB, a query that differs each time', 0.9, {
    asking: () => queries('4KiB.bin', 4096, 200_000),
  }),
  row('connection', '1 KiB, a connection for each request', 0.95, {
    files: ['1KiB.bin', '4KiB.bin'],
    asking: () => always(getFile('1KiB.bin', 1024, [['Connection', 'close']])),
    // Bun closes without saying so in its head, and wrk takes that for an error.
    peers: [...own, 'floor-epoll-close'],
  }),
  row('log', '1 KiB, access log to a file', 0.85, {
    setting: 'log',
    files: ['1KiB.bin', '4KiB.bin'],
    asking: () => always(getFile('1KiB.bin', 1024)),
    peers: own,
  }),
];

/** Rows that only other benchmarks or `--only` ask for. */
const further: readonly Row[] = [hot('100MiB', undefined, ['bun-directory'])];

/** `1KiB:64`, the name of a row in tables and JSON. */
export function rowName({ name, connections }: Row): string {
  return `${name}:${connections}`;
}

/** Reads `ROW[:CONNECTIONS][,...]`. @throws naming the known rows when one is unknown, or when a count is not 1 to 10000. */
export function parseRows(text: string): Row[] {
  return text.split(',').map((part) => {
    const [name = '', count] = part.trim().split(':');
    const known = [...rows, ...further];
    const found = known.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (!found) {
      throw new Error(`no row is called ${name}: there are ${known.map((candidate) => candidate.name).join(', ')}`);
    }
    const connections = count === undefined ? found.connections : Number(count);
    if (!Number.isInteger(connections) || connections < 1 || connections > 10_000) {
      throw new Error(`${part}: the number of connections is a whole number from 1 to 10000`);
    }
    return { ...found, connections };
  });
}
