// The connections of the store's clients: a record for each socket of TCP, the row of those that are to be looked at, in which each stands once, and the
// list of those that say goodbye, the one that is to end first in front. Not here: what is done with them (serve.ts, goodbye.ts).

import { take } from '../arena';

/** It listens. */
export const LISTENS: u32 = 1;
/** The peer has ended its direction, and all that it said was taken. */
export const HEARD_ALL: u32 = 2;
/** It has no client any more: what still arrives is thrown away, so that no reset destroys the last reply on its way. */
export const SAYS_GOODBYE: u32 = 4;
/** It stands in the row. */
const IN_ROW: u32 = 8;

@unmanaged
/** The record of a socket. */
export class Link {
  /** The store's client: its number and 1; 0: none. */
  client: u32;
  flags: u32;
  /** What is left of the piece that is being read, in a frame that is ours until then: where, and how much. */
  at: usize;
  rest: u32;
  /** The neighbours in the list of those that say goodbye: numbers and 1. */
  next: u32;
  back: u32;
  /** Bytes that were thrown away. */
  discarded: u32;
  /** Until when goodbye may last (`nowUs` of clock.ts). */
  until: u64;
}
const linkBytes: u32 = 40;

let links: usize = 0;
/** The socket of each client, and 1; 0: the client is somebody else's. */
let sockets: usize = 0;
let row: usize = 0;
let many: u32 = 0;
let clients: u32 = 0;
let rowHead: u32 = 0;
let rowLength: u32 = 0;
let goodbyeFirst: u32 = 0;
let goodbyeLast: u32 = 0;
/** Sockets of clients, and of those that say goodbye. */
export let linksOpen: u32 = 0;

/** Lays out room. @param connections sockets of TCP. @param mostClients the store's. Returns whether there was some */
export function configureLinks(connections: u32, mostClients: u32): bool {
  many = connections;
  clients = mostClients;
  links = take(many * linkBytes, 64);
  sockets = take(clients * 4, 64);
  row = take(many * 4, 64);
  rowHead = 0;
  rowLength = 0;
  goodbyeFirst = 0;
  goodbyeLast = 0;
  linksOpen = 0;
  return links !== 0 && sockets !== 0 && row !== 0;
}

/** How many sockets there are. */
export function linkRoom(): u32 {
  return many;
}

/** The record of a socket. */
export function linkOf(socket: u32): Link {
  return changetype<Link>(links + socket * linkBytes);
}

/** The socket is a connection from now on. It may still stand in the row, where an earlier one put it. */
export function openLink(socket: u32): Link {
  const link = linkOf(socket);
  link.client = 0;
  link.flags &= IN_ROW;
  link.at = 0;
  link.rest = 0;
  link.next = 0;
  link.back = 0;
  link.discarded = 0;
  linksOpen++;
  return link;
}

/** The socket is nobody's from now on. */
export function forgetLink(link: Link): void {
  link.flags &= IN_ROW;
  link.rest = 0;
  linksOpen--;
}

/** The connection is a client's. */
export function bindClient(socket: u32, client: u32): void {
  linkOf(socket).client = client + 1;
  store<u32>(sockets + client * 4, socket + 1);
}

/** The connection is no client's any more. */
export function unbindClient(link: Link): void {
  store<u32>(sockets + (link.client - 1) * 4, 0);
  link.client = 0;
}

/** The socket of a client; -1: the client has none of ours. */
export function socketOf(client: u32): i32 {
  return client < clients ? <i32>load<u32>(sockets + client * 4) - 1 : -1;
}

/** The socket is to be looked at. */
export function putInRow(socket: u32): void {
  const link = linkOf(socket);
  if ((link.flags & IN_ROW) !== 0) return;
  link.flags |= IN_ROW;
  let tail = rowHead + rowLength;
  if (tail >= many) tail -= many;
  store<u32>(row + ((<usize>tail) << 2), socket);
  rowLength++;
}

/** How many are to be looked at. */
export function rowMany(): u32 {
  return rowLength;
}

/** The next socket to be looked at, of which there must be one. It may be nobody's by now. */
export function takeFromRow(): u32 {
  const socket = load<u32>(row + ((<usize>rowHead) << 2));
  rowHead++;
  if (rowHead === many) rowHead = 0;
  rowLength--;
  linkOf(socket).flags &= ~IN_ROW;
  return socket;
}

/** The socket says goodbye until a time, which is no earlier than that of any other. */
export function putToGoodbyes(socket: u32, until: u64): void {
  const link = linkOf(socket);
  link.flags |= SAYS_GOODBYE;
  link.until = until;
  link.next = 0;
  link.back = goodbyeLast;
  if (goodbyeLast === 0) goodbyeFirst = socket + 1;
  else linkOf(goodbyeLast - 1).next = socket + 1;
  goodbyeLast = socket + 1;
}

/** It says goodbye no more. */
export function takeFromGoodbyes(socket: u32): void {
  const link = linkOf(socket);
  if (link.back === 0) goodbyeFirst = link.next;
  else linkOf(link.back - 1).next = link.next;
  if (link.next === 0) goodbyeLast = link.back;
  else linkOf(link.next - 1).back = link.back;
  link.flags &= ~SAYS_GOODBYE;
}

/** The socket whose goodbye is to end first; -1: none says it. */
export function firstGoodbye(): i32 {
  return <i32>goodbyeFirst - 1;
}
