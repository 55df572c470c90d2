// Paths as text. A path is bytes; nearly always they are UTF-8, and then the text is just that. A byte that is not part of
// UTF-8 (names from old archives) becomes the lone surrogate U+DC00 + byte, which no UTF-8 can give, so that every path has
// one text and every text its path again (Python's `surrogateescape`, PEP 383). Pure: the kernel's functions and the codecs both use it.

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of a path's bytes. */
export function decodePathText(bytes: Uint8Array, start: number, end: number): string {
  let union = 0;
  for (let index = start; index < end; index++) union |= bytes[index]!;
  const part = bytes.subarray(start, end);
  if (union < 0x80) return Buffer.from(part.buffer, part.byteOffset, part.length).toString('latin1');
  try {
    return strict.decode(part);
  } catch {
    return decodeEscaped(part);
  }
}

/** Byte by byte: the longest run of UTF-8, then one byte that is none. */
function decodeEscaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) text += strict.decode(bytes.subarray(at, at + length));
    else text += String.fromCharCode(0xdc00 + bytes[at]!);
    at += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the well-formed UTF-8 sequence at an offset (Unicode, table 3-7); 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let index = 2; index < length; index++) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/** Writes a path's bytes; returns how many. There must be room for three bytes a character. */
export function encodePathText(text: string, target: Uint8Array): number {
  if (text.isWellFormed()) return encoder.encodeInto(text, target).written;
  let at = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) target[at++] = code - 0xdc00;
    else at += encoder.encodeInto(character, target.subarray(at)).written;
  }
  return at;
}

/** A path's bytes. */
export function pathBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  return bytes.subarray(0, encodePathText(text, bytes));
}
