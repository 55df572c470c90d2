// Films in a real browser: the player's page plays by hls.js, seeks, changes rendition and language, shows what it says; dash.js plays the
// MPD. Skipped where no Chromium or no ffmpeg is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { createServer as createPages, type Server as PagesServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { workerEntry } from '../../src/media/serving/entry.js';
import type { Server } from '../../src/serve/server.js';
import { startServer, TestSite } from '../conformance/serve/servers.js';
import { giveBackPage, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';
import { amongSound, film, filmSkip, makeFilm } from '../support/films.js';

const skip = filmSkip || chromiumSkip;
const dashScript = fileURLToPath(
  new URL('../../../node_modules/dashjs/dist/legacy/umd/dash.all.min.js', import.meta.url),
);

const seconds = 24;
const small = ['-f', 'lavfi', '-i', `testsrc=s=160x120:r=25:d=${seconds}`];
const large = ['-f', 'lavfi', '-i', `testsrc=s=320x240:r=25:d=${seconds}`];
const tones = [440, 880].flatMap((hertz) => ['-f', 'lavfi', '-i', `sine=f=${hertz}:r=48000:d=${seconds}`]);
const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '2', '-g', '50', '-c:a', 'aac'];
const languages = [
  '-map',
  '0',
  '-map',
  '1',
  '-map',
  '2',
  '-metadata:s:a:0',
  'language=eng',
  '-metadata:s:a:1',
  'language=ger',
];

let site: TestSite;
let server: Server;
let pages: PagesServer;
const problems: string[] = [];

const address = (path: string): string => new URL(path, server.urls[0]).href;

async function open(url: string): Promise<Page> {
  const page = await takePage({ viewport: { width: 1200, height: 1000 } });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(url);
  return page;
}

const timeOf = (page: Page): Promise<number> => page.evaluate(() => document.querySelector('video')!.currentTime);

/** Waits until the picture has moved on by half a second from where it is. */
async function plays(page: Page, what: string): Promise<void> {
  const from = await timeOf(page);
  await page
    .waitForFunction((at) => document.querySelector('video')!.currentTime > at + 0.5, from, { timeout: 15_000 })
    .catch(async () => {
      const state = await page.evaluate(() => {
        const { currentTime, readyState, paused, seeking, error } = document.querySelector('video')!;
        return JSON.stringify({ currentTime, readyState, paused, seeking, error: error?.message });
      });
      throw new Error(`${what}: it does not play: ${state} ${problems.join('; ')}`);
    });
}

async function seeksTenTimes(page: Page): Promise<void> {
  for (let step = 0; step < 10; step++) {
    const to = (step * 7.3) % (seconds - 3);
    await page.evaluate((at) => {
      document.querySelector('video')!.currentTime = at;
    }, to);
    await plays(page, `seek ${step} to ${to.toFixed(1)} s`);
  }
}

