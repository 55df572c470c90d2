// The Content-Type of a file by its name, and whether the name carries a hash of the content. Not here: looking at content,
// which is never done (the responses say nosniff).

import { mimes } from 'mrmime';

/** For what has no type of its own. */
export const DEFAULT_MEDIA_TYPE = 'application/octet-stream';

/** What mrmime, which keeps to the standard tree, leaves out or names in a way that browsers refuse. */
const MORE_TYPES: Readonly<Record<string, string>> = {
  '3gp': 'video/3gpp',
  '7z': 'application/x-7z-compressed',
  aif: 'audio/aiff',
  aiff: 'audio/aiff',
  arrow: 'application/vnd.apache.arrow.file',
  avi: 'video/x-msvideo',
  br: 'application/x-brotli',
  bz2: 'application/x-bzip2',
  c: 'text/x-c',
  cjs: 'text/javascript',
  cmfa: 'audio/mp4',
  cmft: 'application/mp4',
  cmfv: 'video/mp4',
  cpp: 'text/x-c',
  crt: 'application/x-x509-ca-cert',
  cur: 'image/x-icon',
  diff: 'text/x-diff',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  eot: 'application/vnd.ms-fontobject',
  flac: 'audio/flac',
  flv: 'video/x-flv',
  go: 'text/plain',
  graphql: 'application/graphql',
  h: 'text/x-c',
  har: 'application/json',
  ico: 'image/x-icon',
  java: 'text/plain',
  jsonl: 'application/jsonl',
  lua: 'text/plain',
  m3u: 'audio/x-mpegurl',
  m3u8: 'application/vnd.apple.mpegurl',
  m4a: 'audio/mp4',
  m4v: 'video/mp4',
  mkv: 'video/matroska',
  mka: 'audio/matroska',
  ndjson: 'application/x-ndjson',
  odt: 'application/vnd.oasis.opendocument.text',
  parquet: 'application/vnd.apache.parquet',
  patch: 'text/x-diff',
  pem: 'application/x-pem-file',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  py: 'text/x-python',
  rar: 'application/vnd.rar',
  rpm: 'application/x-rpm',
  rs: 'text/plain',
  scss: 'text/x-scss',
  sh: 'application/x-sh',
  sqlite: 'application/vnd.sqlite3',
  srt: 'application/x-subrip',
  tar: 'application/x-tar',
  tgz: 'application/gzip',
  topojson: 'application/json',
  usdz: 'model/vnd.usdz+zip',
  vcf: 'text/vcard',
  vue: 'text/plain',
  whl: 'application/zip',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  xz: 'application/x-xz',
  zst: 'application/zstd',
};

const TYPES: ReadonlyMap<string, string> = new Map([...Object.entries(mimes), ...Object.entries(MORE_TYPES)]);

/**
 * Types outside `text/` that are text in UTF-8. XML but for SVG is not among them: it names its own encoding, and a charset
 * here would overrule it (RFC 7303 section 3).
 */
const UTF_8_TYPE =
  /^(?:text\/(?!xml)|application\/(?:[^;]*\+json|json|jsonl|x-ndjson|json5|javascript|toml|yaml|graphql|x-sh|x-subrip)$|image\/svg\+xml$)/;

/**
 * The Content-Type of a file, `charset=utf-8` included where it belongs, by the extension of its name, any case.
 *
 * @param name file name or path
 */
export function mediaType(name: string): string {
  const extension = extensionOf(name);
  const type = TYPES.get(extension);
  if (type === undefined) return DEFAULT_MEDIA_TYPE;
  return UTF_8_TYPE.test(type) ? `${type}; charset=utf-8` : type;
}

function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const dot = base.lastIndexOf('.');
  return dot <= 0 || base.length - dot > 16 ? '' : base.slice(dot + 1).toLowerCase();
}

/** A last part that may be a hash, behind `.`, `-`, `_` or nothing, then what bundlers put behind it. */
const HASHED =
  /(?:^|[.\-_])([0-9A-Za-z]{8,64})(?:\.(?:min|chunk|bundle|module|legacy))?\.(?!x?html?$)[0-9a-z]{1,16}(?:\.map)?$/;
/** Lengths that digests are cut to, in hexadecimal digits. */
const DIGEST_LENGTHS: ReadonlySet<number> = new Set([8, 10, 12, 16, 20, 24, 32, 40, 64]);

/**
 * Whether a file name carries a hash of its content (`app.3f9a2b1c.js`, `index-BX7s9a2K.js`), so that a response for it may be
 * kept for ever. A name that is wrongly taken for hashed goes stale in browsers for a year, one that is missed costs a
 * revalidation: so words, dates and versions must not pass, and about half of the eight-letter hashes of Vite do not either.
 *
 * @param name file name or path
 */
export function isHashedName(name: string): boolean {
  const match = HASHED.exec(name.slice(name.lastIndexOf('/') + 1));
  if (match === null) return false;
  const hash = match[1]!;
  if (match.index === 0 && match[0].startsWith(hash) && hash.length < 16) return false;
  if (/^[0-9a-f]+$/.test(hash)) return DIGEST_LENGTHS.has(hash.length) && /[0-9]/.test(hash) && /[a-f]/.test(hash);
  return hash.length === 8 && looksRandom(hash);
}

/** Eight letters and digits that change class too often, with a digit before a letter, to be a word with a number. */
function looksRandom(hash: string): boolean {
  const classes = hash
    .replace(/[A-Z]+/g, 'A')
    .replace(/[a-z]+/g, 'a')
    .replace(/[0-9]+/g, '0');
  const isBase32 = /^[A-Z2-7]+$/.test(hash);
  return /0[Aa]/.test(classes) && classes.length >= (isBase32 ? 4 : 5);
}
