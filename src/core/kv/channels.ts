// Channels and patterns that clients listen to. Each channel is an item of a table with a list of its listeners; each client has a list of its channels.

import { channelsOf, setSubscriptions, subscriptions } from './clients';
import { hashOf } from './hash';
import { allocate, release } from './slabs';
import { itemKeyLength, itemSetKey, TABLE_BYTES, tableAdd, tableBegin, tableFind, tableRemove } from './table';

/** Behind the head of a table's item. */
@unmanaged
class Channel {
  next: u32;
  hash: u32;
  keyLength: u32;
  listeners: u32;
  count: u32;
}
const NAME_AT: u32 = 20;

/** One client that listens to one channel: in the channel's list, and in the client's. */
@unmanaged
class Listener {
  client: u32;
  channel: u32;
  nextOfChannel: u32;
  previousOfChannel: u32;
  nextOfClient: u32;
  previousOfClient: u32;
  isPattern: u32;
}
const LISTENER_BYTES: u32 = 28;

/** The table of channels, then the one of patterns. */
const tables = memory.data(40, 8);

/** Forgets all channels. */
export function channelsBegin(): void {
  tableBegin(tables, NAME_AT);
  tableBegin(tables + TABLE_BYTES, NAME_AT);
}

/** The table of channels, or of patterns. */
export function channelTable(isPattern: bool): usize {
  return isPattern ? tables + TABLE_BYTES : tables;
}

/** Where a channel's name is. */
export function channelName(channel: usize): usize {
  return channel + NAME_AT;
}

/** Bytes of its name. */
export function channelNameLength(channel: usize): u32 {
  return itemKeyLength(channel);
}

/** How many clients listen to it. */
export function channelListeners(channel: usize): u32 {
  return changetype<Channel>(channel).count;
}

/** A channel by its name; 0: nobody listens to it. */
export function findChannel(isPattern: bool, name: usize, length: u32): usize {
  return tableFind(channelTable(isPattern), name, length);
}

/** The first listener of a channel; 0: there is none. */
export function firstListener(channel: usize): usize {
  return changetype<Channel>(channel).listeners;
}

/** The listener behind one in its channel's list. */
export function nextListener(listener: usize): usize {
  return changetype<Listener>(listener).nextOfChannel;
}

/** The client that listens. */
export function listeningClient(listener: usize): usize {
  return changetype<Listener>(listener).client;
}

/** The channel that a listener listens to. */
export function listenedChannel(listener: usize): usize {
  return changetype<Listener>(listener).channel;
}

/** The listener of a client of one kind, from a listener on (0: from the first on); 0: there is none. */
export function listenerOf(client: usize, isPattern: bool, after: usize): usize {
  let at: u32 = after === 0 ? load<u32>(channelsOf(client)) : changetype<Listener>(after).nextOfClient;
  while (at !== 0 && (changetype<Listener>(at).isPattern !== 0) !== isPattern)
    at = changetype<Listener>(at).nextOfClient;
  return at;
}

/** How many patterns a client listens to. */
export function patternsOf(client: usize): u32 {
  let patterns: u32 = 0;
  for (let at = load<u32>(channelsOf(client)); at !== 0; at = changetype<Listener>(at).nextOfClient) {
    patterns += changetype<Listener>(at).isPattern;
  }
  return patterns;
}

/** The listener that a client is of a channel; 0: it is none. It is looked for in the shorter one of both their lists. */
function findListener(client: usize, channel: usize): usize {
  if (channelListeners(channel) < subscriptions(client)) {
    for (let at = firstListener(channel); at !== 0; at = nextListener(at)) {
      if (listeningClient(at) === client) return at;
    }
    return 0;
  }
  for (let at = load<u32>(channelsOf(client)); at !== 0; at = changetype<Listener>(at).nextOfClient) {
    if (changetype<Listener>(at).channel === <u32>channel) return at;
  }
  return 0;
}

/** Makes a client listen, if it does not already. Returns false where there is no room. */
export function listen(client: usize, isPattern: bool, name: usize, length: u32): bool {
  const table = channelTable(isPattern);
  let channel = tableFind(table, name, length);
  if (channel !== 0 && findListener(client, channel) !== 0) return true;
  const made = allocate(LISTENER_BYTES);
  if (made === 0) return false;
  if (channel === 0) {
    channel = allocate(NAME_AT + length);
    if (channel === 0) {
      release(made);
      return false;
    }
    changetype<Channel>(channel).listeners = 0;
    changetype<Channel>(channel).count = 0;
    itemSetKey(channel, NAME_AT, name, length);
    if (!tableAdd(table, channel, hashOf(name, length))) {
      release(channel);
      release(made);
      return false;
    }
  }
  link(client, channel, made, isPattern);
  return true;
}

function link(client: usize, channel: usize, made: usize, isPattern: bool): void {
  const it = changetype<Channel>(channel);
  const listener = changetype<Listener>(made);
  listener.client = <u32>client;
  listener.channel = <u32>channel;
  listener.nextOfChannel = it.listeners;
  listener.previousOfChannel = 0;
  listener.isPattern = isPattern ? 1 : 0;
  if (it.listeners !== 0) changetype<Listener>(it.listeners).previousOfChannel = <u32>made;
  it.listeners = <u32>made;
  it.count += 1;
  const first = load<u32>(channelsOf(client));
  listener.previousOfClient = 0;
  listener.nextOfClient = first;
  if (first !== 0) changetype<Listener>(first).previousOfClient = <u32>made;
  store<u32>(channelsOf(client), <u32>made);
  setSubscriptions(client, subscriptions(client) + 1);
}

/** Makes a client listen no more. Its channel is gone with its last listener. */
export function unlisten(client: usize, isPattern: bool, name: usize, length: u32): void {
  const channel = findChannel(isPattern, name, length);
  if (channel === 0) return;
  const listener = findListener(client, channel);
  if (listener !== 0) dropListener(client, listener);
}

/** Ends one listener of a client. */
export function dropListener(client: usize, listener: usize): void {
  const it = changetype<Listener>(listener);
  if (it.nextOfClient !== 0) changetype<Listener>(it.nextOfClient).previousOfClient = it.previousOfClient;
  if (it.previousOfClient !== 0) changetype<Listener>(it.previousOfClient).nextOfClient = it.nextOfClient;
  else store<u32>(channelsOf(client), it.nextOfClient);
  const channel = changetype<Channel>(it.channel);
  if (it.nextOfChannel !== 0) changetype<Listener>(it.nextOfChannel).previousOfChannel = it.previousOfChannel;
  if (it.previousOfChannel !== 0) changetype<Listener>(it.previousOfChannel).nextOfChannel = it.nextOfChannel;
  else channel.listeners = it.nextOfChannel;
  channel.count -= 1;
  if (channel.count === 0) {
    tableRemove(channelTable(it.isPattern !== 0), it.channel);
    release(it.channel);
  }
  release(listener);
  setSubscriptions(client, subscriptions(client) - 1);
}

/** Ends all listeners of a client. */
export function unlistenAll(client: usize): void {
  while (load<u32>(channelsOf(client)) !== 0) dropListener(client, load<u32>(channelsOf(client)));
}
