// BypassPlan: what a server over our own TCP/IP needs to know of a network device and of itself, checked before anything is opened. It is plain data, which a
// thread can be given. Not here: opening (open.ts, bypass-device.ts).

import { randomBytes } from 'node:crypto';
import { deviceLinkAddress } from '../kernel/network-device.js';
import { shown } from '../text/shown.js';
import { xdpDevice } from '../xdp/xdp-device.js';
import { refuse } from './bypass-refusal.js';
import { type StackAddress, stackAddresses } from './stack-addresses.js';
import { type TcpSettings, tcpNumbers } from './tcp-settings.js';

/** What people say of it. */
export interface BypassOptions {
  /** The network device, by name. */
  readonly device: string;
  /**
   * Addresses with their networks, `10.0.0.2/24`, `fd00::2/64`: one of each kind at most. One that the host itself has on the device is shared with the kernel, and only
   * the ports that are used are taken; another is the stack's alone, and no other host of the network may have it. Default: those that the host has there.
   */
  readonly addresses?: readonly string[];
  /** Where packets for other networks go: one address of each kind at most. Default: none, or with the host's addresses the host's gateways. */
  readonly gateways?: readonly string[];
  /** Microseconds that a thread looks for packets before it waits in the kernel, up to 100,000. Default 20. */
  readonly pollUs?: number;
  /** Settings of TCP. */
  readonly tcp?: TcpSettings;
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
  /** Settings of TCP that are not the core's defaults, by their names there. */
  readonly tcp: Readonly<Partial<Record<keyof TcpSettings, number>>>;
  /** Ports of TCP that are taken of shared addresses from the beginning. */
  readonly ports: readonly number[];
}

const defaultPollUs = 20;

const mostPollUs = 100_000;

function madeUpLinkLocal(): string {
  const groups = Array.from(randomBytes(8), (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .match(/.{4}/g)!;
  return `fe80::${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}`;
}

/** Values of other kinds than the types say, which JavaScript lets through. @throws BypassRefusal */
function checkKinds(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    refuse(`a network is opened with an object that names its device, not with ${shown(options)}`);
  const { device, addresses, gateways, tcp } = options as Record<keyof BypassOptions, unknown>;
  if (typeof device !== 'string') refuse(`device is ${shown(device)}, and must be the name of a network device`);
  for (const [name, value] of Object.entries({ addresses, gateways }))
    if (value !== undefined && !(Array.isArray(value) && value.every((each) => typeof each === 'string')))
      refuse(`${name} is ${shown(value)}, and must be a list of texts`);
  if (tcp !== undefined && (typeof tcp !== 'object' || tcp === null || Array.isArray(tcp)))
    refuse(`tcp is ${shown(tcp)}, and must be an object of settings`);
}

/** Looks at the device, and at what is said of addresses. @param ports of TCP that are listened at @throws BypassRefusal, XdpError, each with the fix */
export function planBypass(options: BypassOptions, ports: readonly number[] = []): BypassPlan {
  checkKinds(options);
  const { device, pollUs = defaultPollUs } = options;
  if (!Number.isInteger(pollUs) || pollUs < 0 || pollUs > mostPollUs)
    refuse(`pollUs is ${shown(pollUs)}, and must be a whole number of microseconds from 0 to ${mostPollUs}`);
  const tcp = tcpNumbers(options.tcp ?? {});
  const { ifindex, isUp, mtu, queues } = xdpDevice(device);
  const mac = deviceLinkAddress(device);
  if (mac === undefined || mac.every((byte) => byte === 0))
    refuse(`${device} is no Ethernet device: our TCP/IP speaks Ethernet alone`);
  if (!isUp) refuse(`${device} is down: \`ip link set dev ${device} up\` brings it up`);
  const { addresses, gateways } = stackAddresses(device, options.addresses ?? [], options.gateways);
  const linkLocal = addresses.some(({ host }) => host.includes(':')) ? madeUpLinkLocal() : undefined;
  return { device, ifindex, mac, mtu, queues, addresses, linkLocal, gateways, pollUs, tcp, ports };
}

/** What to know of addresses that the kernel has too, a sentence each. */
export function sharedNotes({ addresses, device, ports }: BypassPlan): string[] {
  return addresses
    .filter(({ isShared }) => isShared === true)
    .map(
      ({ host }) =>
        `${host} is the address of ${device}, which the kernel keeps: TCP port ${ports.join(', ')} of it passes the kernel by, all else is as before; from this host itself the port is not reached`,
    );
}