describe('films in a browser', { skip }, () => {
  before(async () => {
    site = new TestSite({ 'film.en.vtt': 'WEBVTT\n\n00:00.000 --> 00:20.000\nHello\n' });
    makeFilm(site.at('film_120p.mp4'), [...small, ...tones, ...coded, ...languages]);
    makeFilm(site.at('film_240p.mp4'), [...large, ...tones, ...coded, ...languages]);
    copyFileSync(film('late-audio.mp4'), site.at('late.mp4'));
    const options = { root: site.root, media: true, workers: 1, port: 0 };
    server = await startServer(options, 1, workerEntry(options));
    // A player on another origin, as most are.
    pages = createPages((request, response) => {
      const isScript = request.url === '/dash.js';
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
      response.end(
        isScript
          ? readFileSync(dashScript)
          : '<!doctype html><video id=video muted></video><script src="/dash.js"></script>',
      );
    });
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    pages?.close();
    await server?.close(0);
    site.remove();
  });

  test('the page of a film plays it by hls.js, seeks, and changes rendition and language', async () => {
    const page = await open(address('/film_240p.mp4/'));
    await page.waitForFunction(() => (document.querySelector('#quality') as HTMLSelectElement).options.length === 3);
    await page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.muted = true;
      return video.play();
    });
    await plays(page, 'from the start');
    await seeksTenTimes(page);
    for (const quality of ['0', '1']) {
      await page.selectOption('#quality', quality);
      await plays(page, `rendition ${quality}`);
    }
    const heights = new Set(await page.evaluate(() => [document.querySelector('video')!.videoHeight]));
    assert.ok([...heights].every((height) => height === 120 || height === 240));
    assert.equal(await page.locator('#audio option').count(), 2);
    await page.selectOption('#audio', '1');
    await plays(page, 'the other language');
    await page.waitForFunction((end) => {
      const { buffered, currentTime } = document.querySelector('video')!;
      const last = buffered.length - 1;
      return last >= 0 && buffered.start(last) <= currentTime && buffered.end(last) > end;
    }, seconds - 0.5);
    await page.waitForTimeout(1100);
    const rate = await page.locator('#tiles dd').nth(1).innerText();
    await page.selectOption('#subtitles', '0');
    await page.waitForFunction(() => {
      const tracks = [...document.querySelector('video')!.textTracks];
      return tracks.some((track) => track.mode === 'showing' && (track.cues?.length ?? 0) > 0);
    });
    await page.waitForTimeout(1100);
    const tiles = await page.locator('#tiles dd').allTextContents();
    assert.equal(tiles.at(-1), '0 B', tiles.join(' | '));
    // In the units of the listing that leads here, and of clearway media.
    // What came of subtitles is too little to tell a rate.
    assert.equal(tiles[1], rate);
    assert.match(tiles[2]!, /^\d+\.\d [KM]iB$/, tiles.join(' | '));
    await page.locator('#modes table').waitFor();
    // Its length is told as in the listing.
    assert.match(await page.locator('#tracks').innerText(), /^0:24 long\n.*avc1/s);
    assert.match(await page.locator('#notes').innerText(), /Offered as one film with film_120p\.mp4/);
    assert.equal(await page.locator('#refusal').isVisible(), false);
    assert.deepEqual(problems, []);
    if (process.env['SCREENSHOTS'] !== undefined)
      await page.screenshot({ path: join(process.env['SCREENSHOTS'], 'player.png'), fullPage: true });
    await giveBackPage(page);
  });

  test('the page says what of the film it does not offer', async () => {
    makeFilm(site.at('old.mp4'), [
      ...['-f', 'lavfi', '-i', 'testsrc=s=160x120:r=25:d=3'],
      ...tones,
      '-t',
      '3',
      '-c:v',
      'mpeg4',
      '-c:a',
      'aac',
    ]);
    const page = await open(address('/old.mp4/'));
    await page.locator('#notes li').waitFor();
    assert.match(await page.locator('#notes').innerText(), /Left out: track 1 \(mp4v\): is coded as mp4v/);
    await giveBackPage(page);
  });

  test('what the browser has no decoder for is said', async (context) => {
    copyFileSync(film('hevc.mp4'), site.at('hevc.mp4'));
    const page = await takePage();
    await page.goto(address('/hevc.mp4/'));
    const codec = (await page.locator('#tracks td:nth-child(2)').first().innerText()).trim();
    if (await page.evaluate((name) => MediaSource.isTypeSupported(`video/mp4; codecs="${name}"`), codec))
      context.skip(`this browser plays ${codec}`);
    else {
      await page.locator('#refusal').waitFor({ timeout: 10_000 });
      assert.match(
        await page.locator('#refusal').innerText(),
        /^It cannot be played: this browser does not play what it is coded in /,
      );
    }
    await giveBackPage(page);
  });

  test('the page on a narrow screen fits it', async () => {
    const page = await open(address('/late.mp4/'));
    await page.setViewportSize({ width: 400, height: 800 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 400));
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  test('a film whose sound begins late plays from where it does, also when somebody seeks to before it', async () => {
    makeFilm(site.at('late-sound.mp4'), [
      ...small,
      '-itsoffset',
      '5',
      ...tones,
      ...coded,
      '-map',
      '0',
      '-map',
      '1',
      '-t',
      '20',
    ]);
    const page = await open(address('/late-sound.mp4/'));
    assert.match(await page.locator('#notes li').first().innerText(), /^track a2 begins 4\.98 s after the first one/);
    await page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.muted = true;
      return video.play();
    });
    await plays(page, 'from the start');
    for (const at of [12, 0, 3.7]) {
      await page.evaluate((to) => {
        document.querySelector('video')!.currentTime = to;
      }, at);
      await plays(page, `sought to ${at} s`);
    }
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  test('a film whose picture begins late is counted from it, and all of it is reached', async () => {
    const both = ['-itsoffset', '5', '-i', site.at('film_120p.mp4'), '-i', site.at('film_120p.mp4')];
    makeFilm(site.at('late-picture.mp4'), [...both, '-map', '0:v', '-map', '1:a:0', '-c', 'copy']);
    const page = await open(address('/late-picture.mp4/'));
    await page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.muted = true;
      return video.play();
    });
    await plays(page, 'from the start');
    for (const to of [20, 1]) {
      await page.evaluate((at) => {
        document.querySelector('video')!.currentTime = at;
      }, to);
      await plays(page, `from ${to} s`);
      assert.ok((await timeOf(page)) < to + 3, `${to}: it plays at ${await timeOf(page)}`);
    }
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  test('where another sound begins late, the one that plays does not', async () => {
    const inputs = [...small, ...tones.slice(0, 4), '-itsoffset', '8', ...tones.slice(4)];
    makeFilm(site.at('comment.mp4'), [...inputs, ...coded, '-map', '0', '-map', '1', '-map', '2', '-t', '20']);
    const page = await open(address('/comment.mp4/'));
    assert.match(await page.locator('#notes li').first().innerText(), /^track a3 begins 7\.98 s after the first one/);
    await page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.muted = true;
      return video.play();
    });
    await plays(page, 'from the start');
    await page.evaluate(() => {
      document.querySelector('video')!.currentTime = 2;
    });
    await plays(page, 'sought to 2 s');
    assert.ok((await page.evaluate(() => document.querySelector('video')!.currentTime)) < 6);
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  test('what became of a film while it plays is said at once', async () => {
    // hls.js fills ten minutes, where they are few bytes.
    const longer = ['-f', 'lavfi', '-i', 'testsrc=s=160x120:r=1:d=1200', ...coded, '-g', '4'];
    const became: readonly (readonly [RegExp, (path: string) => void])[] = [
      [/: the film was replaced: load this page again\.$/, (path) => renameSync(site.at('other.mp4'), path)],
      [/: the film is not there any more\.$/, (path) => rmSync(path)],
      [/: the film cannot be read any more: load this page again to see why\.$/, (path) => truncateSync(path, 50_000)],
    ];
    for (const [words, happen] of became) {
      makeFilm(site.at('goes.mp4'), longer);
      copyFileSync(site.at('late.mp4'), site.at('other.mp4'));
      const page = await takePage();
      await page.goto(address('/goes.mp4/'));
      await page.evaluate(() => {
        const video = document.querySelector('video')!;
        video.muted = true;
        return video.play();
      });
      await plays(page, 'from the start');
      happen(site.at('goes.mp4'));
      // Files are looked at once a second.
      await page.waitForTimeout(1200);
      await page.evaluate(() => {
        document.querySelector('video')!.currentTime = 1100;
      });
      await page.locator('#refusal').waitFor({ timeout: 60_000 });
      assert.match(await page.locator('#refusal').innerText(), words);
      await giveBackPage(page);
    }
  });

  test('a server that is started again while a film plays is waited for', async () => {
    const longer = ['-f', 'lavfi', '-i', 'testsrc=s=160x120:r=1:d=1200', ...coded, '-g', '4'];
    makeFilm(site.at('stays.mp4'), longer);
    const options = { root: site.root, media: true, workers: 1, port: 0 };
    const first = await startServer(options, 1, workerEntry(options));
    const home = new URL('stays.mp4/', first.urls[0]);
    const page = await takePage();
    await page.goto(home.href);
    const said = () => page.locator('#state').innerText();
    await page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.muted = true;
      return video.play();
    });
    await plays(page, 'from the start');
    assert.equal(await said(), 'playing by hls.js');
    await first.close(0);
    await page.evaluate(() => {
      document.querySelector('video')!.currentTime = 1100;
    });
    await page.locator('#refusal').waitFor({ timeout: 10_000 });
    assert.match(await page.locator('#refusal').innerText(), /^The server does not answer\./);
    assert.equal(await said(), 'waiting for the film');
    const again = { ...options, port: Number(home.port) };
    const second = await startServer(again, 1, workerEntry(again));
    try {
      await plays(page, 'the server is there again');
      assert.equal(await said(), 'playing by hls.js');
      assert.equal(await page.locator('#refusal').isVisible(), false);
    } finally {
      await giveBackPage(page);
      await second.close(0);
    }
  });

  /** Has dash.js, on another origin, play an MPD. */
  async function openDash(manifest: string): Promise<Page> {
    const { port } = pages.address() as AddressInfo;
    const page = await open(`http://127.0.0.1:${port}/`);
    await page.evaluate((url) => {
      const { dashjs } = window as unknown as {
        dashjs: { MediaPlayer(): { create(): { initialize(video: Element, url: string, autoplay: boolean): void } } };
      };
      dashjs.MediaPlayer().create().initialize(document.querySelector('video')!, url, true);
    }, manifest);
    return page;
  }

  test('dash.js on another origin plays the MPD and seeks', async () => {
    const page = await openDash(address('/film_240p.mp4/manifest.mpd'));
    await plays(page, 'from the start');
    await seeksTenTimes(page);
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  test('a film that is sent in stretches is played by hls.js and by dash.js, and seeks', async () => {
    makeFilm(site.at('stretches.mp4'), amongSound(seconds));
    const options = { root: site.root, media: true, mediaStretches: true, workers: 1, port: 0 };
    const other = await startServer(options, 1, workerEntry(options));
    try {
      const film = new URL('stretches.mp4/', other.urls[0]).href;
      assert.doesNotMatch(await (await fetch(`${film}manifest.mpd`)).text(), /cmaf/, 'it is in stretches');
      const byHls = await open(film);
      await byHls.evaluate(() => {
        const video = document.querySelector('video')!;
        video.muted = true;
        return video.play();
      });
      await plays(byHls, 'hls.js');
      await seeksTenTimes(byHls);
      await giveBackPage(byHls);
      const byDash = await openDash(`${film}manifest.mpd`);
      await plays(byDash, 'dash.js');
      await seeksTenTimes(byDash);
      await giveBackPage(byDash);
      assert.deepEqual(problems, []);
    } finally {
      await other.close(0);
    }
  });
});
