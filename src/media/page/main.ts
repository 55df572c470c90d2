/// <reference lib="dom" />
// The page of a film: plays it, and shows what it is made of, how much is buffered, how fast segments come and how their
// bytes leave the server.

import { clockWords, formatBitRate, formatBytes } from '../../text/units.js';
import { Chart, type ChartPoint } from '../../ui/chart.js';
import { byId, element, setText, table } from '../../ui/dom.js';
import { type Choice, openPlayer } from './player.js';
import type { FilmJson, LiveJson } from './report-shape.js';

/** Relative to the page's own address, `…/film.mp4/`. */
const addresses = { master: 'master.m3u8', mpd: 'manifest.mpd', film: 'film.json', live: 'live.json' };
const chartPoints = 300;

// Its captions are the film's own renditions: the player adds their tracks.
const video = element('video', { id: 'video', controls: '', playsinline: '', preload: 'auto' }) as HTMLVideoElement;
byId('screen').append(video);
const bufferPoints: ChartPoint[] = [];
const ratePoints: ChartPoint[] = [];
const seconds = (value: number) => `${value.toFixed(1)} s`;
const bufferChart = new Chart(
  byId('buffer'),
  'Buffered ahead',
  [{ words: 'ahead of what is shown', colour: '--buffer', index: 1, filled: true }],
  seconds,
);
const rateChart = new Chart(
  byId('rate'),
  'Throughput of segments',
  [{ words: 'while a segment came', colour: '--rate', index: 1 }],
  formatBitRate,
);

let stalls = 0;
let loadedBytes = 0;
let startedAt = 0;
let startMs: number | undefined;
let lastRate = 0;
let live: LiveJson | undefined;

function fill(kind: 'quality' | 'audio' | 'subtitles', choice: Choice, none: string | undefined): void {
  const select = byId<HTMLSelectElement>(kind);
  const options = choice.names.map((name, index) => element('option', { value: index }, name));
  if (none !== undefined) options.unshift(element('option', { value: -1 }, none));
  select.replaceChildren(...options);
  select.value = String(choice.current);
  byId(`${kind}-label`).hidden = choice.names.length < (kind === 'subtitles' ? 1 : 2);
}

function notice(sentence: string): void {
  const target = byId('refusal');
  setText(target, sentence);
  target.hidden = sentence === '';
}

/** It cannot go on: what the video element does is not told any more. */
let isStopped = false;
function say(state: string): void {
  if (!isStopped) setText(byId('state'), state);
}

const player = openPlayer(video, addresses.master, {
  choices(quality, audio, subtitles) {
    fill('quality', quality, 'automatic');
    fill('audio', audio, undefined);
    fill('subtitles', subtitles, 'off');
  },
  segment(bytes, ms, isMain) {
    loadedBytes += bytes;
    // What comes of subtitles and sound is so little that it tells how long an answer takes, and no rate.
    if (!isMain) return;
    lastRate = (bytes * 8000) / ms;
    push(ratePoints, [Date.now(), lastRate]);
  },
  answers(isAnswered) {
    notice(isAnswered ? '' : 'The server does not answer. It is asked until it does, and the film goes on then.');
  },
  failed(sentence) {
    notice(`It cannot be played: ${sentence}.`);
    say('stopped');
    isStopped = true;
  },
});
byId('quality').addEventListener('change', (event) => player.chooseQuality(chosen(event)));
byId('audio').addEventListener('change', (event) => player.chooseAudio(chosen(event)));
byId('subtitles').addEventListener('change', (event) => player.chooseSubtitles(chosen(event)));

function chosen(event: Event): number {
  return Number((event.target as HTMLSelectElement).value);
}

function push(points: ChartPoint[], point: ChartPoint): void {
  points.push(point);
  if (points.length > chartPoints) points.shift();
}

function bufferedAhead(): number {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index++) {
    if (buffered.start(index) <= currentTime + 0.1 && currentTime < buffered.end(index)) {
      return buffered.end(index) - currentTime;
    }
  }
  return 0;
}

video.addEventListener('play', () => {
  startedAt ||= performance.now();
  say('waiting for the film');
});
video.addEventListener('pause', () => say('paused'));
video.addEventListener('ended', () => say('ended'));
video.addEventListener('playing', () => {
  startMs ??= performance.now() - startedAt;
  say(`playing by ${player.by}`);
});
video.addEventListener('waiting', () => {
  if (!video.paused) say('waiting for the film');
  // Waiting for a place that was sought is no stall.
  if (startMs !== undefined && !video.seeking) stalls++;
});
video.addEventListener('loadedmetadata', () => {
  if (video.paused) say(`ready: ${player.by} plays it`);
});

