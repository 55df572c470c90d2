// Network devices of this thread's namespace, by name: their number, whether they are up, how long their packets may be, how many queues they have and
// what drives them, asked by ioctl(2) (linux/sockios.h, linux/ethtool.h). Not here: taps (tap.ts), offloads (ethtool.ts).

import { AF, MSG, SOCK, SOL } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { type Scratch, scratch } from './memory.js';
import { sys } from './numbers.js';
import { readText } from './proc.js';
import { closeDescriptor } from './socket.js';
import { check } from './system-error.js';

const Request = {
  getFlags: 0x8913,
  setFlags: 0x8914,
  getAddress: 0x8915,
  getMtu: 0x8921,
  getIndex: 0x8933,
  ethtool: 0x8946,
} as const;
const isUp = 1;

/** struct ifreq: a name, and a union behind it. */
export const requestBytes = 40;
export const requestValueAt = 16;
/** The longest name of a network device. */
export const mostNameLetters: number = requestValueAt - 1;

/** Whether the kernel takes it as the name of a network device (dev_valid_name), and does not make one of its own out of it. */
export function isDeviceName(name: string): boolean {
  const letters = /^[\x21-\x24\x26-\x2e\x30-\x39\x3b-\x7e]+$/;
  return letters.test(name) && name.length <= mostNameLetters && name !== '.' && name !== '..';
}

/** A request about a device, in scratch memory. The name is one of {@link isDeviceName}. */
export function deviceRequest(name: string): Scratch {
  const place = scratch(requestBytes);
  place.bytes.fill(0, place.offset, place.offset + requestBytes);
  for (let index = 0; index < name.length; index++) place.bytes[place.offset + index] = name.charCodeAt(index);
  return place;
}

