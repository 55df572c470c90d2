import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentCoding, DEFAULT_MEDIA_TYPE, isHashedName, mediaType } from './media-type.js';
import { ownTypes, typesProblem } from './own-types.js';

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
    ['a.tgz', 'application/gzip'],
    ['a.apk', 'application/vnd.android.package-archive'],
    ['a.svgz', 'image/svg+xml; charset=utf-8'],
    ['a.jxl', 'image/jxl'],
    ['a.glb', 'model/gltf-binary'],
    ['a.usdz', 'model/vnd.usdz+zip'],
    ['a.pmtiles', 'application/vnd.pmtiles'],
    ['a.parquet', 'application/vnd.apache.parquet'],
    ['a.kml', 'application/vnd.google-earth.kml+xml'],
    ['a.pkpass', 'application/vnd.apple.pkpass'],
    ['a.deb', 'application/vnd.debian.binary-package'],
    ['a.xls', 'application/vnd.ms-excel'],
    ['a.epub', 'application/epub+zip'],
    ['a.torrent', 'application/x-bittorrent'],
    ['a.mobileconfig', 'application/x-apple-aspen-config'],
    ['a.psd', 'image/vnd.adobe.photoshop'],
    ['a.yaml', 'application/yaml; charset=utf-8'],
    ['a.rtf', 'text/rtf'],
    ['a.opml', 'application/xml'],
    ['a.tsx', 'text/plain; charset=utf-8'],
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

test('names without an extension whose type is fixed elsewhere', () => {
  for (const [name, type] of [
    ['.well-known/apple-app-site-association', 'application/json'],
    ['apple-app-site-association', 'application/json'],
    ['.well-known/assetlinks.json', 'application/json; charset=utf-8'],
    ['.well-known/security.txt', 'text/plain; charset=utf-8'],
    ['.well-known/openid-configuration', 'application/json'],
    ['.well-known/oauth-authorization-server', 'application/json'],
    // RFC 8414 section 3.1, RFC 9728 section 3.1: an issuer and a resource with a path have it behind the name.
    ['.well-known/oauth-authorization-server/tenant/one', 'application/json'],
    ['.well-known/oauth-protected-resource/mcp', 'application/json'],
    ['.well-known/openid-credential-issuer/tenant', 'application/json'],
    ['.well-known/lnurlp/alice', 'application/json'],
    ['.well-known/nodeinfo/2.1', 'application/json'],
    ['.well-known/web-identity', 'application/json'],
    ['.well-known/api-catalog', 'application/linkset+json'],
    ['.well-known/amphtml/apikey.pub', 'text/plain; charset=utf-8'],
    ['.well-known/oauth-protected-resource.md', 'text/markdown; charset=utf-8'],
    ['.well-known/webfinger/x', DEFAULT_MEDIA_TYPE],
    ['wpad.dat', 'application/x-ns-proxy-autoconfig'],
    ['other.dat', DEFAULT_MEDIA_TYPE],
    ['.well-known/host-meta', 'application/xrd+xml'],
    ['.well-known/webfinger', 'application/jrd+json'],
    ['.well-known/nodeinfo', 'application/json'],
    ['.well-known/matrix/client', 'application/json'],
    ['.well-known/matrix/server', 'application/json'],
    ['.well-known/change-password', 'text/html; charset=utf-8'],
    ['.well-known/traffic-advice', 'application/trafficadvice+json'],
    ['.well-known/atproto-did', 'text/plain; charset=utf-8'],
    ['site/.well-known/openid-configuration', 'application/json'],
    // RFC 8555 section 8.3 asks for nothing more.
    ['.well-known/acme-challenge/token', DEFAULT_MEDIA_TYPE],
    ['my.well-known/nodeinfo', DEFAULT_MEDIA_TYPE],
    ['nodeinfo', DEFAULT_MEDIA_TYPE],
    ['matrix/client', DEFAULT_MEDIA_TYPE],
    ['.well-known/__proto__', DEFAULT_MEDIA_TYPE],
    ['LICENSE', 'text/plain; charset=utf-8'],
    ['docs/README', 'text/plain; charset=utf-8'],
    ['SHA256SUMS', 'text/plain; charset=utf-8'],
    ['license', DEFAULT_MEDIA_TYPE],
  ] as const) {
    assert.equal(mediaType(name), type, name);
  }
});

test('only what is compressed by its nature has a coding', () => {
  assert.equal(contentCoding('a/b.SVGZ'), 'gzip');
  for (const name of ['a.svg', 'a.tgz', 'a.tar.gz', 'a.js.gz', 'svgz', 'a.docx']) {
    assert.equal(contentCoding(name), undefined, name);
  }
});

test('types of the operator win, in any case, with a charset where it belongs and none was given', () => {
  const own = ownTypes({
    LOG: 'text/x-log',
    '.data': 'application/x-data',
    html: 'text/html; charset=iso-8859-1',
    '*': 'text/plain',
  });
  for (const [name, type] of [
    ['a.log', 'text/x-log; charset=utf-8'],
    ['a.DATA', 'application/x-data'],
    ['a.html', 'text/html; charset=iso-8859-1'],
    ['a.css', 'text/css; charset=utf-8'],
    ['a.unheard-of', 'text/plain; charset=utf-8'],
    ['a', 'text/plain; charset=utf-8'],
    ['.well-known/openid-configuration', 'application/json'],
  ] as const) {
    assert.equal(mediaType(name, own), type, name);
  }
});

test('types of the operator that are none are refused with the reason', () => {
  assert.equal(typesProblem({ log: 'text/plain', '.x': 'a/b; c=d; e="f g"', '*': 'text/plain' }), undefined);
  for (const [types, sentence] of [
    [{ 'tar.gz': 'a/b' }, /"tar.gz" is no extension: give what follows the last dot/],
    [{ '': 'a/b' }, /"" is no extension/],
    [{ 'a/b': 'a/b' }, /"a\/b" is no extension/],
    [{ log: 'plain' }, /the type of "log" must be a media type such as text\/plain/],
    [{ log: 'text/plain\r\nSet-Cookie: a' }, /must be a media type/],
    [{ log: 'text/plain;' }, /must be a media type/],
    [{ log: 3 }, /must be a media type/],
  ] as const) {
    assert.match(typesProblem(types) ?? '', sentence);
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
