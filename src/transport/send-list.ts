// Hands a scatter-gather list to a connection: each entry with its lender, in order. What is queued leaves with flush().

import type { SgList } from '../memory/sg-list.js';
import type { Connection } from './connection.js';
import type { FileSource } from './output.js';

/**
 * Queues a list's entries; the list is empty afterwards, and its lenders are the connection's to release. Segments must
 * lie in memory with an address.
 */
export function sendList<S, F extends FileSource>(connection: Connection<S>, list: SgList<F>): void {
  for (let index = 0; index < list.length; index++) {
    const region = list.regions[index];
    const offset = list.offsets[index]!;
    const length = list.lengths[index]!;
    const cookie = list.cookies[index]!;
    if (region === undefined) connection.sendExtent(list.files[index]!, offset, length, cookie);
    else connection.sendSegment(region.address + offset, length, list.lenders[index], cookie);
  }
  list.reset();
}
