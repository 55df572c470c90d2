// Opens our own TCP/IP on a queue of a network device: the stack's memory, the socket of AF_XDP in it, and the engine over both. Whatever serves over the stack
// begins here, a thread for each queue. Not here: the program that brings packets to the queues (bypass-device.ts).

import type { Engine } from '../engine/engine.js';
import { BypassEngine } from './bypass-engine.js';
import type { BypassPlan } from './bypass-plan.js';
import { Stack } from './stack.js';
import { XdpLink } from './xdp-link.js';

/** A queue with a stack on it. */
export interface OpenQueue {
  /** Closing it closes everything. */
  readonly engine: BypassEngine;
  readonly link: XdpLink;
}

/** Opens a queue. @param inner the engine for everything that is no socket of the stack: it is closed with it, also where this throws. @throws XdpError, Error */
export function openQueue(plan: BypassPlan, queue: number, inner: Engine): OpenQueue {
  const { device, ifindex, mac, mtu, addresses, linkLocal, gateways, pollUs, tcp } = plan;
  try {
    const stack = new Stack({ mac, mtu, addresses, gateways, tcp, ...(linkLocal !== undefined && { linkLocal }) });
    const link = new XdpLink(stack, device, ifindex, queue);
    return { engine: new BypassEngine(stack, inner, link, { pollUs }), link };
  } catch (error) {
    inner.close();
    throw error;
  }
}
