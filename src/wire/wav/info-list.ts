// The `LIST` chunk of the kind `INFO`: title, artist and album of a WAV. Pure. Not here: every other thing that a LIST can hold.

import { plainText } from '../../text/plain-text.js';
import { characters } from './chunks.js';

/** What is known of a file's names. */
export interface WaveTags {
  readonly title?: string;
  readonly artist?: string;
  readonly album?: string;
}

const names: Readonly<Record<string, keyof WaveTags>> = { INAM: 'title', IART: 'artist', IPRD: 'album' };

/** Text as it stands in a tag: up to its first NUL, on one line. */
export function tagText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return plainText(new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)));
}

/** Reads an INFO list; a list of another kind gives nothing. @param view the chunk's payload, or the beginning of it. */
export function readInfoList(view: DataView): WaveTags {
  const tags: { -readonly [Name in keyof WaveTags]: WaveTags[Name] } = {};
  if (view.byteLength < 4 || characters(view, 0) !== 'INFO') return tags;
  for (let at = 4; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const name = names[characters(view, at)];
    const end = Math.min(at + 8 + size, view.byteLength);
    if (name !== undefined && tags[name] === undefined) {
      const text = tagText(new Uint8Array(view.buffer, view.byteOffset + at + 8, end - at - 8));
      if (text !== '') tags[name] = text;
    }
    at += 8 + size + (size % 2);
  }
  return tags;
}
