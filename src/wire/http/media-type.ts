// The Content-Type of a file by its name, and whether the name carries a hash of the content. Not here: looking at content,
// which is never done (the responses say nosniff).

import { mimes } from 'mrmime';
import { codedExtensions, extensionTypes, nameTypes, wellKnownTypes } from './media-type-table.js';

/** For what has no type of its own. */
export const DEFAULT_MEDIA_TYPE = 'application/octet-stream';

/**
 * Types outside `text/` that are text in UTF-8. XML but for SVG is not among them: it names its own encoding, and a charset
 * here would overrule it (RFC 7303 section 3); neither is RTF, which is ASCII and names its own too.
 */
const UTF_8_TYPE =
  /^(?:text\/(?!xml$|rtf$)|application\/(?:[^;]*\+json|json|jsonl|x-ndjson|json5|javascript|toml|yaml|graphql|x-sh|x-subrip)$|image\/svg\+xml$)/;

/** Where well-known names lie (RFC 8615). */
const WELL_KNOWN = '.well-known/';

/**
 * The Content-Type of a file by its name, `charset=utf-8` included where it belongs: by the extension, any case; without one by
 * the name, where that fixes it (`.well-known/openid-configuration`, `LICENSE`).
 *
 * @param name file name or path
 * @param own types of the operator by extension, which win; `*` is for what has no type of its own
 */
export function mediaType(name: string, own?: ReadonlyMap<string, string>): string {
  const extension = extensionOf(name);
  const type = own?.get(extension) ?? extensionTypes.get(extension) ?? typeOfMrmime(extension);
  if (type !== undefined) return withCharset(type);
  // What the documents say of JSON behind .well-known/ is the bare type.
  return typeOfName(name) ?? withCharset(own?.get('*') ?? DEFAULT_MEDIA_TYPE);
}

/** The table is looked into as it is: a map of it would be made at every start. */
function typeOfMrmime(extension: string): string | undefined {
  return Object.hasOwn(mimes, extension) ? mimes[extension] : undefined;
}

function typeOfName(name: string): string | undefined {
  const at = name.lastIndexOf(WELL_KNOWN);
  const isWellKnown = at === 0 || (at > 0 && name[at - 1] === '/');
  const type =
    (isWellKnown ? typeOfWellKnown(name.slice(at + WELL_KNOWN.length)) : undefined) ??
    nameTypes.get(name.slice(name.lastIndexOf('/') + 1));
  return type?.startsWith('text/') === true ? withCharset(type) : type;
}

/** By the whole path behind `.well-known/`; else by the longest beginning of it that says what its paths are. */
function typeOfWellKnown(path: string): string | undefined {
  const type = wellKnownTypes.get(path);
  for (let end = path.lastIndexOf('/'); type === undefined && end > 0; end = path.lastIndexOf('/', end - 1)) {
    const beneath = wellKnownTypes.get(path.slice(0, end + 1));
    if (beneath !== undefined) return beneath;
  }
  return type;
}

/** A type with `charset=utf-8` where that belongs; one that has parameters already stays. */
function withCharset(type: string): string {
  return UTF_8_TYPE.test(type) && !type.includes(';') ? `${type}; charset=utf-8` : type;
}

/** The content coding that a file has by its nature (`.svgz` is gzip): whoever gets it must be told. */
export function contentCoding(name: string): string | undefined {
  return codedExtensions.get(extensionOf(name));
}

/** The longest extension that is looked at. */
const longestExtension = 32;

function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const dot = base.lastIndexOf('.');
  return dot <= 0 || base.length - dot > longestExtension + 1 ? '' : base.slice(dot + 1).toLowerCase();
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
