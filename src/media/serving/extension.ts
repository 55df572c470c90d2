// Media as an extension of the server: which files it answers for. Not here: the answers (handler.ts).

import type { BeneathExtension } from '../../serve/beneath.js';
import { MediaHandler, type MediaOptions } from './handler.js';

const filmName = /\.(?:mp4|m4v|mov|m4a)$/i;

/** The extension of a serving thread. */
export function mediaExtension(options: MediaOptions): BeneathExtension {
  return {
    claims: (path) => filmName.test(path),
    open: (host) => new MediaHandler(host, options),
  };
}
