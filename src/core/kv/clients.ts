// Clients: their records, of which there is a fixed number, and the list of those that something happened to while another one was served.

import { take } from '../arena';
import { copyBytes } from '../copy';
import { dropOutput, OUTPUT_PART, outputBegin, outputLost, outputWaits } from '../resp/output';
import { QUERY_PART, queryBegin, queryEnd } from '../resp/query';
import {
  CLIENTS,
  CLIENTS_REFUSED,
  CONNECTIONS,
  FEED_CLOSED,
  FEED_CLOSING,
  MAX_CLIENTS,
  PASSWORD_LENGTH,
} from './control';
import { count, setSetting64, setting, setting64 } from './settings';
import { allocate, release } from './slabs';
import { upMs } from './time';

const OPEN: u32 = 1;
/** To be closed when its output has been sent. */
export const CLOSING: u32 = 2;
/** To be closed at once. */
export const KILLED: u32 = 4;
export const IN_MULTI: u32 = 8;
/** A command of the transaction was refused: EXEC will be, too. */
export const SPOILED: u32 = 16;
export const REPLY_OFF: u32 = 32;
/** The next reply is left out. */
export const REPLY_SKIP: u32 = 64;
export const AUTHENTICATED: u32 = 128;
export const RESP3: u32 = 256;
export const NO_EVICT: u32 = 512;
export const NO_TOUCH: u32 = 1024;
/** It restores a snapshot: held to the memory that there is, not to the limit below it. */
export const RESTORING: u32 = 65_536;
/** It is in the list of those that something happened to. */
const IN_NEWS: u32 = 2048;
/** It waits for a key (waiting.ts): its next commands do as well. */
export const BLOCKED: u32 = 4096;

/** Behind the parts of output.ts and query.ts. */
@unmanaged
class Client {
  output0: u64;
  output1: u64;
  query0: u64;
  query1: u64;
  query2: u64;
  query3: u64;
  id: u64;
  flags: u32;
  database: u32;
  /** Texts: their length and their bytes, in one object. */
  texts: u32;
  texts1: u32;
  texts2: u32;
  texts3: u32;
  openedMs: u32;
  usedMs: u32;
  /** The next free record, or the next in the list of news: number and 1. */
  next: u32;
  /** Since when its output is above the soft limit; 0: it is not. */
  softSince: u32;
  command: u32;
  /** What multi.ts and channels.ts keep for it. */
  transaction: u32;
  watches: u32;
  channels: u32;
  patterns: u32;
  channelCount: u32;
  /** What waiting.ts keeps for it. */
  waiter: u32;
}
const CLIENT_BYTES: u32 = 128;

/** Which text: name, library, its version, where it calls from. */
export const TEXT_NAME: u32 = 0;
export const TEXT_LIBRARY: u32 = 1;
export const TEXT_VERSION: u32 = 2;
export const TEXT_PEER: u32 = 3;

let records: usize = 0;
let room: u32 = 0;
let free: u32 = 0;
let nextId: u64 = 0;
let newsFirst: u32 = 0;
let newsLast: u32 = 0;
/** Numbers that were in use once. */
export let clientsUsed: u32 = 0;

/** Makes the records. Returns false where there is no room. */
export function clientsBegin(): bool {
  if (offsetof<Client>() > CLIENT_BYTES || OUTPUT_PART + QUERY_PART !== 48) unreachable();
  room = setting(MAX_CLIENTS);
  records = take(room * CLIENT_BYTES, 64);
  free = 0;
  nextId = 0;
  newsFirst = 0;
  newsLast = 0;
  clientsUsed = 0;
  return records !== 0;
}

/** The record of a number; 0: no such client is open. */
export function clientAt(number: i32): usize {
  if (<u32>number >= clientsUsed) return 0;
  const at = records + <u32>number * CLIENT_BYTES;
  return (changetype<Client>(at).flags & OPEN) !== 0 ? at : 0;
}

/** The number of a record. */
export function clientNumber(client: usize): u32 {
  return <u32>(client - records) / CLIENT_BYTES;
}

/** Opens a client. Returns its number, -EAGAIN (-11) where there are too many. */
export function openClient(): i32 {
  let number: u32 = free;
  if (number !== 0) {
    number -= 1;
    free = changetype<Client>(records + number * CLIENT_BYTES).next;
  } else if (clientsUsed < room) {
    number = clientsUsed;
    clientsUsed += 1;
  } else {
    count(CLIENTS_REFUSED, 1);
    return -11;
  }
  const at = records + number * CLIENT_BYTES;
  memory.fill(at, 0, CLIENT_BYTES);
  outputBegin(at);
  queryBegin(at + OUTPUT_PART);
  const it = changetype<Client>(at);
  nextId += 1;
  it.id = nextId;
  it.flags = OPEN | (setting(PASSWORD_LENGTH) === 0 ? AUTHENTICATED : 0);
  it.openedMs = upMs;
  it.usedMs = upMs;
  count(CONNECTIONS, 1);
  count(CLIENTS, 1);
  return <i32>number;
}

/** Forgets a client whose transaction and channels are gone already. */
export function forgetClient(client: usize): void {
  dropOutput(client);
  queryEnd(client + OUTPUT_PART);
  for (let which: u32 = 0; which < 4; which++) setText(client, which, 0, 0);
  const it = changetype<Client>(client);
  if ((it.flags & IN_NEWS) !== 0) removeNews(client);
  it.flags = 0;
  it.next = free;
  free = clientNumber(client) + 1;
  setSetting64(CLIENTS, setting64(CLIENTS) - 1);
}

/** The part of a client that query.ts has. */
export function queryOf(client: usize): usize {
  return client + OUTPUT_PART;
}

