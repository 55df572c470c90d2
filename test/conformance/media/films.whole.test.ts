// Films as a server offers them, on both engines: playlists lead to segments whose bytes are the film's, each resource is sent as files are,
// and a film that is replaced, cut off, encrypted or gone is told in one sentence. Not here: what playlists and segments say
// (src/media), decoded pictures and sound (test/media, beside their sources).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { after, before, test } from 'node:test';
import { workerEntry } from '../../../src/media/serving/entry.js';
import { resolveOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { box, bytes, fullBox, joined, movie, tableBoxes, trak } from '../../support/box-film.js';
import { amongSound, type FilmName, film, filmSkip, makeFilm } from '../../support/films.js';
import { readMp4 } from '../../support/mp4-oracle.js';
import { until } from '../../support/until.js';
import { forEachEngine, startServer, TestSite } from '../serve/servers.js';

const names = ['plain.mp4', 'fragmented-alone.mp4', 'languages.mp4', 'late-audio.mp4', 'audio-alone.m4a'] as const;
const cues = 'WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n\n00:03.500 --> 00:05.000\nacross a cut\n';

/** The video of a film as a player receives it: init segment and all segments. */
async function renditionOf(origin: string, film: string) {
  const bytesOf = async (url: URL): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer());
  const master = (await bytesOf(new URL(`${origin}${film}/master.m3u8`))).toString();
  const address = addressesIn(master)[0]!;
  const playlist = new URL(address, `${origin}${film}/`);
  const text = (await bytesOf(playlist)).toString();
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)![1]!;
  const segments = addressesIn(text).map((each) => new URL(each, playlist));
  const parts = [await bytesOf(new URL(init, playlist))];
  for (const segment of segments) parts.push(await bytesOf(segment));
  const whole = Buffer.concat(parts);
  return { version: address.slice(0, 8), whole, samples: readMp4(whole).tracks[0]!.samples, segment: segments.at(-1)! };
}

/** What `live.json` says. */
type Live = { readonly modes: Record<string, number>; readonly copied: number };

/** The lines of a playlist that are addresses. */
const addressesIn = (playlist: string): string[] =>
  playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