/** When each track begins, by its name. */
const starts = new Map<string, number>();
video.addEventListener('seeking', () => {
  // Media Source shows nothing before all that plays has begun. hls.js steps over half a second by itself, and waits for ever where it is more.
  // It counts from the first picture: where that is what comes late, its place is 0.
  const begins = player.inUse().map((id) => starts.get(id) ?? 0);
  const begun = Math.max(0, ...begins) - (begins[0] ?? 0);
  if (begun <= 0.5 || video.currentTime >= begun || video.duration <= begun) return;
  // A frame of each has to be there; and what is set may come back as less.
  video.currentTime = begun + 0.02;
});

function showTiles(): void {
  const copied = live === undefined ? '–' : formatBytes(live.copied);
  const tiles: [string, string][] = [
    ['Buffered ahead', seconds(bufferedAhead())],
    ['Last segment came at', lastRate === 0 ? '–' : formatBitRate(lastRate)],
    ['Loaded', formatBytes(loadedBytes)],
    ['From play to picture', startMs === undefined ? '–' : `${Math.round(startMs)} ms`],
    ['Stalls', String(stalls)],
    ['Copied in the server’s memory', copied],
  ];
  const target = byId('tiles');
  if (target.childElementCount !== tiles.length) {
    target.replaceChildren(
      ...tiles.map(([name]) => element('div', {}, element('dt', {}, name), element('dd', {}, ''))),
    );
  }
  tiles.forEach(([, value], index) => {
    setText(target.children[index]!.lastElementChild as HTMLElement, value);
  });
}

function showModes({ modes }: LiveJson): void {
  const rows = Object.entries(modes)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => [name, formatBytes(bytes)]);
  byId('s-modes').hidden = rows.length === 0;
  byId('modes').replaceChildren(table('Bytes by send mode', ['Send mode', '#Bytes'], rows));
}

function showFilm(film: FilmJson): void {
  for (const { id, startSeconds } of film.tracks) starts.set(id, startSeconds);
  document.title = film.name;
  setText(byId('title'), film.name);
  const rows = film.tracks.map(({ kind, codec, language, about, bandwidth }) => [
    kind,
    codec,
    language === 'und' ? '' : language,
    about,
    bandwidth > 0 ? formatBitRate(bandwidth) : '',
  ]);
  byId('tracks').replaceChildren(
    table(`${clockWords(film.durationSeconds)} long`, ['Kind', 'Codec', 'Language', 'What it is', '#At most'], rows),
  );
  const others = film.group.filter((name) => name !== film.name);
  const together = `Offered as one film with ${others.join(', ')}: tracks and bytes of those are on their own pages.`;
  const leftOut = film.leftOut.map(({ what, reason }) => `Left out: ${what}: ${reason}`);
  const notes = [...(others.length > 0 ? [together] : []), ...leftOut, ...film.notes];
  byId('notes').replaceChildren(...notes.map((note) => element('li', {}, note)));
}

const links: [string, string][] = [
  [addresses.master, 'HLS'],
  [addresses.mpd, 'DASH'],
  // The page's address is the film's with a slash behind it.
  [location.pathname.replace(/\/$/, ''), 'the file, to play from anywhere in it'],
];
byId('links').append(
  ...links.map(([href, words]) =>
    element('li', {}, `${words}: `, element('a', { href }, new URL(href, location.href).href)),
  ),
);

async function readJson<Shape>(address: string): Promise<Shape | undefined> {
  try {
    const response = await fetch(address);
    return response.ok ? ((await response.json()) as Shape) : undefined;
  } catch {
    // The next reading comes soon; the player tells of a server that is gone.
    return undefined;
  }
}

async function readLive(): Promise<void> {
  if (document.hidden) return;
  live = (await readJson<LiveJson>(addresses.live)) ?? live;
  if (live !== undefined) showModes(live);
}

const film = readJson<FilmJson>(addresses.film);
void film.then((said) => {
  if (said !== undefined) showFilm(said);
});
void readLive();
setInterval(() => void readLive(), 2000);
setInterval(() => {
  push(bufferPoints, [Date.now(), bufferedAhead()]);
  bufferChart.show(bufferPoints);
  if (ratePoints.length > 0) rateChart.show(ratePoints);
  showTiles();
}, 500);
showTiles();
