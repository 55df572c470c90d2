// Byte classes and codes of the HTTP/1.1 grammar, as 256-entry tables that a scanner reads once a byte.
// Not here: anything that looks at more than one byte.

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const PERCENT = 0x25;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
const QUESTION = 0x3f;

/**
 * Token bytes (RFC 9110 section 5.6.2) mapped to themselves with letters folded to lower case; 0 for every other byte.
 * One read therefore answers both "is it a token byte" and "which letter".
 */
export const TOKEN: Uint8Array = table((code) => {
  if (code >= 0x41 && code <= 0x5a) return code | 0x20;
  if ((code >= 0x61 && code <= 0x7a) || isDigit(code)) return code;
  return "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code)) ? code : 0;
});

/**
 * Bytes that a request-target may hold: printable ASCII without `"`, `#`, `<` and `>`.
 * That is RFC 3986 plus the few bytes which the URL standard leaves unescaped in a query (`{ } | \ ^` and the backtick),
 * so that every request of a browser passes; a fragment or a raw non-ASCII byte does not. 1 for such a byte, 2 for `?`,
 * 0 for every other.
 */
export const TARGET: Uint8Array = table((code) => {
  if (code === QUESTION) return 2;
  return code > SP && code < 0x7f && !'"#<>'.includes(String.fromCharCode(code)) ? 1 : 0;
});

/** Bytes of a field value (RFC 9110 section 5.5): HTAB, SP, VCHAR and obs-text; 0 for controls and DEL. */
export const VALUE: Uint8Array = table((code) => (code === HTAB || (code >= SP && code !== 0x7f) ? 1 : 0));

/** Bytes of a registered name or IPv4 address (RFC 3986 section 3.2.2): unreserved and sub-delims; `%` is not among them. */
export const REG_NAME: Uint8Array = table((code) => {
  if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || isDigit(code)) return 1;
  return code !== 0 && "-._~!$&'()*+,;=".includes(String.fromCharCode(code)) ? 1 : 0;
});

/** Value of a hexadecimal digit plus one; 0 for every other byte. */
export const HEX: Uint8Array = table((code) => {
  if (isDigit(code)) return code - ZERO + 1;
  const folded = code | 0x20;
  return folded >= 0x61 && folded <= 0x66 ? folded - 0x61 + 11 : 0;
});

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function table(value: (code: number) => number): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let code = 0; code < 256; code++) bytes[code] = value(code);
  return bytes;
}
