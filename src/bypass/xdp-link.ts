// XdpLink: a queue of a network device below a stack: a socket of AF_XDP whose frames and rings lie in the stack's memory. Not here: the program that brings
// packets to it (bypass-device.ts).

import { Errno } from '../kernel/errno.js';
import type { XdpStatistics } from '../kernel/xdp.js';
import { wasmMemory } from '../xdp/xdp-memory.js';
import { XdpSocket } from '../xdp/xdp-socket.js';
import type { StackLink } from './bypass-engine.js';
import type { RingName, Stack } from './stack.js';

/** In copy mode the kernel sends 32 packets a call (TX_BATCH_SIZE, net/xdp/xsk.c), and says that there are more. */
const packetsACall = 32;

/** See the file's head. */
export class XdpLink implements StackLink {
  readonly socket: XdpSocket;
  readonly #mostCalls: number;

  /** Opens the socket and gives the stack its rings. @throws XdpError with the mend, Error */
  constructor(stack: Stack, device: string, ifindex: number, queue: number) {
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
    if (!kick) return;
    for (let calls = 0; calls < this.#mostCalls && this.socket.wakeTransmit() === -Errno.EAGAIN; calls++);
  }

  /** What the kernel counted of the socket; undefined: it does not say. */
  statistics(): XdpStatistics | undefined {
    return this.socket.statistics();
  }

  close(): void {
    this.socket.close();
  }
}
