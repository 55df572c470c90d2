// Text from files (names of handlers, languages, file names) made safe for playlists and manifests. Whatever comes in, one line of
// well-formed text comes out. Not here: escapes of HTML and XML (text/escape-html.ts), percent-encoding of paths (wire/http/path.ts).

/** The most characters that a name in a menu has. */
const maxLabelLength = 100;

/** Controls (C0, DEL, C1), line and paragraph separators, marks of direction and byte order, what XML 1.0 has no room for. */
const unwanted = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+/gu;

/** One line of at most 100 characters, without controls, lone surrogates and blanks at the ends. May be empty. */
export function cleanLabel(text: string): string {
  // Cut first: a handler's name may be megabytes long.
  const line = text
    .slice(0, maxLabelLength * 4)
    .toWellFormed()
    .replace(unwanted, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= maxLabelLength ? line : [...line].slice(0, maxLabelLength).join('').trimEnd();
}

/** A quoted string of an HLS attribute (RFC 8216 section 4.2): no quotes, no ends of lines. */
export function quoted(text: string): string {
  return `"${cleanLine(text).replaceAll('"', "'")}"`;
}

/** A text without anything that ends a line or is invisible; as long as it is. */
export function cleanLine(text: string): string {
  return text.toWellFormed().replace(unwanted, ' ');
}
