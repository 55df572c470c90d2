// A request as the variables of a document want it, from its parsed head.

import { type PeeredConnection, peerHost } from '../../transport/peer.js';
import type { RequestHead } from '../../wire/http1/request.js';
import type { SsiRequest } from './variables.js';

/** The request of a head whose bytes are still there, on a connection. */
export function requestOf(head: RequestHead, connection: PeeredConnection): SsiRequest {
  return {
    method: head.text(head.methodStart, head.methodEnd),
    target: head.text(head.targetStart, head.targetEnd),
    protocol: `HTTP/1.${head.versionMinor}`,
    header: (name) => head.fieldByName(name),
    peer: () => peerHost(connection) ?? '',
  };
}

/** The same of a head whose bytes are about to go: they are taken over. */
export function keptRequestOf(head: RequestHead, connection: PeeredConnection): SsiRequest {
  const fields = new Map<string, string>();
  for (const line of head.text(head.fieldsStart, head.start + head.length).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { ...requestOf(head, connection), header: (name) => fields.get(name) };
}
