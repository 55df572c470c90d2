// The addresses that the host itself has on a network device, and its gateways by that device: of this thread's network namespace. Not here: addresses of sockets
// (socket.ts).

import { syscall3 } from './ffi.js';
import { deviceRequest, requestValueAt, withDeviceSocket } from './network-device.js';
import { sys } from './numbers.js';
import { readText } from './proc.js';
import { readAddressBytes } from './socket.js';

/** An address with its network. */
export interface DeviceAddress {
  readonly host: string;
  readonly prefixLength: number;
}

/** SIOCGIFADDR and SIOCGIFNETMASK, and where the four bytes are in their answers. */
const Ip4 = { address: 0x8915, mask: 0x891b, at: requestValueAt + 4 } as const;

/** Flags of an address of IPv6 (linux/if_addr.h) that passes, is taken by another host, is to be used no more, or is not sure yet. */
const passing = 0x01 | 0x08 | 0x20 | 0x40;
const global = '00';

function ip4Of(device: string): DeviceAddress | undefined {
  return withDeviceSocket((fd) => {
    const ask = (request: number): readonly number[] | undefined => {
      const { bytes, offset, address } = deviceRequest(device);
      if (syscall3(sys.ioctl, fd, request, address) < 0) return undefined;
      return [0, 1, 2, 3].map((index) => bytes[offset + Ip4.at + index]!);
    };
    const [host, mask] = [ask(Ip4.address), ask(Ip4.mask)];
    if (host === undefined || mask === undefined) return undefined;
    const ones = mask.map((byte) => byte.toString(2).replaceAll('0', '').length);
    return { host: host.join('.'), prefixLength: ones.reduce((sum, each) => sum + each, 0) };
  });
}

/** An address of IPv6 from the 32 digits of a table of the kernel's. */
function ip6Text(digits: string): string {
  const data = new DataView(new ArrayBuffer(16));
  for (let index = 0; index < 16; index++)
    data.setUint8(index, Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
  return readAddressBytes(data, 0);
}

const rowsOf = (table: string): string[][] =>
  (readText(`/proc/thread-self/net/${table}`) ?? '').split('\n').map((line) => line.trim().split(/\s+/));

/** The host's addresses on a device: the first of IPv4, and the first of IPv6 that lasts and is reached from afar. @throws SystemError EMFILE */
export function deviceAddresses(device: string): readonly DeviceAddress[] {
  const ip4 = ip4Of(device);
  // Address, number of the device, length of the prefix, scope, flags, device; numbers of base 16.
  const ip6 = rowsOf('if_inet6').find(
    ([, , , scope, flags, name]) =>
      name === device && scope === global && (Number.parseInt(flags!, 16) & passing) === 0,
  );
  return [
    ...(ip4 === undefined ? [] : [ip4]),
    ...(ip6 === undefined ? [] : [{ host: ip6Text(ip6[0]!), prefixLength: Number.parseInt(ip6[2]!, 16) }]),
  ];
}

/** RTF_GATEWAY (linux/route.h): a route by way of somebody else. */
const byGateway = 2;

/** The host's gateways to the rest of the world by a device, of IPv4 and IPv6, those that it prefers first. */
export function defaultGateways(device: string): readonly string[] {
  const isGateway = (flags: string | undefined): boolean => (Number.parseInt(flags ?? '0', 16) & byGateway) !== 0;
  // Device, destination, gateway, flags, two counts, metric, mask.
  const ip4 = rowsOf('route')
    .filter((row) => row[0] === device && row[1] === '00000000' && row[7] === '00000000' && isGateway(row[3]))
    .sort((one, other) => Number(one[6]) - Number(other[6]))
    .map((row) =>
      row[2]!
        .match(/../g)!
        .map((byte) => Number.parseInt(byte, 16))
        .reverse()
        .join('.'),
    );
  // Destination, its length, source, its length, next hop, metric, two counts, flags, device.
  const ip6 = rowsOf('ipv6_route')
    .filter((row) => row[9] === device && row[1] === '00' && isGateway(row[8]))
    .sort((one, other) => Number.parseInt(one[5]!, 16) - Number.parseInt(other[5]!, 16))
    .map((row) => ip6Text(row[4]!));
  return [...ip4, ...ip6];
}
