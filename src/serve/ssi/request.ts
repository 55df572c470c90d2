// A request as the variables of a document want it, from its parsed head.

import { peerAddress } from '../../kernel/socket.js';
import type { RequestHead } from '../../wire/http1/request.js';
import type { SsiRequest } from './variables.js';

/** The request of a head whose bytes are still there, on the connection of a descriptor. */
export function requestOf(head: RequestHead, fd: number): SsiRequest {
  return {
    method: head.text(head.methodStart, head.methodEnd),
    target: head.text(head.targetStart, head.targetEnd),
    protocol: `HTTP/1.${head.versionMinor}`,
    header: (name) => head.fieldByName(name),
    peer: () => {
      try {
        return peerAddress(fd).host;
      } catch {
        return '';
      }
    },
  };
}
