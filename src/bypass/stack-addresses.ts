// Which addresses our own TCP/IP has on a device, and whether the kernel has them too: those that are named, or else the ones that the host itself has there. And the
// gateways, which have to be in the network of an address. Not here: the rest of what is planned (bypass-plan.ts).

import { isIP } from 'node:net';
import { type DeviceAddress, defaultGateways, deviceAddresses } from '../kernel/device-addresses.js';
import { addressBytes } from '../kernel/socket.js';
import { shown } from '../text/shown.js';
import { refuse } from './bypass-refusal.js';

/** An address of the stack's, and the network that it is in. */
export interface StackAddress extends DeviceAddress {
  /** The host's kernel has it on the device too: only ports are taken of it. Default false: it is the stack's alone. */
  readonly isShared?: boolean;
}

/** See the file's head. */
export interface StackAddresses {
  readonly addresses: readonly StackAddress[];
  readonly gateways: readonly string[];
}

/** An address with its network, `10.0.0.2/24`. @throws BypassRefusal */
function parseStackAddress(text: string): DeviceAddress {
  const [host = '', length, ...rest] = text.split('/');
  const kind = isIP(host);
  const most = kind === 6 ? 128 : 32;
  const prefixLength = length !== undefined && /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (kind === 0 || host.includes('%') || rest.length > 0 || prefixLength < 1 || prefixLength > most)
    refuse(`${shown(text)} is no address with its network, such as 10.0.0.2/24 or fd00::2/64`);
  return { host, prefixLength };
}

/** One of each kind. @throws BypassRefusal */
function onlyOne(hosts: readonly string[], what: string): void {
  for (const isSix of [false, true]) {
    const [, second] = hosts.filter((host) => host.includes(':') === isSix);
    if (second !== undefined) refuse(`there can be one ${what} of ${isSix ? 'IPv6' : 'IPv4'}: leave ${second} out`);
  }
}

const bytesOf = (host: string): Uint8Array => addressBytes({ host, port: 0 });

function isSameHost(one: string, other: string): boolean {
  const bytes = bytesOf(other);
  return bytesOf(one).every((byte, index) => byte === bytes[index]);
}

/** Whether a host is in the network of an address. */
function isNear({ host, prefixLength }: DeviceAddress, other: string): boolean {
  const [ours, theirs] = [bytesOf(host), bytesOf(other)];
  let left = host.includes(':') ? prefixLength : prefixLength + 96;
  for (let index = 0; left > 0; index++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((ours[index]! ^ theirs[index]!) & mask) !== 0) return false;
  }
  return true;
}

const isLinkLocal = (host: string): boolean => /^fe[89ab]/i.test(host);

/** A gateway has to be a neighbour: nobody else can be handed a packet. @throws BypassRefusal */
function checkGateway(gateway: string, addresses: readonly StackAddress[]): void {
  if (isIP(gateway) === 0 || gateway.includes('%')) refuse(`the gateway ${shown(gateway)} is no address`);
  const isSix = gateway.includes(':');
  const own = addresses.find(({ host }) => host.includes(':') === isSix);
  if (own === undefined)
    refuse(`the gateway ${gateway} is of ${isSix ? 'IPv6' : 'IPv4'}, and no address is: give one, or leave it out`);
  if (isSameHost(own.host, gateway)) refuse(`the gateway ${gateway} is the address itself`);
  if (!isNear(own, gateway) && !(isSix && isLinkLocal(gateway)))
    refuse(`the gateway ${gateway} is not in the network of ${own.host}/${own.prefixLength}, so it cannot be reached`);
}

/**
 * Finds them. @param named addresses with their networks; none: those of the device. @param given gateways; undefined: none, or those of the host where the addresses are
 * its own. @throws BypassRefusal with the fix
 */
export function stackAddresses(device: string, named: readonly string[], given?: readonly string[]): StackAddresses {
  const ofHost = deviceAddresses(device);
  const chosen = named.length === 0 ? ofHost : named.map(parseStackAddress);
  if (chosen.length === 0)
    refuse(
      `the interface ${device} has no address: give our TCP/IP one of its own, which no other host of the network has, such as 10.0.0.2/24, or the interface one (sudo ip address add 10.0.0.2/24 dev ${device})`,
    );
  onlyOne(
    chosen.map(({ host }) => host),
    'address',
  );
  const addresses = chosen.map((address) => ({
    ...address,
    isShared: ofHost.some(({ host }) => isSameHost(host, address.host)),
  }));
  if (given !== undefined && given.length > 0) {
    for (const gateway of given) checkGateway(gateway, addresses);
    onlyOne(given, 'gateway');
    return { addresses, gateways: given };
  }
  if (named.length > 0) return { addresses, gateways: [] };
  const fitting = defaultGateways(device).filter((gateway) => isFitting(gateway, addresses));
  // The first of each kind: the host prefers it.
  const gateways = [fitting.find((each) => !each.includes(':')), fitting.find((each) => each.includes(':'))];
  return { addresses, gateways: gateways.filter((each) => each !== undefined) };
}

function isFitting(gateway: string, addresses: readonly StackAddress[]): boolean {
  try {
    checkGateway(gateway, addresses);
    return true;
  } catch {
    return false;
  }
}
