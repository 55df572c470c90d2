// A guest that asks another one: datagrams of 64 bytes to a port (`to=`, `port=`, 7), one at a time, so many of them (`count=`, 1000), each of which is to come back (images/echo.ts). It says how
// long that took, and ends: with status 0 where all came back, each within a second.

import { mappedMiddle } from '../addresses';
import { beginArena, heapBase, take, trustZeros } from '../arena';
import { Place } from '../control';
import { recycle } from '../frames';
import { configure, controlBlock, nextDeadlineUs, turn as stackTurn } from '../stack';
import { udpFrame, udpOpen, udpReceive, udpSend } from '../udp';
import { bootBlock, commandLine, isMemoryFresh, linearBytes, numberAt, wordValue } from '../unikernel/boot';
import { endGuest } from '../unikernel/host';
import { beginNetwork, readAddress, tellNetwork } from '../unikernel/network';
import { figure, sayLine, word } from '../unikernel/words';
import { awakeNet, findNet, openNet, turnNet } from '../virtio/net';

export { bootBlock };

const anyAddress = memory.data(16);
const remote = memory.data(16);
const datagramBytes: u32 = 64;
const patienceUs: u32 = 1_000_000;
/** Round trips by their microseconds; the last one: longer ones. */
const rows: u32 = 20_000;
let counts: usize = 0;

let socket: i32 = 0;
let port: u32 = 7;
let wanted: u32 = 0;
let answered: u32 = 0;
let hasBegun: bool = false;
let isWaiting: bool = false;
/** When the question of now was asked first. */
let sentUs: u32 = 0;
let beganUs: u32 = 0;

/** The number behind a word of the command line. */
function told(what: string, otherwise: u32): u32 {
  const at = wordValue(what, commandLine());
  return at === 0 ? otherwise : <u32>numberAt(at);
}

/** Asks, in a lent frame. What cannot go is still ours, and is asked for again until it takes too long. */
function send(frame: usize): void {
  isWaiting = udpSend(socket, frame, datagramBytes, remote, port) === 0;
  if (!isWaiting) recycle(frame);
}

/** Begins: the card, the stack, whom to ask. */
export function begin(_nowUs: u32): u32 {
  beginArena(heapBase(), linearBytes());
  if (isMemoryFresh()) trustZeros();
  const to = wordValue('to=', commandLine());
  const hasTarget = to !== 0 && readAddress(to, remote + 12) !== 0;
  counts = take(rows * 4, 4);
  let isReady = hasTarget && counts !== 0 && tellNetwork(512, 16) === 0 && findNet() && openNet();
  isReady = isReady && configure(take(0, 4096), linearBytes() - 8) === 0 && beginNetwork() === 0;
  store<u32>(remote, mappedMiddle, 8);
  port = told('port=', 7);
  wanted = told('count=', 1000);
  if (isReady) socket = udpOpen(anyAddress, 0);
  if (isReady && socket >= 0) return 0;
  word('ask: it needs a network card, ip=ADDRESS/LENGTH and to=ADDRESS');
  sayLine();
  return 2;
}

/** Microseconds that so many round trips of a thousand took at most. */
function part(thousandths: u32): u32 {
  const place = (<u64>answered * thousandths) / 1000;
  let sum: u64 = 0;
  for (let us: u32 = 0; us < rows; us++) {
    sum += <u64>load<u32>(counts + us * 4);
    if (sum > place) return us;
  }
  return rows;
}

function finish(status: u32, nowUs: u32): void {
  word('ask: ');
  figure(answered);
  word(' answers in ');
  figure(nowUs - beganUs);
  word(' us: median ');
  figure(part(500));
  word(' us, 99 of 100 within ');
  figure(part(990));
  word(' us');
  sayLine();
  endGuest(status);
}

function ask(nowUs: u32): void {
  if (!hasBegun) {
    hasBegun = true;
    beganUs = sentUs = nowUs;
  }
  const frame = udpFrame();
  if (frame === 0) return;
  memory.fill(frame, <u8>answered, datagramBytes);
  store<u32>(frame, answered);
  send(frame);
}

/** One turn. Returns 1 where anything happened. */
export function turn(nowUs: u32): u32 {
  let did = turnNet();
  stackTurn(nowUs);
  const control = controlBlock();
  for (let length = udpReceive(socket); length >= 0; length = udpReceive(socket)) {
    const from = <usize>load<u32>(control + <usize>Place.pieceAddress);
    // It goes out again with the next question, in the frame in which it came.
    if (!isWaiting || <u32>length !== datagramBytes || load<u32>(from) !== answered) {
      recycle(from);
      continue;
    }
    const us = min<u32>(nowUs - sentUs, rows - 1);
    store<u32>(counts + us * 4, load<u32>(counts + us * 4) + 1);
    answered++;
    isWaiting = false;
    if (answered === wanted) finish(0, nowUs);
    store<u32>(from, answered);
    sentUs = nowUs;
    send(from);
  }
  if (!isWaiting) ask(nowUs);
  if (nowUs - sentUs > patienceUs) finish(1, nowUs);
  if (turnNet()) did = true;
  return did ? 1 : 0;
}

/** Asks to be told of what comes. Returns microseconds to rest. */
export function rest(_nowUs: u32): u32 {
  return awakeNet() ? 0 : min<u32>(nextDeadlineUs(), patienceUs / 4);
}
