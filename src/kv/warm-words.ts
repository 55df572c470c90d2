// What clients of our own ask a store before others are let in (transport/warm-up.ts), in the process and in a guest. Not here: when.

import type { WarmUpWords } from '../transport/warm-up.js';

/** As clients ask for a key, of one that is hardly there; nothing is changed by it, and what was counted is forgotten at the end. */
export function warmWords(password: string | undefined): WarmUpWords {
  const again = '*2\r\n$3\r\nGET\r\n$16\r\nclearway:warm-up\r\n';
  const first =
    password === undefined ? again : `*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(password)}\r\n${password}\r\n`;
  return { first, again, last: 'CONFIG RESETSTAT\r\n' };
}
