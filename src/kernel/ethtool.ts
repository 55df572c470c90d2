// What a network device has switched on of its offloads, asked and set by ioctl(2) as ethtool asks (linux/ethtool.h).

import { scratch } from './memory.js';
import { ethtoolRequest, isDeviceName, withDeviceSocket } from './network-device.js';

/** Offloads by their old commands (ETHTOOL_GTXCSUM and so on), which every kernel answers. */
const getCommands = { txChecksum: 0x16, scatterGather: 0x18, tso: 0x1e, gso: 0x23, gro: 0x2b } as const;

/** Offloads of a device; one that it does not answer for is absent. */
export type Offloads = { -readonly [name in keyof typeof getCommands]?: boolean };

/** The offloads of a device of this thread's network namespace; empty where there is no such device. @throws SystemError */
export function deviceOffloads(device: string): Offloads {
  if (!isDeviceName(device)) return {};
  return withDeviceSocket((fd) => {
    const offloads: Offloads = {};
    for (const [name, command] of Object.entries(getCommands) as [keyof typeof getCommands, number][]) {
      const value = askValue(fd, device, command);
      if (value !== undefined) offloads[name] = value !== 0;
    }
    return offloads;
  });
}

/** struct ethtool_value: command, data. */
function askValue(fd: number, device: string, command: number): number | undefined {
  const value = scratch(8);
  value.data.setUint32(value.offset, command, true);
  value.data.setUint32(value.offset + 4, 0, true);
  return ethtoolRequest(fd, device, value.address) < 0 ? undefined : value.data.getUint32(value.offset + 4, true);
}

/** ETHTOOL_STXCSUM. */
const setTxChecksum = 0x17;

/** Has a device of this thread's network namespace leave checksums to the kernel, or not. Returns 0 or -errno. */
export function setChecksumOffload(device: string, on: boolean): number {
  return withDeviceSocket((fd) => {
    const value = scratch(8);
    value.data.setUint32(value.offset, setTxChecksum, true);
    value.data.setUint32(value.offset + 4, on ? 1 : 0, true);
    return ethtoolRequest(fd, device, value.address);
  });
}
