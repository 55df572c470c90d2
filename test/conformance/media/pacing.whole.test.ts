// Pacing by the media's own rate: the first pieces of a stretch leave as fast as they can, those that follow not faster than they are played,
// and the next response on the connection is free of it. Times have bounds that no load breaks: what is held back cannot come early.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { workerEntry } from '../../../src/media/serving/entry.js';
import { resolveOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { filmSkip, makeFilm } from '../../support/films.js';
import { RawClient } from '../serve/client.js';
import { forEachEngine, startServer, TestSite } from '../serve/servers.js';

test('auto requires films', () => {
  assert.throws(() => resolveOptions({ pace: 'auto' }, 1024), /pace.*auto is for films, and requires media/);
  const { pace, paceMedia } = resolveOptions({ pace: 'auto', media: true }, 1024);
  assert.deepEqual([pace, paceMedia], [0, true]);
});

forEachEngine(
  'paced films',
  (engine) => {
    const site = new TestSite({ 'plain.bin': new Uint8Array(3_000_000) });
    let server: Server;

    before(async () => {
      if (filmSkip !== false) return;
      // Noise: a rate that is much above what leaves unpaced, a packet at a time.
      const noise = ['-f', 'lavfi', '-i', 'nullsrc=s=320x180:r=25:d=20,geq=random(1)*255:128:128'];
      const rate = ['-b:v', '6M', '-maxrate', '6M', '-bufsize', '6M', '-x264-params', 'nal-hrd=cbr'];
      makeFilm(site.at('noise.mp4'), [
        ...noise,
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-pix_fmt',
        'yuv420p',
        '-g',
        '50',
        ...rate,
      ]);
      const options = { root: site.root, engine, media: true, pace: 'auto' as const, workers: 1, port: 0 };
      server = await startServer(options, 1, workerEntry(options));
    });
    after(async () => {
      await server?.close(0);
      site.remove();
    });

    test('a stretch is free, then paced; a jump and another file are free again', { skip: filmSkip }, async () => {
      const master = await (await fetch(new URL('noise.mp4/master.m3u8', server.urls[0]))).text();
      const version = /^([0-9a-f]{8})\/v1\.m3u8$/m.exec(master)![1]!;
      const client = await RawClient.open(server.address);
      const timeOf = async (path: string): Promise<{ ms: number; bytes: number }> => {
        const begun = performance.now();
        const { status, body } = await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).response();
        assert.equal(status, 200, path);
        return { ms: performance.now() - begun, bytes: body.length };
      };
      const segment = (number: number): string => `/noise.mp4/${version}/v1/${number}.m4s`;
      const free = [await timeOf(segment(1)), await timeOf(segment(2))];
      const paced = await timeOf(segment(3));
      // 4 s of media at one and a half times their rate; ten packets leave at once.
      assert.ok(paced.bytes > 2_000_000, `${paced.bytes} bytes`);
      assert.ok(paced.ms > 1000, `paced: ${paced.ms} ms`);
      for (const { ms } of [...free, await timeOf('/plain.bin'), await timeOf(segment(1))])
        assert.ok(ms < paced.ms, `${ms} ms`);
      client.destroy();
    });
  },
  false,
);
