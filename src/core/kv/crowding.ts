// What clients have not sent whole holds memory, a long argument all of it as soon as it is announced. Together that is bounded: beyond the bound the client
// that holds most is closed, so that nobody keeps data or others out by promises.

import { INCOMPLETE } from '../resp/parser';
import { QUERY_NO_ROOM, queriesHeld, queryBytes, queryEnd } from '../resp/query';
import { clientAt, clientsUsed, endClient, hasFlag, NO_EVICT, queryOf, RESTORING } from './clients';
import { MAX_BULK, QUERY_LIMIT_CLOSED } from './control';
import { memoryLimit } from './limit';
import { count, setting } from './settings';

/** What others hold up to this does not matter to anybody. */
const LITTLE: u64 = 64 * 1024;

/** A quarter of the memory; where the longest values need more, as much as two of them, but never more than half. */
function most(): u64 {
  const all = memoryLimit();
  const two = <u64>setting(MAX_BULK) * 2;
  const least = two < all >> 1 ? two : all >> 1;
  return least > all >> 2 ? least : all >> 2;
}

/** Whether incomplete commands hold more than they may. */
export function areCrowded(): bool {
  return queriesHeld() > LITTLE && queriesHeld() > most();
}

/** The client that holds most of those that may be closed, 0: nobody holds more than so much. */
function largest(than: u32): usize {
  let found: usize = 0;
  let least = than;
  for (let number: u32 = 0; number < clientsUsed; number++) {
    const client = clientAt(number);
    if (client === 0 || queryBytes(queryOf(client)) <= least || hasFlag(client, NO_EVICT | RESTORING)) continue;
    found = client;
    least = queryBytes(queryOf(client));
  }
  return found;
}

/** Makes room for what a client sends. Returns INCOMPLETE, or QUERY_NO_ROOM where it is the one that holds most. */
export function relieve(client: usize): u32 {
  if (hasFlag(client, RESTORING)) return INCOMPLETE;
  const own = queryBytes(queryOf(client));
  while (areCrowded() && queriesHeld() > <u64>own + LITTLE) {
    count(QUERY_LIMIT_CLOSED, 1);
    const other = largest(own);
    if (other === 0) return QUERY_NO_ROOM;
    endClient(other, true);
    queryEnd(queryOf(other));
  }
  return INCOMPLETE;
}
