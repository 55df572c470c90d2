// The load of one row on one peer: its requests as bytes in a file, and the program that sends them.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Placing } from '../host/child.js';
import { type Asking, requestText } from '../requests.js';
import { type Row, rowName } from '../rows.js';
import type { RunningPeer } from '../servers/peer.js';
import { runBodyless } from './bodyless.js';
import { downloadResult, startDownload } from './download.js';
import type { LoadResult } from './load-result.js';
import { runWrk, writeRequests } from './wrk.js';

/** What a row's load needs beside the row. */
export interface LoadContext {
  readonly scratchDirectory: string;
  readonly placing: Placing;
}

/** Prepares the load of `row` on `peer`. @returns a function that runs it for some whole seconds */
export function rowLoad(
  row: Row,
  { asks, order }: Asking,
  { name, origin }: RunningPeer,
  { scratchDirectory, placing }: LoadContext,
): (seconds: number) => Promise<LoadResult> {
  const { connections } = row;
  const first = asks[0]!;
  const url = `${origin}${first.target}`;
  if (row.load === 'download') {
    return (seconds) =>
      downloadResult(startDownload({ urls: [url], connections, seconds, repeat: true }, placing), seconds + 15);
  }
  const file = join(scratchDirectory, `${`${name}-${rowName(row)}`.replaceAll(/\W+/g, '-')}.requests`);
  const { host } = new URL(origin);
  const { status } = first;
  if (row.load === 'bodyless') {
    writeFileSync(file, requestText(first, host), 'latin1');
    return (seconds) =>
      runBodyless({ origin, connections, seconds, status, requestFile: file, scratchDirectory, placing });
  }
  writeRequests(
    file,
    asks.map((ask) => requestText(ask, host)),
  );
  const wantsErrors = status >= 400;
  return (seconds) => runWrk({ url, connections, seconds, placing, requests: { file, order }, wantsErrors });
}