/** Runs `use` with a socket that requests about devices are made on. @throws SystemError EMFILE */
export function withDeviceSocket<T>(use: (fd: number) => T): T {
  const fd = check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'socket', 'for a network device');
  try {
    return use(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/** Makes a request of ethtool with its structure at an address. Returns 0 or -errno. */
export function ethtoolRequest(fd: number, name: string, structure: number): number {
  const request = deviceRequest(name);
  request.data.setBigUint64(request.offset + requestValueAt, BigInt(structure), true);
  return syscall3(sys.ioctl, fd, Request.ethtool, request.address);
}

/** Names of the network devices of this thread's namespace, in the kernel's order; none where it does not say. (/sys/class/net has those of whoever mounted it.) */
export function deviceNames(): readonly string[] {
  const lines = (readText('/proc/thread-self/net/dev') ?? '').split('\n').slice(2);
  return lines.map((line) => line.split(':')[0]!.trim()).filter((name) => name !== '');
}

/** What is known of a network device: whether it is up, and the longest packet without its Ethernet header. */
export interface DeviceState {
  readonly index: number;
  readonly isUp: boolean;
  readonly mtu: number;
}

/** The state of a device; undefined: there is none of that name. @throws SystemError EMFILE */
export function deviceState(name: string): DeviceState | undefined {
  if (!isDeviceName(name)) return undefined;
  return withDeviceSocket((fd) => {
    const ask = (request: number): DataView | undefined => {
      const { data, offset, address } = deviceRequest(name);
      if (syscall3(sys.ioctl, fd, request, address) < 0) return undefined;
      return new DataView(data.buffer, offset + requestValueAt, requestBytes - requestValueAt);
    };
    const flags = ask(Request.getFlags)?.getUint16(0, true);
    const mtu = ask(Request.getMtu)?.getInt32(0, true);
    const index = ask(Request.getIndex)?.getInt32(0, true);
    if (flags === undefined || mtu === undefined || index === undefined) return undefined;
    return { index, isUp: (flags & isUp) !== 0, mtu };
  });
}

/** SIOCGIFHWADDR, and where the 6 bytes of Ethernet's address are in its answer (ARPHRD_ETHER is 1). */
const linkAddress = { request: 0x8927, ethernet: 1, at: requestValueAt + 2, bytes: 6 } as const;

/** The address of a device on its link, 6 bytes; undefined where it is not of Ethernet. @throws SystemError EMFILE */
export function deviceLinkAddress(name: string): Uint8Array | undefined {
  return withDeviceSocket((fd) => {
    const { data, bytes, offset, address } = deviceRequest(name);
    if (syscall3(sys.ioctl, fd, linkAddress.request, address) < 0) return undefined;
    if (data.getUint16(offset + requestValueAt, true) !== linkAddress.ethernet) return undefined;
    return Uint8Array.from({ length: linkAddress.bytes }, (_, index) => bytes[offset + linkAddress.at + index]!);
  });
}

/** Brings a network device up. @throws SystemError EPERM, ENODEV */
export function setDeviceUp(name: string): void {
  withDeviceSocket((fd) => {
    const flags = deviceRequest(name);
    check(syscall3(sys.ioctl, fd, Request.getFlags, flags.address), 'ioctl', name);
    const at = flags.offset + requestValueAt;
    flags.data.setUint16(at, flags.data.getUint16(at, true) | isUp, true);
    check(syscall3(sys.ioctl, fd, Request.setFlags, flags.address), 'ioctl', name);
  });
}

/** Whether the host has an IPv4 address on a device. @throws SystemError EMFILE */
export function hasHostAddress(name: string): boolean {
  return withDeviceSocket((fd) => syscall3(sys.ioctl, fd, Request.getAddress, deviceRequest(name).address) >= 0);
}

/** packet(7): a membership, and its kind: every packet that passes (linux/if_packet.h). */
const addMembership = 1;
const promiscuous = 1;

/**
 * Has a device take packets for any address of Ethernet, as a port of a bridge does, until the descriptor is closed, or its process has gone.
 * Returns the descriptor or -errno (EPERM: without CAP_NET_RAW).
 */
export function takeAllAddresses(ifindex: number): number {
  // Of no protocol: nothing comes to it.
  const fd = syscall3(sys.socket, AF.PACKET, SOCK.RAW | SOCK.CLOEXEC, 0);
  if (fd < 0) return fd;
  const { data, bytes, offset, address } = scratch(16);
  bytes.fill(0, offset, offset + 16);
  data.setInt32(offset, ifindex, true);
  data.setUint16(offset + 4, promiscuous, true);
  const result = syscall6(sys.setsockopt, fd, SOL.PACKET, addMembership, address, 16);
  if (result >= 0) return fd;
  closeDescriptor(fd);
  return result;
}

/** NETLINK_ROUTE, its group of links, and messages of one: struct nlmsghdr, then ifinfomsg (linux/rtnetlink.h). */
const Links = { route: 0, group: 1, changed: 16, removed: 17, indexAt: 20, flagsAt: 24, bytes: 4096, addressBytes: 12 };

/** A change of a network device. Used again and again. */
export interface DeviceChange {
  ifindex: number;
  /** It is there, and it is up. */
  isThere: boolean;
  isUp: boolean;
}

/** A descriptor that has input when devices of this thread's namespace come, change or go. @throws SystemError EMFILE */
export function watchDevices(): number {
  const flags = SOCK.RAW | SOCK.CLOEXEC | SOCK.NONBLOCK;
  const fd = check(syscall3(sys.socket, AF.NETLINK, flags, Links.route), 'socket', 'for changes of network devices');
  const { data, bytes, offset, address } = scratch(Links.addressBytes);
  bytes.fill(0, offset, offset + Links.addressBytes);
  data.setUint16(offset, AF.NETLINK, true);
  data.setUint32(offset + 8, Links.group, true);
  const result = syscall3(sys.bind, fd, address, Links.addressBytes);
  if (result >= 0) return fd;
  closeDescriptor(fd);
  return check(result, 'bind', 'for changes of network devices');
}

/** Takes the next change to `change`, whose number is 0 for what is none. Returns 0 or -errno (EAGAIN: that was all; ENOBUFS: some are lost). */
export function nextDeviceChange(fd: number, change: DeviceChange): number {
  const { data, offset, address } = scratch(Links.bytes);
  change.ifindex = 0;
  const got = syscall6(sys.recvfrom, fd, address, Links.bytes, MSG.DONTWAIT, 0, 0);
  if (got < Links.flagsAt + 4) return Math.min(got, 0);
  const type = data.getUint16(offset + 4, true);
  if (type !== Links.changed && type !== Links.removed) return 0;
  change.ifindex = data.getInt32(offset + Links.indexAt, true);
  change.isThere = type === Links.changed;
  change.isUp = (data.getUint32(offset + Links.flagsAt, true) & isUp) !== 0;
  return 0;
}

/** What drives a device. */
export interface DeviceDriver {
  /** Its name, such as `ice`, `veth`; empty where none says so. */
  readonly name: string;
  /** Packets of it never crossed a wire: it is made of software. */
  readonly isSoftware: boolean;
}

/** ETHTOOL_GDRVINFO: struct ethtool_drvinfo. */
const driverInfo = { command: 3, bytes: 196, nameAt: 4, busAt: 100, textBytes: 32 } as const;

/** What drives a device. @throws SystemError EMFILE */
export function deviceDriver(name: string): DeviceDriver {
  return withDeviceSocket((fd) => {
    const { data, bytes, offset, address } = scratch(driverInfo.bytes);
    bytes.fill(0, offset, offset + driverInfo.bytes);
    data.setUint32(offset, driverInfo.command, true);
    if (ethtoolRequest(fd, name, address) < 0) return { name: '', isSoftware: false };
    const text = (at: number): string => {
      let letters = '';
      for (let index = offset + at; bytes[index] !== 0 && index < offset + at + driverInfo.textBytes; index++)
        letters += String.fromCharCode(bytes[index]!);
      return letters;
    };
    const bus = text(driverInfo.busAt);
    return { name: text(driverInfo.nameAt), isSoftware: bus === '' || bus === 'tap' || bus === 'tun' };
  });
}

/** ETHTOOL_GCHANNELS: struct ethtool_channels, in words: most and present ones to receive, to send, others, both. */
const channels = { command: 0x3c, bytes: 36, receiveAt: 20, combinedAt: 32 } as const;

/** Queues that a device receives on; 1 where its driver does not say. @throws SystemError EMFILE */
export function receiveQueues(name: string): number {
  return withDeviceSocket((fd) => {
    const { data, bytes, offset, address } = scratch(channels.bytes);
    bytes.fill(0, offset, offset + channels.bytes);
    data.setUint32(offset, channels.command, true);
    if (ethtoolRequest(fd, name, address) < 0) return 1;
    const receive = data.getUint32(offset + channels.receiveAt, true);
    return Math.max(1, receive + data.getUint32(offset + channels.combinedAt, true));
  });
}
