// BypassPlan: what a server over our own TCP/IP needs to know of a network device and of itself, checked before anything is opened. It is plain data, which a
// thread can be given. Not here: opening (open.ts, bypass-device.ts).

import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { deviceLinkAddress } from '../kernel/network-device.js';
import { xdpDevice } from '../xdp/xdp-device.js';
import type { StackAddress } from './stack.js';

/** What people say of it. */
export interface BypassOptions {
  /** The network device, by name. */
  readonly device: string;
  /** Addresses of the stack's own, `10.0.0.2/24`, `fd00::2/64`: one of each kind at most, which no other host of the network has. */
  readonly addresses: readonly string[];
  /** Where packets for other networks go: one address of each kind at most. */
  readonly gateways?: readonly string[];
  /** Microseconds that a thread looks for packets before it waits in the kernel. Default 20. */
  readonly pollUs?: number;
}

/** See the file's head. */
export interface BypassPlan {
  readonly device: string;
  readonly ifindex: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly queues: number;
  readonly addresses: readonly StackAddress[];
  /** Of IPv6 on the link alone, where there is an address of IPv6: made up, since the interface has the one that follows from its card. */
  readonly linkLocal: string | undefined;
  readonly gateways: readonly string[];
  readonly pollUs: number;
}

const defaultPollUs = 20;

/** What is wrong with it, in words that name the value; a plan is made of it. */
class BypassRefusal extends Error {
  override readonly name = 'BypassRefusal';
  readonly code = 'CLEARWAY_BYPASS';
}

function refuse(message: string): never {
  throw new BypassRefusal(message);
}

/** An address with its network, `10.0.0.2/24`. @throws BypassRefusal */
function parseStackAddress(text: string): StackAddress {
  const [host = '', length, ...rest] = text.split('/');
  const kind = isIP(host);
  const most = kind === 6 ? 128 : 32;
  const prefixLength = length !== undefined && /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (kind === 0 || host.includes('%') || rest.length > 0 || prefixLength < 1 || prefixLength > most)
    refuse(`${JSON.stringify(text)} is no address with its network, such as 10.0.0.2/24 or fd00::2/64`);
  return { host, prefixLength };
}

/** One of each kind. @throws BypassRefusal */
function onlyOne(hosts: readonly string[], what: string): void {
  for (const isSix of [false, true]) {
    const [, second] = hosts.filter((host) => host.includes(':') === isSix);
    if (second !== undefined) refuse(`there can be one ${what} of ${isSix ? 'IPv6' : 'IPv4'}: leave ${second} out`);
  }
}

function madeUpLinkLocal(): string {
  const groups = Array.from(randomBytes(8), (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .match(/.{4}/g)!;
  return `fe80::${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}`;
}

/** Looks at the device, and at what is said of addresses. @throws BypassRefusal, XdpError, each with the mend */
export function planBypass(options: BypassOptions): BypassPlan {
  const { device, gateways = [], pollUs = defaultPollUs } = options;
  const { ifindex, isUp, mtu, queues } = xdpDevice(device);
  const mac = deviceLinkAddress(device);
  if (mac === undefined || mac.every((byte) => byte === 0))
    refuse(`${device} is no Ethernet device: our TCP/IP speaks Ethernet alone`);
  if (!isUp) refuse(`${device} is down: \`ip link set dev ${device} up\` brings it up`);
  const addresses = options.addresses.map(parseStackAddress);
  if (addresses.length === 0)
    refuse(
      `our TCP/IP on ${device} needs an address of its own, which no other host of the network has: such as 10.0.0.2/24`,
    );
  onlyOne(
    addresses.map(({ host }) => host),
    'address',
  );
  for (const gateway of gateways)
    if (isIP(gateway) === 0 || gateway.includes('%')) refuse(`the gateway ${JSON.stringify(gateway)} is no address`);
  onlyOne(gateways, 'gateway');
  const linkLocal = addresses.some(({ host }) => host.includes(':')) ? madeUpLinkLocal() : undefined;
  return { device, ifindex, mac, mtu, queues, addresses, linkLocal, gateways, pollUs };
}
