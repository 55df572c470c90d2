// How many messages of the gather path are lent now, asked from outside: what cannot be leased is lent. For tests that look
// for a message that nobody gave back.

import { leaseMessage, releaseMessage } from '../../src/transport/gather.js';

/** Messages that can be leased now; each of them is leased and given back. */
function freeMessages(): number {
  const leased: number[] = [];
  for (let message = leaseMessage(1); message >= 0; message = leaseMessage(1)) leased.push(message);
  for (const message of leased) releaseMessage(message);
  return leased.length;
}

/** Taken when this file is loaded: before a test sends anything. */
const allMessages = freeMessages();

/** Messages that are leased now, in this thread. */
export function messagesLeased(): number {
  return allMessages - freeMessages();
}