forEachEngine(
  'films',
  (engine) => {
    const site = new TestSite({
      'a.txt': 'text',
      'not-a-film.mp4': 'this is text',
      'plain.en.vtt': cues,
      'plain.de.forced.srt': '',
    });
    let server: Server;
    let origin: string;

    const get = async (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${origin}${path}`, init);
    const textOf = async (path: string): Promise<string> => {
      const response = await get(path);
      assert.equal(response.status, 200, `${path}: ${response.status}`);
      return response.text();
    };
    const place = (name: FilmName, as: string = name): void => copyFileSync(film(name), site.at(as));
    /** The playlists of a film, from its master. */
    const playlistsOf = async (name: string): Promise<string[]> => {
      const master = await textOf(`/${name}/master.m3u8`);
      const media = [...master.matchAll(/URI="([^"]+\.m3u8)"/g)].map((match) => match[1]!);
      return [...new Set([...addressesIn(master), ...media])].map((address) => `/${name}/${address}`);
    };
    /** A film that is longer than what sockets hold: nothing is behind its header. */
    const placeLong = (as: string): Buffer => {
      const made = readFileSync(film('plain.mp4'));
      const free = Buffer.alloc(24 * 1024 * 1024);
      free.writeUInt32BE(free.length);
      free.write('free', 4, 'latin1');
      const bytes = Buffer.concat([made, free]);
      writeFileSync(site.at(as), bytes);
      return bytes;
    };
    /** The film itself, under its version. */
    const sourceOf = (playlist: string): string => `${playlist.split('/').slice(0, 3).join('/')}/source.mp4`;
    const segmentsOf = async (playlist: string): Promise<string[]> =>
      addressesIn(await textOf(playlist)).map((address) => new URL(address, `${origin}${playlist}`).pathname);

    before(async () => {
      if (filmSkip !== false) return;
      for (const name of names) place(name);
      place('plain.mp4', 'group_120p.mp4');
      place('plain.mp4', 'group_240p.mp4');
      const options = { root: site.root, engine, media: true, listing: true, workers: 1, port: 0 };
      server = await startServer(options, 1, workerEntry(options));
      origin = server.urls[0]!.replace(/\/$/, '');
    });
    after(async () => {
      await server?.close(0);
      site.remove();
    });

    for (const name of names) {
      test(`${name}: every address in its playlists leads to bytes, whose length is known before`, {
        skip: filmSkip,
      }, async () => {
        for (const playlist of await playlistsOf(name)) {
          const text = await textOf(playlist);
          const maps = [...text.matchAll(/#EXT-X-MAP:URI="([^"]+)"/g)].map((match) => match[1]!);
          for (const address of new Set([...maps, ...addressesIn(text)])) {
            const path = new URL(address, `${origin}${playlist}`).pathname;
            const [whole, head] = [await get(path), await get(path, { method: 'HEAD' })];
            assert.equal(whole.status, 200, path);
            const bytes = (await whole.arrayBuffer()).byteLength;
            assert.equal(Number(head.headers.get('content-length')), bytes, path);
            assert.equal(head.headers.get('etag'), whole.headers.get('etag'));
            assert.equal(whole.headers.get('cache-control'), 'public, max-age=31536000, immutable', path);
            assert.equal(whole.headers.get('access-control-allow-origin'), '*');
          }
        }
      });
    }

    test('a segment is sent in ranges, whole or not at all, as a file is', { skip: filmSkip }, async () => {
      const [playlist] = await playlistsOf('plain.mp4');
      const [path] = await segmentsOf(playlist!);
      const whole = Buffer.from(await (await get(path!)).arrayBuffer());
      const etag = (await get(path!, { method: 'HEAD' })).headers.get('etag')!;
      for (const [from, to] of [
        [0, 9],
        [5, 700],
        [600, 5000],
        [whole.length - 10, whole.length - 1],
      ] as const) {
        const part = await get(path!, { headers: { Range: `bytes=${from}-${to}` } });
        assert.equal(part.status, 206);
        assert.deepEqual(Buffer.from(await part.arrayBuffer()), whole.subarray(from, to + 1), `${from}-${to}`);
        assert.equal(part.headers.get('content-range'), `bytes ${from}-${to}/${whole.length}`);
      }
      const several = await get(path!, { headers: { Range: 'bytes=0-1,10-11' } });
      assert.match(several.headers.get('content-type')!, /^multipart\/byteranges/);
      assert.ok((await several.text()).includes(`bytes 10-11/${whole.length}`));
      assert.equal((await get(path!, { headers: { Range: `bytes=${whole.length}-` } })).status, 416);
      assert.equal((await get(path!, { headers: { 'If-None-Match': etag } })).status, 304);
      assert.equal((await get(path!, { headers: { Range: 'bytes=0-1', 'If-Range': '"other"' } })).status, 200);
    });

    test('what is beneath a film and is nothing is not found; what is no film is a file like others', {
      skip: filmSkip,
    }, async () => {
      const playlists = await playlistsOf('plain.mp4');
      const version = /^\/plain.mp4\/([0-9a-f]{8})\//.exec(playlists[0]!)![1]!;
      for (const path of [
        'nothing',
        `${version}/v1/0.m4s`,
        `${version}/v1/99.m4s`,
        `${version}/v9.m3u8`,
        `${version}/v1/init-2.mp4`,
        'master.m3u8/',
        `${version}/s-fr.m3u8`,
      ]) {
        assert.equal((await get(`/plain.mp4/${path}`)).status, 404, path);
      }
      assert.equal((await get('/a.txt/master.m3u8')).status, 404);
      assert.equal(await textOf('/not-a-film.mp4'), 'this is text');
      const refused = await get('/not-a-film.mp4/master.m3u8');
      assert.equal(refused.status, 422);
      assert.match(
        await refused.text(),
        /^not-a-film\.mp4 is not an MP4 or MOV file: convert it, for example with ffmpeg\n$/,
      );
    });

    test('a replaced film has another version, and its old addresses are gone', { skip: filmSkip }, async () => {
      place('plain.mp4', 'replaced.mp4');
      const [before] = await playlistsOf('replaced.mp4');
      const [segment] = await segmentsOf(before!);
      place('languages.mp4', 'new.mp4');
      renameSync(site.at('new.mp4'), site.at('replaced.mp4'));
      const gone = await get(segment!);
      assert.equal(gone.status, 410);
      assert.match(await gone.text(), /replaced\.mp4 was replaced: load its playlist again/);
      const [now] = await playlistsOf('replaced.mp4');
      assert.notEqual(now, before);
      assert.equal((await segmentsOf(now!)).length > 0, true);
      rmSync(site.at('replaced.mp4'));
      assert.equal((await get(segment!)).status, 404);
    });

    test('a film that is cut off, or encrypted, is refused with a sentence; the file itself goes as it is', {
      skip: filmSkip,
    }, async () => {
      const bytes = readFileSync(film('long-gop.mp4'));
      writeFileSync(site.at('cut.mp4'), bytes.subarray(0, bytes.length - 1000));
      const cut = await get('/cut.mp4/master.m3u8');
      assert.equal(cut.status, 422);
      assert.match(await cut.text(), /^cut\.mp4 is cut off: /);
      assert.equal((await (await get('/cut.mp4')).arrayBuffer()).byteLength, bytes.length - 1000);
      // It was still being written.
      writeFileSync(site.at('cut.mp4'), bytes);
      assert.equal((await get('/cut.mp4/master.m3u8')).status, 200);
      const encrypted = Buffer.from(bytes);
      encrypted.write('encv', encrypted.indexOf('avc1', encrypted.indexOf('stsd')), 'latin1');
      writeFileSync(site.at('secret.mp4'), encrypted);
      const secret = await get('/secret.mp4/master.m3u8');
      assert.deepEqual([secret.status, /^secret\.mp4 is encrypted/.test(await secret.text())], [422, true]);
    });

    test('a film that becomes shorter while it is known is not sent with bytes of nothing', {
      skip: filmSkip,
    }, async () => {
      place('plain.mp4', 'shrinks.mp4');
      const [playlist] = await playlistsOf('shrinks.mp4');
      const segments = await segmentsOf(playlist!);
      truncateSync(site.at('shrinks.mp4'), 10_000);
      const answer = await get(segments.at(-1)!).then(
        async (response) =>
          response.ok
            ? response.arrayBuffer().then(
                () => 'whole',
                () => 'ended',
              )
            : response.status,
        () => 'ended',
      );
      assert.ok(answer === 'ended' || answer === 410 || answer === 422, String(answer));
    });

    test('a film that is written to while its parts are sent ends them; another name, or none, does not', {
      skip: filmSkip,
    }, async () => {
      for (const what of ['written', 'renamed'] as const) {
        const bytes = placeLong('open.mp4');
        const size = bytes.length;
        const [playlist] = await playlistsOf('open.mp4');
        const response = await get(sourceOf(playlist!));
        assert.equal(response.headers.get('content-length'), String(size));
        if (what === 'written') {
          const fd = openSync(site.at('open.mp4'), 'r+');
          writeSync(fd, Buffer.alloc(100, 'Z'), 0, 100, size - 100);
          closeSync(fd);
          await assert.rejects(response.arrayBuffer());
          assert.equal((await get(playlist!)).status, 410);
        } else {
          renameSync(site.at('open.mp4'), site.at('another.mp4'));
          rmSync(site.at('another.mp4'));
          assert.equal(Buffer.from(await response.arrayBuffer()).compare(bytes), 0);
        }
      }
    });

    test('what a client that leaves did not take is not counted as sent', { skip: filmSkip }, async () => {
      const { length } = placeLong('left.mp4');
      const [playlist] = await playlistsOf('left.mp4');
      const referenced = async (): Promise<number> =>
        JSON.parse(await textOf('/left.mp4/live.json')).modes['by reference'] as number;
      const leaving = new AbortController();
      await get(sourceOf(playlist!), { signal: leaving.signal });
      leaving.abort();
      await until('it is counted', async () => (await referenced()) > 0);
      const left = await referenced();
      assert.ok(left < length, `${left} of ${length}`);
      const whole = await (await get(sourceOf(playlist!))).arrayBuffer();
      assert.equal(await referenced(), left + whole.byteLength);
    });

    test('what left is told of all workers together, whichever of them is asked', { skip: filmSkip }, async () => {
      const options = { root: site.root, engine, media: true, workers: 2, port: 0 };
      const two = await startServer(options, 1, workerEntry(options));
      try {
        // A connection each: they are spread over the workers.
        const anew = async (path: string): Promise<Buffer> => {
          const url = new URL(path, two.urls[0]);
          const [response] = (await once(request(url, { agent: false }).end(), 'response')) as [IncomingMessage];
          assert.equal(response.statusCode, 200, path);
          return Buffer.concat(await response.toArray());
        };
        const [playlist] = await playlistsOf('plain.mp4');
        const segment = (await segmentsOf(playlist!))[0]!;
        for (let viewer = 0; viewer < 16; viewer++) await anew(segment);
        await until('all workers have answered', () => two.metrics.every(({ responses }) => responses > 0));
        const left = async (): Promise<number> =>
          (JSON.parse((await anew('/plain.mp4/live.json')).toString()) as Live).modes['by reference']!;
        // A worker counts what it sent a moment after the viewer has it.
        await until('both tell of all of it', async () => {
          const told = new Set<number>();
          for (let viewer = 0; viewer < 16; viewer++) told.add(await left());
          const [all = 0] = told;
          return told.size === 1 && all > 16 * 1000 && all % 16 === 0;
        });
      } finally {
        await two.close(0);
      }
    });

    test('the film with its header in front, and clips, are files with ranges', { skip: filmSkip }, async () => {
      const onDisk = readFileSync(film('plain.mp4'));
      const front = Buffer.from(await (await get('/plain.mp4')).arrayBuffer());
      assert.equal(front.length, onDisk.length);
      assert.ok(front.indexOf('moov') < front.indexOf('mdat') && onDisk.indexOf('moov') > onDisk.indexOf('mdat'));
      const part = await get('/plain.mp4', { headers: { Range: 'bytes=100-4099' } });
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), front.subarray(100, 4100));
      const clip = await get('/plain.mp4?start=2.5&end=5');
      assert.equal(clip.status, 200);
      const bytes = Buffer.from(await clip.arrayBuffer());
      assert.ok(bytes.length < onDisk.length && bytes.indexOf('moov') > 0);
      assert.notEqual(clip.headers.get('etag'), part.headers.get('etag'));
    });

    test('side-cars are subtitles, cut where the film is; an empty one is left out', { skip: filmSkip }, async () => {
      const master = await textOf('/plain.mp4/master.m3u8');
      assert.match(master, /TYPE=SUBTITLES.*LANGUAGE="en"/);
      assert.ok(!master.includes('LANGUAGE="de"'));
      const playlist = (await playlistsOf('plain.mp4')).find((path) => path.includes('s-en'))!;
      const texts = await Promise.all((await segmentsOf(playlist)).map(textOf));
      assert.ok(texts[0]!.startsWith('WEBVTT') && texts[0]!.includes('Hello'));
      for (const text of texts.slice(0, 2)) assert.ok(text.includes('across a cut'));
      site.write('plain.en.vtt', cues.replace('Hello', 'Changed'));
      const changed = (await playlistsOf('plain.mp4')).find((path) => path.includes('s-en'))!;
      assert.notEqual(changed, playlist);
      assert.equal((await get(playlist)).status, 410);
    });

    test('films of one name at several sizes are one', { skip: filmSkip }, async () => {
      const master = await textOf('/group_120p.mp4/master.m3u8');
      assert.equal(addressesIn(master).length, 2);
      assert.ok(addressesIn(master).some((address) => address.startsWith('../group_240p.mp4/')));
      for (const playlist of await playlistsOf('group_240p.mp4')) {
        const path = new URL(playlist, origin).pathname;
        for (const segment of await segmentsOf(path)) assert.equal((await get(segment)).status, 200, segment);
      }
    });

    test('a film of a group that cannot be cut leaves the others alone', { skip: filmSkip }, async () => {
      const count = 200_000;
      const tables = tableBoxes({ stts: [[count, 4]], stsc: [[1, count, 1]], stco: [4096] });
      const header = movie([trak({ timescale: 1, tables: [...tables, fullBox('stsz', 0, 0, bytes.u32(1, count))] })]);
      const long = joined(header, box('free', Buffer.alloc(count + 4096)));
      place('plain.mp4', 'pair_120p.mp4');
      writeFileSync(site.at('pair_240p.mp4'), long);
      assert.equal(addressesIn(await textOf('/pair_120p.mp4/master.m3u8')).length, 1);
      const refused = await get('/pair_240p.mp4/master.m3u8');
      assert.equal(refused.status, 422);
      assert.equal(await refused.text(), 'pair_240p.mp4 needs playlists of more than 100,000 entries: split it\n');
    });

    test('the page, the report and the live figures of a film', { skip: filmSkip }, async () => {
      const page = await get('/plain.mp4/');
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.match(page.headers.get('content-security-policy')!, /default-src 'none'/);
      assert.equal((await get('/plain.mp4/', { headers: { 'If-None-Match': page.headers.get('etag')! } })).status, 304);
      const report = JSON.parse(await textOf('/plain.mp4/film.json')) as {
        tracks: unknown[];
        leftOut: { what: string }[];
      };
      assert.equal(report.tracks.length, 3);
      assert.deepEqual(
        report.leftOut.map(({ what }) => what),
        ['plain.de.forced.srt'],
      );
      const liveNow = async (): Promise<Live> => JSON.parse(await textOf('/plain.mp4/live.json')) as Live;
      const [playlist] = await playlistsOf('plain.mp4');
      const [segment] = await segmentsOf(playlist!);
      const counts: number[] = [];
      for (let round = 0; round < 4; round++) {
        const live = await liveNow();
        assert.equal(live.copied, 0);
        counts.push(live.modes['by reference']!);
        assert.equal((await get(segment!)).status, 200);
      }
      const [each, ...others] = counts.slice(1).map((count, index) => count - counts[index]!);
      assert.ok(each! > 0);
      assert.deepEqual(others, [each, each], 'a segment counts the same each time, kept or not');
    });

    test('a listing shows how long a film is and of what, and leads to its page', { skip: filmSkip }, async () => {
      await textOf('/plain.mp4/master.m3u8');
      const page = await (await get('/', { headers: { Accept: 'text/html' } })).text();
      assert.match(
        page,
        /href="\.\/plain\.mp4\/"><small>play<\/small><\/a> <small>0:08, video 160 x 120, audio<\/small>/,
      );
      assert.ok(!page.includes('a.txt/'));
      const listed = (await (await get('/', { headers: { Accept: 'application/json' } })).json()) as {
        entries: { name: string; page?: string; about?: string }[];
      };
      const entry = listed.entries.find(({ name }) => name === 'plain.mp4');
      assert.deepEqual([entry?.page, entry?.about], ['plain.mp4/', '0:08, video 160 x 120, audio']);
    });

    test('a playlist is as young as what came into the folder last', { skip: filmSkip }, async () => {
      mkdirSync(site.at('dated'));
      place('plain.mp4', 'dated/film.mp4');
      const since = 'Sun, 01 Mar 2020 00:00:00 GMT';
      utimesSync(site.at('dated/film.mp4'), Date.parse(since) / 1000, Date.parse(since) / 1000);
      utimesSync(site.at('dated'), Date.parse(since) / 1000, Date.parse(since) / 1000);
      const headers = { 'If-Modified-Since': since };
      assert.equal((await get('/dated/film.mp4/master.m3u8', { headers })).status, 304);
      site.write('dated/film.en.vtt', cues);
      utimesSync(site.at('dated/film.en.vtt'), 1, 1);
      for (const name of ['master.m3u8', 'manifest.mpd', 'film.json', 'master.m3u8']) {
        assert.equal((await get(`/dated/film.mp4/${name}`, { headers })).status, 200, name);
      }
    });

    test('films that are asked for all at once are read one after the other', { skip: filmSkip }, async () => {
      const many = Array.from({ length: 30 }, (_, index) => `many-${index}.mp4`);
      for (const name of many) place('long-gop.mp4', name);
      const statuses = await Promise.all(many.map(async (name) => (await get(`/${name}/master.m3u8`)).status));
      assert.deepEqual(new Set(statuses), new Set([200]));
    });

    test('stretches of a film are sent where that is asked for, at addresses of their own', {
      skip: filmSkip,
    }, async () => {
      assert.throws(() => resolveOptions({ mediaStretches: true }, 1024), /it is for films, and requires media/);
      makeFilm(site.at('stretches.mp4'), amongSound(9));
      const options = { root: site.root, engine, media: true, mediaStretches: true, workers: 1, port: 0 };
      const other = await startServer(options, 1, workerEntry(options));
      try {
        const origins = [origin, other.urls[0]!.replace(/\/$/, '')];
        const [usual, stretched] = await Promise.all(origins.map((each) => renditionOf(each, '/stretches.mp4')));
        const source = readFileSync(site.at('stretches.mp4'));
        assert.notEqual(usual!.version, stretched!.version);
        for (const { samples, whole } of [usual!, stretched!]) {
          const original = readMp4(source).tracks.find(({ handler }) => handler === 'vide')!.samples;
          assert.equal(samples.length, original.length);
          for (const [index, { offset, size, sync }] of samples.entries()) {
            const { offset: place, ...same } = original[index]!;
            assert.deepEqual([size, sync], [same.size, same.sync]);
            assert.equal(whole.compare(source, place, place + size, offset, offset + size), 0, `${index}`);
          }
        }
        const [few, more] = [usual!.whole.length, stretched!.whole.length];
        assert.ok(more > few && more < few * 1.07, `${more} for ${few} bytes`);
        const { segment } = stretched!;
        const body = Buffer.from(await (await fetch(segment)).arrayBuffer());
        const head = await fetch(segment, { method: 'HEAD' });
        assert.equal(Number(head.headers.get('content-length')), body.length);
        const part = await fetch(segment, { headers: { Range: 'bytes=1500-400000' } });
        assert.equal(part.status, 206);
        assert.deepEqual(Buffer.from(await part.arrayBuffer()), body.subarray(1500, 400_001));
      } finally {
        await other.close(0);
      }
    });

    test('touching a film is another version of it', { skip: filmSkip }, async () => {
      place('plain.mp4', 'touched.mp4');
      const before = await playlistsOf('touched.mp4');
      utimesSync(site.at('touched.mp4'), 1, 1);
      assert.notDeepEqual(await playlistsOf('touched.mp4'), before);
    });
  },
  false,
);

/** Bytes of memory of nobody's file that this process may write to. */
function writableBytes(): number {
  let total = 0;
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$/.exec(line) ?? [];
    if (from !== undefined) total += Number.parseInt(to!, 16) - Number.parseInt(from, 16);
  }
  return total;
}

test('a server that has ended leaves no memory of the tables of films', async () => {
  const site = new TestSite({});
  // Short tables are the collector's.
  const stsz = Array.from({ length: 10_000 }, (_, sample) => 1 + (sample & 1));
  const tables = tableBoxes({ stts: [[stsz.length, 40]], stsc: [[1, stsz.length, 1]], stsz, stco: [100], stss: [1] });
  writeFileSync(site.at('long.mp4'), Buffer.concat([movie([trak({ tables })]), box('mdat', Buffer.alloc(20_000))]));
  const options = { root: site.root, media: true, workers: 1, port: 0 };
  const bytes: number[] = [];
  for (let round = 0; round < 3; round++) {
    const server = await startServer(options, 1, workerEntry(options));
    const response = await fetch(`${server.urls[0]!.replace(/\/$/, '')}/long.mp4/master.m3u8`);
    assert.equal(response.status, 200, await response.text());
    await server.close(0);
    bytes.push(writableBytes());
  }
  site.remove();
  // Tables are given out of 160 MiB.
  assert.ok(bytes[2]! - bytes[0]! < 100 * 2 ** 20, bytes.join());
});
