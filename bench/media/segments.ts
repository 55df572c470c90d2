// What a server offers of a film: the segments of its renditions, as its playlists say; and the same segments as plain files
// for the servers that cannot package.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One segment. */
export interface Segment {
  /** The path that is asked for. */
  readonly path: string;
  readonly seconds: number;
}

/** The segments of one rendition. */
export interface RenditionSegments {
  readonly kind: 'video' | 'audio';
  readonly segments: readonly Segment[];
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response.text();
}

/** Follows the master playlist of a film to its renditions. @throws when there is none. */
export async function renditionsOf(origin: string, film: string): Promise<RenditionSegments[]> {
  const master = `${origin}/${film}/master.m3u8`;
  const lines = (await text(master)).split('\n');
  const audio = lines.flatMap((line) =>
    line.startsWith('#EXT-X-MEDIA:TYPE=AUDIO') ? (/URI="([^"]+)"/.exec(line) ?? []).slice(1) : [],
  );
  const video = lines.filter((line, index) => lines[index - 1]?.startsWith('#EXT-X-STREAM-INF:') && line !== '');
  const read = async (kind: 'video' | 'audio', address: string): Promise<RenditionSegments> => {
    const url = new URL(address, master);
    const segments: Segment[] = [];
    let seconds = 0;
    for (const line of (await text(url.href)).split('\n')) {
      if (line.startsWith('#EXTINF:')) seconds = Number.parseFloat(line.slice(8));
      else if (line !== '' && !line.startsWith('#')) segments.push({ path: new URL(line, url).pathname, seconds });
    }
    return { kind, segments };
  };
  return Promise.all([
    ...video.map((address) => read('video', address)),
    ...audio.map((address) => read('audio', address)),
  ]);
}

/** Fetches every segment and writes it beneath `folder` at its own path. @returns the bytes of each, in order */
export async function writePlainSegments(
  origin: string,
  segments: readonly Segment[],
  folder: string,
): Promise<number[]> {
  const sizes: number[] = [];
  for (const { path } of segments) {
    const response = await fetch(`${origin}${path}`);
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    sizes.push(bytes.length);
  }
  return sizes;
}
