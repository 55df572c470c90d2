// The smallest guest: every datagram to its port (`port=`, 7) goes back to whom it came from, in the frame in which it came. docs/vm.md names it.

import { beginArena, heapBase, take, trustZeros } from '../arena';
import { Place } from '../control';
import { recycle } from '../frames';
import { configure, controlBlock, nextDeadlineUs, turn as stackTurn } from '../stack';
import { udpOpen, udpReceive, udpSend } from '../udp';
import { bootBlock, commandLine, isMemoryFresh, linearBytes, numberAt, wordValue } from '../unikernel/boot';
import { beginNetwork, tellNetwork } from '../unikernel/network';
import { sayLine, word } from '../unikernel/words';
import { awakeNet, findNet, openNet, turnNet } from '../virtio/net';

export { bootBlock };

const anyAddress = memory.data(16);
let socket: i32 = 0;

/** Begins: the card, the stack, the port. */
export function begin(_nowUs: u32): u32 {
  beginArena(heapBase(), linearBytes());
  if (isMemoryFresh()) trustZeros();
  const port = wordValue('port=', commandLine());
  let isReady = tellNetwork(512, 16) === 0 && findNet() && openNet();
  isReady = isReady && configure(take(0, 4096), linearBytes() - 8) === 0 && beginNetwork() === 0;
  if (isReady) socket = udpOpen(anyAddress, port === 0 ? 7 : <u32>numberAt(port));
  word(isReady && socket >= 0 ? 'echo: ready' : 'echo: it needs a network card and ip=ADDRESS/LENGTH');
  sayLine();
  return isReady && socket >= 0 ? 0 : 2;
}

/** One turn. Returns 1 where anything happened. */
export function turn(nowUs: u32): u32 {
  let did = turnNet();
  stackTurn(nowUs);
  const control = controlBlock();
  for (let length = udpReceive(socket); length >= 0; length = udpReceive(socket)) {
    const from = <usize>load<u32>(control + <usize>Place.pieceAddress);
    const port = load<u32>(control + <usize>Place.senderPort);
    // What cannot go back (no port is 0, the way there has become narrower) is still ours.
    if (udpSend(socket, from, <u32>length, control + <usize>Place.senderAddress, port) !== 0) recycle(from);
  }
  if (turnNet()) did = true;
  return did ? 1 : 0;
}

/** Asks to be told of what comes. Returns microseconds to rest. */
export function rest(_nowUs: u32): u32 {
  return awakeNet() ? 0 : nextDeadlineUs();
}
