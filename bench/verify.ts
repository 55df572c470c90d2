// Before a peer is measured in a row its answer is checked: status 200, the right length, the right bytes.
// A peer that serves errors fast must not look fast.

import { get, headBytesOf } from './load/http-client.js';
import type { SiteFile } from './rows.js';
import type { RunningPeer } from './servers/peer.js';

/**
 * Fetches `file` once from `peer` and compares.
 * @returns the bytes of the response head, as a client that keeps its connection gets it.
 * @throws saying what was wrong with the answer.
 */
export async function verify(peer: RunningPeer, file: SiteFile, sha256: string): Promise<number> {
  const url = `${peer.origin}/${file.name}`;
  const fetched = await get(url);
  if (fetched.status !== 200) throw new Error(`${file.name} was answered with status ${fetched.status}`);
  if (fetched.bodyBytes !== file.bytes) {
    throw new Error(`${file.name} has ${file.bytes} bytes and ${fetched.bodyBytes} arrived`);
  }
  if (fetched.sha256 !== sha256) throw new Error(`${file.name} arrived with other bytes than it has on disk`);
  return headBytesOf(url);
}
