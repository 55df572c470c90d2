// Clients that do not read what they get are closed: each class of them at its own number of bytes, subscribers after some time already.

import { outputWaits } from '../resp/output';
import { endClient, setSoftSince, softSince, subscriptions } from './clients';
import { NORMAL_HARD, OUTPUT_LIMIT_CLOSED, PUBSUB_HARD, PUBSUB_SOFT, PUBSUB_SOFT_SECONDS } from './control';
import { count, setting } from './settings';
import { upMs } from './time';

/** Closes a client that has more output than it may. Called whenever it got some, and now and then. */
export function checkOutput(client: usize): void {
  const waits = outputWaits(client);
  if (waits === 0) return setSoftSince(client, 0);
  const isSubscriber = subscriptions(client) > 0;
  const hard = setting(isSubscriber ? PUBSUB_HARD : NORMAL_HARD);
  if (hard !== 0 && waits > hard) return close(client);
  const soft = isSubscriber ? setting(PUBSUB_SOFT) : 0;
  if (soft === 0 || waits <= soft) return setSoftSince(client, 0);
  const since = softSince(client);
  if (since === 0) setSoftSince(client, upMs | 1);
  else if (upMs - since > setting(PUBSUB_SOFT_SECONDS) * 1000) close(client);
}

function close(client: usize): void {
  count(OUTPUT_LIMIT_CLOSED, 1);
  endClient(client, true);
}
