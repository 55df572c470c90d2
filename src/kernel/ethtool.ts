// What a network device has switched on of its offloads, asked by ioctl(2) as ethtool asks (linux/ethtool.h).

import { AF, SOCK } from './constants.js';
import { syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** Offloads by their old commands (ETHTOOL_GTXCSUM and so on), which every kernel answers. */
const getCommands = { txChecksum: 0x16, scatterGather: 0x18, tso: 0x1e, gso: 0x23, gro: 0x2b } as const;

/** Offloads of a device; one that it does not answer for is absent. */
export type Offloads = { -readonly [name in keyof typeof getCommands]?: boolean };

const siocEthtool = 0x8946;
const nameBytes = 16;

/** The offloads of a device of this thread's network namespace; empty where there is no such device. @throws SystemError */
export function deviceOffloads(device: string): Offloads {
  if (device.length >= nameBytes) return {};
  const fd = check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'socket', 'for ethtool');
  try {
    const offloads: Offloads = {};
    for (const [name, command] of Object.entries(getCommands) as [keyof typeof getCommands, number][]) {
      const value = askValue(fd, device, command);
      if (value !== undefined) offloads[name] = value !== 0;
    }
    return offloads;
  } finally {
    syscall3(sys.close, fd);
  }
}

/** struct ifreq: the name, then the address of struct ethtool_value (command, data). */
function askValue(fd: number, device: string, command: number): number | undefined {
  const value = scratch(8);
  value.data.setUint32(value.offset, command, true);
  value.data.setUint32(value.offset + 4, 0, true);
  const request = scratch(40);
  request.bytes.fill(0, request.offset, request.offset + 40);
  for (let index = 0; index < device.length; index++) {
    request.bytes[request.offset + index] = device.charCodeAt(index);
  }
  request.data.setBigUint64(request.offset + nameBytes, BigInt(value.address), true);
  const result = syscall3(sys.ioctl, fd, siocEthtool, request.address);
  return result < 0 ? undefined : value.data.getUint32(value.offset + 4, true);
}
