// The options of a server over our own TCP/IP: what each one means, and the sentence that refuses a bad value. What is said of a device is held against it when the
// server begins (bypass/bypass-plan.ts).

import type { BypassOptions } from '../bypass/bypass-plan.js';
import { shown } from '../text/shown.js';

/** See the file's head. */
export interface BypassServeOptions {
  /**
   * Network device to serve on with our own TCP/IP, past the kernel's; takes the place of `host`. A worker for each of its queues. Default: none, the kernel's TCP/IP.
   */
  bypass?: string;
  /**
   * Its addresses, with their networks: `10.0.0.2/24`, `fd00::2/64`; one of each kind. No other host of the network may have them. Default: those of the device, of which
   * the port alone is taken from the kernel.
   */
  bypassAddress?: string | readonly string[];
  /** Where packets for other networks go, one address of each kind. Default: with the device's addresses its default route, else none; only hosts of the same network are reached. */
  bypassGateway?: string | readonly string[];
  /** Microseconds that a worker looks for packets before it sleeps: less delay, for time of a core. Default 20. */
  bypassPoll?: number | string;
}

/** Their names. */
export const bypassOptionNames: Readonly<Record<keyof BypassServeOptions, true>> = {
  bypass: true,
  bypassAddress: true,
  bypassGateway: true,
  bypassPoll: true,
};

const mostPollUs = 100_000;
const mostTexts = 8;

function textsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.length <= mostTexts && list.every((each) => typeof each === 'string') ? (list as string[]) : undefined;
}

/** Microseconds to look for packets; NaN for what is no whole number, or out of bounds. */
function pollOf(value: unknown): number {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}$/.test(value));
  const pollUs = isNumber ? Number(value) : Number.NaN;
  return Number.isInteger(pollUs) && pollUs >= 0 && pollUs <= mostPollUs ? pollUs : Number.NaN;
}

/** What else says where a server listens, and of which sockets. */
interface Others {
  readonly host?: unknown;
  readonly socket?: unknown;
  readonly listenFds?: unknown;
  readonly pace?: unknown;
}

/** The options as they are used; undefined: the kernel's TCP/IP; a sentence: what is wrong with them. */
export function bypassOf(options: BypassServeOptions & Others): BypassOptions | undefined | string {
  const { bypass, bypassAddress, bypassGateway, bypassPoll } = options;
  if (bypass === undefined) {
    const [name] = Object.keys(bypassOptionNames).filter(
      (each) => options[each as keyof BypassServeOptions] !== undefined,
    );
    return name === undefined ? undefined : `${name} is given without bypass: name the network device`;
  }
  if (typeof bypass !== 'string' || bypass === '')
    return `bypass is ${shown(bypass)}, and must be the name of a network device, as \`ip link\` lists them`;
  for (const name of ['host', 'socket', 'listenFds', 'pace'] as const) {
    if (options[name] !== undefined)
      return `${name} is of the kernel's sockets, and our own TCP/IP has none of them: leave it out, or leave bypass out`;
  }
  const addresses = textsOf(bypassAddress);
  const gateways = textsOf(bypassGateway);
  if (addresses === undefined)
    return `bypassAddress is ${shown(bypassAddress)}, and must be an address of its own with its network, such as 10.0.0.2/24`;
  if (gateways === undefined) return `bypassGateway is ${shown(bypassGateway)}, and must be an address`;
  const pollUs = bypassPoll === undefined ? undefined : pollOf(bypassPoll);
  if (Number.isNaN(pollUs))
    return `bypassPoll is ${shown(bypassPoll)}, and must be a whole number of microseconds from 0 to ${mostPollUs}`;
  return { device: bypass, addresses, gateways, ...(pollUs !== undefined && { pollUs }) };
}
