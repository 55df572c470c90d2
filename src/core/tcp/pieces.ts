// What lies in each frame that TCP holds: a piece of a stream, and where in it. A record of 32 bytes for every frame of the UMEM, so that queues need no
// memory of their own. A piece is in one queue at a time.

import { take } from '../arena';
import { Place, Setting } from '../control';
import { control, setting } from '../figures';
import { frameOf } from '../frames';

@unmanaged
/** The record of a frame. */
export class Piece {
  /** The next of its queue: the address of a piece; 0: the last. */
  next: usize;
  data: usize;
  length: u32;
  sequence: u32;
  /** When it was sent last, in microseconds that wrap. */
  sentAt: u32;
  /** How often it was sent. */
  sends: u8;
  isSacked: bool;
  isLost: bool;
  /** Whether the stack or the application has it for a connection. */
  use: u8;
  /** The connection's block, and its generation: another one means that the connection is gone. */
  owner: usize;
  generation: u32;
}

/** Uses of a frame: none of TCP's; received and waiting; received and lent; lent to be filled; to be sent. */
export const useNone: u8 = 0;
export const useReceived: u8 = 1;
export const useRead: u8 = 2;
export const useFilling: u8 = 3;
export const useSending: u8 = 4;

/** Where payload begins in a frame that is sent: all headers fit in front of it. */
export const payloadOffset: u32 = 128;

const pieceShift: u32 = 5;

let table: usize = 0;
let umem: usize = 0;
let frameShift: u32 = 11;
/** What makes an offset of the UMEM one of the table, where the record begins: a shift, and a mask. */
let recordShift: u32 = 6;
const recordMask: usize = ~((1 << pieceShift) - 1);

/** Lays out the records. Returns whether there was room. */
export function configurePieces(): bool {
  umem = load<u32>(control + <usize>Place.umem);
  frameShift = 31 - clz(setting(Setting.frameSize));
  recordShift = frameShift - pieceShift;
  table = take(setting(Setting.frameCount) << pieceShift, 64);
  return table !== 0;
}

/** The record of the frame that holds an address, which lies in the UMEM. */
export function pieceOf(address: usize): usize {
  return table + (((address - umem) >> recordShift) & recordMask);
}

/** The record of the frame of a number. */
export function pieceNumbered(index: u32): usize {
  return table + ((<usize>index) << pieceShift);
}

/** The record at an address. */
export function piece(record: usize): Piece {
  return changetype<Piece>(record);
}

/** The frame that a record is of. */
export function frameOfPiece(record: usize): usize {
  return umem + (((record - table) >> pieceShift) << frameShift);
}

/** The number of the frame that a record is of. */
export function numberOfPiece(record: usize): u32 {
  return <u32>((record - table) >> pieceShift);
}

/** Bytes behind a piece's data that its frame still has room for. */
export function roomBehind(record: usize): u32 {
  const p = piece(record);
  return <u32>(frameOf(p.data) + ((<usize>1) << frameShift) - p.data) - p.length;
}
