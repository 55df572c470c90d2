// What was heard on the link of neighbours. A card hands a frame to one of its queues, and each queue has a stack of its own: an answer may come to another one than the
// one that asked. So what is heard is noted, in a short list, for whoever tells it to the stacks of the other queues; and these hear it as if it had come to them. Who has
// one queue never looks at the list. Not here: whom it is told to (bypass/).

import { putAddress } from './addresses';
import { Figure, Place } from './control';
import { count, putPlace } from './figures';
import { learn } from './neighbour';

/** An address (16 bytes), its link address (6), and whether it answers a question of ours (1): so it is told, too. */
const entryBytes: usize = 24;
const macAt: usize = 16;
const answerAt: usize = 22;
const most: u32 = 16;
const list = memory.data(384, 8);
let many: u32 = 0;

/** Forgets what was noted. */
export function configureHeard(): void {
  many = 0;
  putPlace(Place.heard, 0);
}

/** Somebody says, in a frame that came to us, which link address an address has. As `learn`. */
export function hearOnLink(address: usize, mac: usize, isAnswer: bool): void {
  note(address, mac, isAnswer);
  learn(address, mac, isAnswer);
}

/** What does not fit into the list is asked for again. */
function note(address: usize, mac: usize, isAnswer: bool): void {
  if (many === most) return;
  const entry = list + <usize>many * entryBytes;
  putAddress(entry, address);
  store<u32>(entry, load<u32>(mac), macAt);
  store<u16>(entry, load<u16>(mac, 4), macAt + 4);
  store<u16>(entry, isAnswer ? 1 : 0, answerAt);
  putPlace(Place.heard, ++many);
}

/** Hands over what was noted: where it is, as many entries as `Place.heard` said. Nothing is noted then. */
export function takeHeard(): usize {
  configureHeard();
  return list;
}

/** Hears what another queue's stack has noted, in entries as `takeHeard` gives them. */
export function hearAlso(from: usize, entries: u32): void {
  for (let index: u32 = 0; index < min<u32>(entries, most); index++) {
    const entry = from + <usize>index * entryBytes;
    count(Figure.neighbourTold);
    learn(entry, entry + macAt, load<u8>(entry, answerAt) !== 0);
  }
}