/** Whether a client has any of some flags. */
export function hasFlag(client: usize, flags: u32): bool {
  return (changetype<Client>(client).flags & flags) !== 0;
}

/** Sets or clears flags. */
export function setFlag(client: usize, flags: u32, on: bool): void {
  const it = changetype<Client>(client);
  it.flags = on ? it.flags | flags : it.flags & ~flags;
}

/** The number that no other client has or had. */
export function clientId(client: usize): u64 {
  return changetype<Client>(client).id;
}

/** The client of such a number, 0: there is none. */
export function clientOfId(id: u64): usize {
  for (let number: u32 = 0; number < clientsUsed; number++) {
    const at = clientAt(number);
    if (at !== 0 && changetype<Client>(at).id === id) return at;
  }
  return 0;
}

/** The number of the database that a client has chosen. */
export function clientDatabase(client: usize): u32 {
  return changetype<Client>(client).database;
}

/** Notes the database that a client has chosen. */
export function setClientDatabase(client: usize, number: u32): void {
  changetype<Client>(client).database = number;
}

/** A client has said something: the command that it was. */
export function noteUse(client: usize, command: usize): void {
  const it = changetype<Client>(client);
  it.usedMs = upMs;
  it.command = <u32>command;
}

/** The last command of a client; 0: none. */
export function clientCommand(client: usize): usize {
  return changetype<Client>(client).command;
}

/** Seconds since a client was opened. */
export function clientAge(client: usize): u32 {
  return (upMs - changetype<Client>(client).openedMs) / 1000;
}

/** Seconds since a client said something. */
export function clientIdle(client: usize): u32 {
  return (upMs - changetype<Client>(client).usedMs) / 1000;
}

/** A text of a client: where its length stands, with the bytes behind; 0: it has none. */
export function clientText(client: usize, which: u32): usize {
  return load<u32>(client + which * 4, offsetof<Client>('texts'));
}

/** Gives a client a text; no bytes: none. Returns false where there is no room. */
export function setText(client: usize, which: u32, from: usize, length: u32): bool {
  const at = client + offsetof<Client>('texts') + which * 4;
  const had = load<u32>(at);
  if (had !== 0) release(had);
  store<u32>(at, 0);
  if (length === 0) return true;
  const made = allocate(4 + length);
  if (made === 0) return false;
  store<u32>(made, length);
  copyBytes(made + 4, from, length);
  store<u32>(at, <u32>made);
  return true;
}

/** Something happened to a client that is not the one that is served: output, or its end. */
export function noteNews(client: usize): void {
  const it = changetype<Client>(client);
  if ((it.flags & IN_NEWS) !== 0) return;
  it.flags |= IN_NEWS;
  it.next = 0;
  const number = clientNumber(client) + 1;
  if (newsLast === 0) newsFirst = number;
  else changetype<Client>(records + (newsLast - 1) * CLIENT_BYTES).next = number;
  newsLast = number;
}

function removeNews(client: usize): void {
  const number = clientNumber(client) + 1;
  let previous: u32 = 0;
  for (let at = newsFirst; at !== 0; at = changetype<Client>(records + (at - 1) * CLIENT_BYTES).next) {
    if (at === number) {
      const next = changetype<Client>(client).next;
      if (previous === 0) newsFirst = next;
      else changetype<Client>(records + (previous - 1) * CLIENT_BYTES).next = next;
      if (newsLast === number) newsLast = previous;
      return;
    }
    previous = at;
  }
}

/** Takes the first client that something happened to; -1: there is none. */
export function takeNews(): i32 {
  if (newsFirst === 0) return -1;
  const number = newsFirst - 1;
  const it = changetype<Client>(records + number * CLIENT_BYTES);
  newsFirst = it.next;
  if (newsFirst === 0) newsLast = 0;
  it.flags &= ~IN_NEWS;
  return <i32>number;
}

/** Ends a client: at once, or when its output has been sent. */
export function endClient(client: usize, atOnce: bool): void {
  setFlag(client, atOnce ? KILLED : CLOSING, true);
  noteNews(client);
}

/** What the caller is to do with a client: bits of control.ts' FEED_STATE, without FULL. */
export function closingState(client: usize): u32 {
  const flags = changetype<Client>(client).flags;
  if ((flags & KILLED) !== 0 || outputLost(client)) return FEED_CLOSED;
  if ((flags & CLOSING) === 0) return 0;
  return outputWaits(client) === 0 ? FEED_CLOSED : FEED_CLOSING;
}

/** How many channels and patterns a client listens to. */
export function subscriptions(client: usize): u32 {
  return changetype<Client>(client).channelCount;
}

/** Milliseconds at which the output rose above the soft limit; 0: it is not. */
export function softSince(client: usize): u32 {
  return changetype<Client>(client).softSince;
}

/** Notes when that was. */
export function setSoftSince(client: usize, ms: u32): void {
  changetype<Client>(client).softSince = ms;
}

/** What multi.ts keeps for a client. */
export function transactionOf(client: usize): usize {
  return client + offsetof<Client>('transaction');
}

/** What channels.ts keeps for a client: two tables. */
export function channelsOf(client: usize): usize {
  return client + offsetof<Client>('channels');
}

/** Notes how many they are. */
export function setSubscriptions(client: usize, number: u32): void {
  changetype<Client>(client).channelCount = number;
}

/** What waiting.ts keeps for a client; 0: it does not wait. */
export function waiterOf(client: usize): usize {
  return changetype<Client>(client).waiter;
}

/** Notes that. */
export function setWaiterOf(client: usize, waiter: usize): void {
  changetype<Client>(client).waiter = <u32>waiter;
}
