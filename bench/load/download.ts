// A program: reads one URL over N connections for S seconds and throws the bytes away; prints one line of JSON.
// It is for large bodies, where wrk's reads of 8 KiB would be the thing measured. Started by runDownload below.
// Usage: node download.js URL CONNECTIONS SECONDS

import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ended, startPinned } from '../host/child.js';
import type { LoadResult } from './load-result.js';
import { ResponseReader } from './response-reader.js';

const readBytes = 256 * 1024;

function download(url: URL, connections: number, seconds: number): void {
  const request = `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
  const shared = new Uint8Array(readBytes); // every connection reads into it: nobody looks at the bytes
  const readers: ResponseReader[] = [];
  const sockets: Socket[] = [];
  const troubles = new Set<string>();
  const startNs = process.hrtime.bigint();
  let finished = false;
  let bytes = 0;
  for (let index = 0; index < connections; index++) {
    const reader = new ResponseReader();
    const take = (length: number): boolean => {
      const completedBefore = reader.completed;
      bytes += length;
      try {
        reader.feed(shared.subarray(0, length));
      } catch (error) {
        troubles.add((error as Error).message);
        socket.destroy();
        return true;
      }
      if (reader.status !== 200 && reader.status !== 0) troubles.add(`status ${reader.status}`);
      if (reader.completed > completedBefore) socket.write(request);
      return true;
    };
    const onread = { buffer: shared, callback: take };
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread });
    socket.on('connect', () => socket.write(request));
    socket.on('error', (error) => troubles.add(error.message));
    socket.on('close', () => {
      if (!finished) troubles.add('a connection closed early');
    });
    readers.push(reader);
    sockets.push(socket);
  }
  setTimeout(() => {
    finished = true;
    const durationSeconds = Number(process.hrtime.bigint() - startNs) / 1e9;
    const requests = readers.reduce((sum, reader) => sum + reader.completed, 0);
    if (bytes === 0) troubles.add('nothing arrived');
    const trouble = troubles.size === 0 ? undefined : [...troubles].join(', ');
    console.log(JSON.stringify({ durationSeconds, requests, bytes, trouble }));
    for (const socket of sockets) socket.destroy();
  }, seconds * 1000);
}

/** Runs this file as a program of its own, on the processors `cpus`. @throws when it fails or hangs. */
export async function runDownload(
  url: string,
  connections: number,
  seconds: number,
  cpus: string | undefined,
  started?: (pid: number) => void,
): Promise<LoadResult> {
  const program = fileURLToPath(import.meta.url);
  const child = startPinned(cpus, process.execPath, [program, url, String(connections), String(seconds)]);
  if (child.pid !== undefined) started?.(child.pid);
  const end = await ended(child, (seconds + 15) * 1000);
  if (end.status !== 0) throw new Error(`the downloader ended with ${end.status}: ${end.stderr}`);
  const result = JSON.parse(end.stdout) as LoadResult;
  return { ...result, p50Us: undefined, p99Us: undefined };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , url = '', connections = '1', seconds = '1'] = process.argv;
  download(new URL(url), Number(connections), Number(seconds));
}
