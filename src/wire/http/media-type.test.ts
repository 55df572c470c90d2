import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_MEDIA_TYPE, isHashedName, mediaType } from './media-type.js';

test('types by extension, with a charset where it belongs', () => {
  for (const [name, type] of [
    ['index.html', 'text/html; charset=utf-8'],
    ['A/B.HTML', 'text/html; charset=utf-8'],
    ['a.css', 'text/css; charset=utf-8'],
    ['a.js', 'text/javascript; charset=utf-8'],
    ['a.mjs', 'text/javascript; charset=utf-8'],
    ['a.cjs', 'text/javascript; charset=utf-8'],
    ['a.json', 'application/json; charset=utf-8'],
    ['a.min.js.map', 'application/json; charset=utf-8'],
    ['a.webmanifest', 'application/manifest+json; charset=utf-8'],
    ['a.geojson', 'application/geo+json; charset=utf-8'],
    ['a.svg', 'image/svg+xml; charset=utf-8'],
    ['a.txt', 'text/plain; charset=utf-8'],
    ['a.md', 'text/markdown; charset=utf-8'],
    ['a.vtt', 'text/vtt; charset=utf-8'],
    ['a.xml', 'text/xml'],
    ['a.rss', 'application/rss+xml'],
    ['a.wasm', 'application/wasm'],
    ['a.avif', 'image/avif'],
    ['a.webp', 'image/webp'],
    ['a.ico', 'image/x-icon'],
    ['a.woff2', 'font/woff2'],
    ['a.mp4', 'video/mp4'],
    ['a.m4s', 'video/iso.segment'],
    ['a.ts', 'video/mp2t'],
    ['a.m3u8', 'application/vnd.apple.mpegurl'],
    ['a.mpd', 'application/dash+xml'],
    ['a.flac', 'audio/flac'],
    ['a.pdf', 'application/pdf'],
    ['a.tar.gz', 'application/gzip'],
    ['a', DEFAULT_MEDIA_TYPE],
    ['a.unheard-of', DEFAULT_MEDIA_TYPE],
    ['.html', DEFAULT_MEDIA_TYPE],
    ['a.html/b', DEFAULT_MEDIA_TYPE],
    ['a.', DEFAULT_MEDIA_TYPE],
    ['', DEFAULT_MEDIA_TYPE],
    ['a.constructor', DEFAULT_MEDIA_TYPE],
    ['a.__proto__', DEFAULT_MEDIA_TYPE],
  ] as const) {
    assert.equal(mediaType(name), type, name);
  }
});

test('names that carry a hash', () => {
  for (const name of [
    'app.3f9a2b1c.js',
    'assets/app.3f9a2b1c.css',
    'index-BX7s9a2K.js',
    'index-BX7s9a2K.js.map',
    'main.3f9a2b1c.chunk.js',
    'main-3f9a2b1c4d.min.css',
    'vendor_0123456789abcdef0123.js',
    '3f9a2b1c4d5e6f70.js',
    'polyfills-AB2CD34E.js',
    'x-2ABCD3EF.js',
    'x-Ab3Cdefg.js',
    'logo.0a1b2c3d4e5f60718293a4b5c6d7e8f9.svg',
  ]) {
    assert.equal(isHashedName(name), true, name);
  }
});

test('names that do not: words, dates, versions, pages', () => {
  for (const name of [
    'index.html',
    'app.js',
    'jquery-3.7.1.min.js',
    'report-20240101.pdf',
    'backup-2024010112.zip',
    'index-Version2.js',
    'photo-MacBook5.png',
    'photo-iPhone15.jpg',
    'chart-BarChart.js',
    'bootstrap.bundle.min.js',
    'x-AB2CDEFG.js',
    'x-Ab3defgh.js',
    'deadbeef.js',
    'app.deadbeef.js',
    'app.3f9a2b1.js',
    'app.3f9a2b1c.html',
    'app.3f9a2b1c',
    '3f9a2b1c.js',
    'IMG_20240101.jpg',
    'DSC_12345678.jpg',
    'assets-3f9a2b1c/app.js',
    'README-EN-short.md',
  ]) {
    assert.equal(isHashedName(name), false, name);
  }
});
