// XdpLink: a queue of a network device below a stack: a socket of AF_XDP whose frames and rings lie in the stack's memory. Not here: the program that brings
// packets to it (bypass-device.ts).

import { Errno } from '../kernel/errno.js';
import { wasmMemory } from '../xdp/xdp-memory.js';
import { XdpSocket } from '../xdp/xdp-socket.js';
import type { StackLink } from './bypass-engine.js';
import { linkFigureNames, stackFigureNames } from './figures.js';
import type { RingName, StackBase } from './stack.js';

/** In copy mode the kernel sends 32 packets a call (TX_BATCH_SIZE, net/xdp/xsk.c), and says that there are more. */
const packetsACall = 32;

/** Bits of a turn's number that are 0 when figures are looked at. */
const turnsBetweenLooks = 15;

/** See the file's head. */
export class XdpLink implements StackLink {
  readonly socket: XdpSocket;
  /** What is done after each turn of the stack beside that. */
  afterTurn: (() => void) | undefined;
  readonly #stack: StackBase;
  readonly #mostCalls: number;
  #turns = 0;
  #hasWarned = false;

  /** Opens the socket and gives the stack its rings. @throws XdpError with the fix, Error */
  constructor(stack: StackBase, device: string, ifindex: number, queue: number) {
    this.#stack = stack;
    const { memory } = stack.module;
    const ring = (name: RingName) => {
      const { at, bytes } = stack.ringRoom(name);
      return wasmMemory(memory, at, bytes);
    };
    this.socket = new XdpSocket({
      ...{ device, ifindex, queue, frameBytes: stack.frameBytes, entries: stack.entries },
      memory: wasmMemory(memory, stack.place('umem'), stack.place('umemBytes')),
      ringMemory: {
        fill: ring('fill'),
        completion: ring('completion'),
        receive: ring('receive'),
        transmit: ring('transmit'),
      },
    });
    this.#mostCalls = stack.entries.transmit / packetsACall;
    try {
      stack.attach(this.socket.rings);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  get descriptor(): number {
    return this.socket.fd;
  }

  worked(kick: boolean): void {
    this.socket.wakeReceive();
    if ((++this.#turns & turnsBetweenLooks) === 0) this.#warnOfConflict();
    this.afterTurn?.();
    if (!kick) return;
    for (let calls = 0; calls < this.#mostCalls && this.socket.wakeTransmit() === -Errno.EAGAIN; calls++);
  }

  /** Writes what the stack and the kernel counted, in the order of bypassFigureNames (figures.ts). */
  readFigures(into: Float64Array): void {
    this.#stack.readFigures(into);
    into[stackFigureNames.length + linkFigureNames.length] = this.socket.isZeroCopy ? 0 : 1;
    const counted = this.socket.statistics();
    if (counted === undefined) return;
    let at = stackFigureNames.length;
    for (const name of linkFigureNames) into[at++] = counted[name];
  }

  /** Says once that somebody else has an address of ours: nobody looks at a figure before something is wrong. */
  #warnOfConflict(): void {
    if (this.#hasWarned || this.#stack.figure('addressConflicts') === 0) return;
    this.#hasWarned = true;
    process.emitWarning(
      'another machine on this network uses an address that is served past the kernel, or tried to take it: give one of them another address',
      { code: 'CLEARWAY_ADDRESS_CONFLICT' },
    );
  }

  close(): void {
    this.socket.close();
  }
}
