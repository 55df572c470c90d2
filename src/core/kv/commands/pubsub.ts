// SUBSCRIBE, PSUBSCRIBE, PUBLISH and their like.

import { argument, argumentCount, argumentLength } from '../../resp/arguments';
import { closeOutput, hideOutput, openOutput } from '../../resp/output';
import { isThree, replyArray, replyBulk, replyInteger, replyNull, replyPush, replyText, speak } from '../../resp/reply';
import {
  channelListeners,
  channelName,
  channelNameLength,
  channelTable,
  dropListener,
  findChannel,
  firstListener,
  listen,
  listenedChannel,
  listenerOf,
  listeningClient,
  nextListener,
  unlisten,
} from '../channels';
import { hasFlag, noteNews, REPLY_OFF, REPLY_SKIP, RESP3, subscriptions } from '../clients';
import { addCommand, FAST, PUBSUB, SEVERAL, WHILE_SUBSCRIBED } from '../command-table';
import { MESSAGES_DELIVERED, MESSAGES_PUBLISHED } from '../control';
import { checkOutput } from '../output-limits';
import { matchesPattern } from '../pattern';
import { count } from '../settings';
import { tableCount } from '../table';
import { walkBegin, walkEnd, walkNext } from '../table-walk';
import { noRoom } from './errors';
import { isSubcommand, noSubcommand } from './subcommands';

/** Adds the commands. @param family what stands before their numbers. */
export function addPubsubCommands(family: u32): void {
  addCommand('subscribe', family, -2, PUBSUB | WHILE_SUBSCRIBED, 0, 0, 0);
  addCommand('psubscribe', family + 1, -2, PUBSUB | WHILE_SUBSCRIBED, 0, 0, 0);
  addCommand('unsubscribe', family + 2, -1, PUBSUB | WHILE_SUBSCRIBED, 0, 0, 0);
  addCommand('punsubscribe', family + 3, -1, PUBSUB | WHILE_SUBSCRIBED, 0, 0, 0);
  addCommand('publish', family + 4, 3, PUBSUB | FAST, 0, 0, 0);
  addCommand('pubsub', family + 5, -2, PUBSUB | SEVERAL, 0, 0, 0);
}

/** Runs one of them for a client, by its number in the family. */
export function runPubsub(number: u32, client: usize): void {
  switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
      return follow(number, client);
    case 4:
      return publish(client);
    default:
      return pubsub();
  }
}

/** SUBSCRIBE and its like: what they say is told as messages are, also to who wants no replies (CLIENT REPLY OFF). */
function follow(number: u32, client: usize): void {
  hideOutput(false);
  if (number < 2) subscribe(client, number === 1);
  else unsubscribe(client, number === 3);
  hideOutput(hasFlag(client, REPLY_OFF | REPLY_SKIP));
}

function subscribe(client: usize, isPattern: bool): void {
  for (let index: u32 = 1; index < argumentCount; index++) {
    if (!listen(client, isPattern, argument(index), argumentLength(index))) return noRoom();
    replyPush(3);
    replyText(isPattern ? 'psubscribe' : 'subscribe');
    replyBulk(argument(index), argumentLength(index));
    replyInteger(subscriptions(client));
  }
}

function unsubscribe(client: usize, isPattern: bool): void {
  const name = isPattern ? 'punsubscribe' : 'unsubscribe';
  for (let index: u32 = 1; index < argumentCount; index++) {
    unlisten(client, isPattern, argument(index), argumentLength(index));
    replyPush(3);
    replyText(name);
    replyBulk(argument(index), argumentLength(index));
    replyInteger(subscriptions(client));
  }
  if (argumentCount > 1) return;
  let listener = listenerOf(client, isPattern, 0);
  if (listener === 0) {
    replyPush(3);
    replyText(name);
    replyNull();
    replyInteger(subscriptions(client));
  }
  for (; listener !== 0; listener = listenerOf(client, isPattern, 0)) {
    const channel = listenedChannel(listener);
    replyPush(3);
    replyText(name);
    replyBulk(channelName(channel), channelNameLength(channel));
    replyInteger(subscriptions(client) - 1);
    dropListener(client, listener);
  }
}

/** Writes the message in the arguments to all listeners of a channel or of a pattern. Returns how many they are. */
function deliver(channel: usize, isPattern: bool): u32 {
  for (let at = firstListener(channel); at !== 0; at = nextListener(at)) {
    const to = listeningClient(at);
    openOutput(to, false);
    speak(hasFlag(to, RESP3));
    replyPush(isPattern ? 4 : 3);
    replyText(isPattern ? 'pmessage' : 'message');
    if (isPattern) replyBulk(channelName(channel), channelNameLength(channel));
    replyBulk(argument(1), argumentLength(1));
    replyBulk(argument(2), argumentLength(2));
    closeOutput();
    checkOutput(to);
    noteNews(to);
  }
  return channelListeners(channel);
}

const walk = memory.data(16, 8);

function publish(client: usize): void {
  const wasThree = isThree;
  closeOutput();
  let reached: u32 = 0;
  const channel = findChannel(false, argument(1), argumentLength(1));
  if (channel !== 0) reached += deliver(channel, false);
  const patterns = channelTable(true);
  if (tableCount(patterns) > 0) {
    walkBegin(walk, patterns);
    for (let at = walkNext(walk); at !== 0; at = walkNext(walk)) {
      if (!matchesPattern(channelName(at), channelNameLength(at), argument(1), argumentLength(1))) continue;
      reached += deliver(at, true);
    }
    walkEnd(walk);
  }
  count(MESSAGES_PUBLISHED, 1);
  count(MESSAGES_DELIVERED, reached);
  openOutput(client, hasFlag(client, REPLY_OFF | REPLY_SKIP));
  speak(wasThree);
  replyInteger(reached);
}

function pubsub(): void {
  if (isSubcommand('pubsub', 'numpat', 2)) return replyInteger(tableCount(channelTable(true)));
  // There are no channels of shards, and nobody listens to one.
  if (isSubcommand('pubsub', 'shardchannels', -2)) return replyArray(0);
  const isSharded = isSubcommand('pubsub', 'shardnumsub', -2);
  if (isSharded || isSubcommand('pubsub', 'numsub', -2)) {
    replyArray((argumentCount - 2) * 2);
    for (let index: u32 = 2; index < argumentCount; index++) {
      const channel: usize = isSharded ? 0 : findChannel(false, argument(index), argumentLength(index));
      replyBulk(argument(index), argumentLength(index));
      replyInteger(channel === 0 ? 0 : channelListeners(channel));
    }
    return;
  }
  if (!isSubcommand('pubsub', 'channels', -2) || argumentCount > 3) {
    return noSubcommand('PUBSUB', 'CHANNELS HELP NUMPAT NUMSUB SHARDCHANNELS SHARDNUMSUB');
  }
  channels();
}

function channels(): void {
  let matching: u32 = 0;
  for (let pass: u32 = 0; pass < 2; pass++) {
    if (pass === 1) replyArray(matching);
    walkBegin(walk, channelTable(false));
    for (let at = walkNext(walk); at !== 0; at = walkNext(walk)) {
      const name = channelName(at);
      const length = channelNameLength(at);
      if (argumentCount === 3 && !matchesPattern(argument(2), argumentLength(2), name, length)) continue;
      if (pass === 0) matching += 1;
      else replyBulk(name, length);
    }
    walkEnd(walk);
  }
}
