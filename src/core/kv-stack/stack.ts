// The stack and the store in one module: laid out in one memory, then one turn after another, in which packets come in, commands are run, and replies go out.

import { take } from '../arena';
import { nowUs } from '../clock';
import { Setting } from '../control';
import { nextEvent } from '../events';
import { setting } from '../figures';
import { clientAt, endClient } from '../kv/clients';
import { MAX_CLIENTS } from '../kv/control';
import { isAsked } from '../kv/requests';
import { defaultTo, setting as storeSetting } from '../kv/settings';
import { storeConfigure, storeTurn } from '../kv/store';
import { setTime } from '../kv/time';
import { publishSent } from '../rings';
import { configure as stackConfigure, nextDeadlineUs as stackDeadlineUs, turn as stackTurn } from '../stack';
import { close, listen as stackListen } from '../tcp/sockets';
import { abortLink, endGoodbyes, goodbyeDeadline } from './goodbye';
import {
  configureLinks,
  forgetLink,
  LISTENS,
  linkOf,
  linkRoom,
  linksOpen,
  openLink,
  putInRow,
  rowMany,
  SAYS_GOODBYE,
} from './links';
import { serveSome, takeNews } from './serve';

/** What `turn` answers, beside the stack's bits 1 (kick) and 2 (more): clients were looked at; they asked for what is done outside. */
const kick: u32 = 1;
const more: u32 = 2;
const served: u32 = 4;
const asked: u32 = 8;

/** When the store wants its turn. */
let storeDue: u64 = 0;

/**
 * Lays everything out between two addresses (0 and 0: all of the memory behind static data), by the settings in both blocks: the stack, the connections, and the store,
 * which gets what is left. Returns as the stack's `configure`, or as `storeConfigure`.
 */
export function configure(from: usize, to: usize): i32 {
  const laidOut = stackConfigure(from, to);
  if (laidOut !== 0) return laidOut;
  const connections = setting(Setting.connections);
  defaultTo(MAX_CLIENTS, connections < 65_535 ? connections : 65_535);
  if (!configureLinks(connections, storeSetting(MAX_CLIENTS))) return -12;
  const rest = take(0, 64);
  const end = to === 0 ? <usize>(((<u64>memory.size()) << 16) - 8) : to;
  storeDue = 0;
  return rest === 0 ? -12 : storeConfigure(rest, end);
}

/** A socket that listens for the store's clients, on one of our addresses (16 bytes; 0: on all). Returns its number, or as the stack's. */
export function listen(address: usize, port: u32, backlog: u32): i32 {
  const socket = stackListen(address, port, backlog);
  if (socket < 0) return socket;
  const link = openLink(<u32>socket);
  link.flags |= LISTENS;
  return socket;
}

/** One batch on all rings, with the commands in it run and their replies put on their way, and what is due. */
export function turn(us: u32): u32 {
  // Commands see the time of their turn, also where the store has nothing else to do.
  setTime(us);
  if (nowUs >= storeDue) storeDue = nowUs + storeTurn(us);
  const turned = stackTurn(us);
  for (let event = nextEvent(); event !== 0; event = nextEvent()) {
    const socket = <u32>(event & 0xffffffff);
    if (socket < linkRoom()) putInRow(socket);
  }
  // What commands left to be done is begun before somebody may sleep.
  const hasServed = serveSome();
  if (hasServed) storeDue = nowUs + storeTurn(us);
  takeNews();
  endGoodbyes();
  const answer = (publishSent() ? kick : 0) | (turned & more) | (hasServed ? served : 0);
  return answer | (canServe() ? more : 0) | (isAsked() ? asked : 0);
}

/** Whether somebody is to be looked at, and may be: what was asked for comes first. */
function canServe(): bool {
  return rowMany() > 0 && !isAsked();
}

/** Microseconds until a turn is due; 0xffffffff: none is. */
export function nextDeadlineUs(): u32 {
  if (canServe()) return 0;
  const due = min<u64>(storeDue, goodbyeDeadline());
  const left: u64 = due <= nowUs ? 0 : due - nowUs;
  return min<u32>(stackDeadlineUs(), left < 0xffffffff ? <u32>left : 0xffffffff);
}

/** Sockets that listen, that are clients', or that say goodbye. */
export function linkCount(): u32 {
  return linksOpen;
}

/** Nobody is accepted any more. */
export function stopListening(): void {
  for (let socket: u32 = 0; socket < linkRoom(); socket++) {
    if ((linkOf(socket).flags & LISTENS) === 0) continue;
    forgetLink(linkOf(socket));
    close(<i32>socket);
  }
}

/** Ends all clients: when they were sent their replies, or (`isAtOnce`) by resets, goodbyes too. */
export function endClients(isAtOnce: u32): void {
  for (let socket: u32 = 0; socket < linkRoom(); socket++) {
    const link = linkOf(socket);
    if (isAtOnce !== 0 && (link.client !== 0 || (link.flags & SAYS_GOODBYE) !== 0)) abortLink(socket);
    else if (link.client !== 0) endClient(clientAt(<i32>link.client - 1), false);
  }
}
