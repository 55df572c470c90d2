// AF_XDP: sockets whose packets lie in memory of the process and pass through four rings (Documentation/networking/af_xdp.rst): one typed function a
// call; each gives its value or -errno. Not here: the order of the calls and what refusals mean to people (xdp/), the XDP program (bpf/).

import { AF, MSG, SOCK, SOL, XDP } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { layouts } from './layouts.js';
import { MAP, mapMemory, mapMemoryAt, PROT, scratch, unmapMemory } from './memory.js';
import { sys } from './numbers.js';

/** Where the words of a ring are in its mapping, in bytes. */
export interface XdpRingOffsets {
  readonly producer: number;
  readonly consumer: number;
  readonly descriptors: number;
  readonly flags: number;
}

/** The four rings by what they carry: frames to receive into, frames that were sent, packets that came, packets to send. */
export const xdpRings = {
  fill: { option: XDP.UMEM_FILL_RING, page: XDP.UMEM_PGOFF_FILL_RING, offsets: 'fr', entryBytes: 8 },
  completion: { option: XDP.UMEM_COMPLETION_RING, page: XDP.UMEM_PGOFF_COMPLETION_RING, offsets: 'cr', entryBytes: 8 },
  receive: { option: XDP.RX_RING, page: XDP.PGOFF_RX_RING, offsets: 'rx', entryBytes: layouts.xdp_desc.size },
  transmit: { option: XDP.TX_RING, page: XDP.PGOFF_TX_RING, offsets: 'tx', entryBytes: layouts.xdp_desc.size },
} as const;
export type XdpRingName = keyof typeof xdpRings;

/** socket(2) of AF_XDP, close-on-exec. Returns its descriptor or -errno (EPERM: without CAP_NET_RAW; EAFNOSUPPORT: the kernel has none). */
export function createXdpSocket(): number {
  return syscall3(sys.socket, AF.XDP, SOCK.RAW | SOCK.CLOEXEC, 0);
}

/** Registers memory for packets, of whole frames. Returns 0 or -errno (ENOBUFS: the limit on locked memory is too low). */
export function registerXdpMemory(
  fd: number,
  address: number,
  length: number,
  frameBytes: number,
  headroom: number,
): number {
  const { size, fields } = layouts.xdp_umem_reg;
  const { data, bytes, offset, address: at } = scratch(size);
  bytes.fill(0, offset, offset + size);
  data.setBigUint64(offset + fields.addr.offset, BigInt(address), true);
  data.setBigUint64(offset + fields.len.offset, BigInt(length), true);
  data.setUint32(offset + fields.chunk_size.offset, frameBytes, true);
  data.setUint32(offset + fields.headroom.offset, headroom, true);
  return syscall6(sys.setsockopt, fd, SOL.XDP, XDP.UMEM_REG, at, size);
}

/** Makes a ring of so many entries, a power of two. Returns 0 or -errno. */
export function makeXdpRing(fd: number, ring: XdpRingName, entries: number): number {
  const { data, offset, address } = scratch(4);
  data.setUint32(offset, entries, true);
  return syscall6(sys.setsockopt, fd, SOL.XDP, xdpRings[ring].option, address, 4);
}

function readOption(fd: number, option: number, length: number): ReturnType<typeof scratch> | number {
  const place = scratch(length + 8);
  place.bytes.fill(0, place.offset, place.offset + length);
  place.data.setUint32(place.offset + length, length, true);
  const result = syscall6(sys.getsockopt, fd, SOL.XDP, option, place.address, place.address + length);
  if (result < 0) return result;
  // Kernels before 5.4 know less of it.
  return place.data.getUint32(place.offset + length, true) < length ? -Errno.EOPNOTSUPP : place;
}

/** Where the words of each ring are in its mapping, or -errno (EOPNOTSUPP: a kernel before 5.4). */
export function xdpRingOffsets(fd: number): Readonly<Record<XdpRingName, XdpRingOffsets>> | number {
  const place = readOption(fd, XDP.MMAP_OFFSETS, layouts.xdp_mmap_offsets.size);
  if (typeof place === 'number') return place;
  const { fields } = layouts.xdp_ring_offset;
  const of = (ring: XdpRingName): XdpRingOffsets => {
    const at = place.offset + layouts.xdp_mmap_offsets.fields[xdpRings[ring].offsets].offset;
    const word = (field: { readonly offset: number }): number =>
      Number(place.data.getBigUint64(at + field.offset, true));
    return {
      producer: word(fields.producer),
      consumer: word(fields.consumer),
      descriptors: word(fields.desc),
      flags: word(fields.flags),
    };
  };
  return { fill: of('fill'), completion: of('completion'), receive: of('receive'), transmit: of('transmit') };
}

/** A ring, mapped. */
export interface XdpRingMapping {
  readonly buffer: ArrayBuffer;
  /** Gives the mapping back. */
  unmap(): void;
}

const shared = MAP.SHARED | MAP.POPULATE;

/** Maps a ring where there is room. @throws SystemError */
export function mapXdpRing(fd: number, ring: XdpRingName, length: number): XdpRingMapping {
  const mapping = mapMemory(length, PROT.READ | PROT.WRITE, shared, fd, xdpRings[ring].page);
  return { buffer: mapping.buffer, unmap: () => unmapMemory(mapping) };
}

/** Maps a ring over memory of the caller's, of whole pages. Returns 0 or -errno. */
export function mapXdpRingAt(fd: number, ring: XdpRingName, address: number, length: number): number {
  return mapMemoryAt(address, length, PROT.READ | PROT.WRITE, shared, fd, xdpRings[ring].page);
}

/** Puts empty memory where a ring was mapped over the caller's: nobody else's can come to lie there. Returns 0 or -errno. */
export function unmapXdpRingAt(address: number, length: number): number {
  return mapMemoryAt(address, length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE, -1, 0);
}

/** bind(2) to a queue of a network device. Returns 0 or -errno (EBUSY: another socket has the queue; EINVAL: there is no such queue). */
export function bindXdpSocket(fd: number, ifindex: number, queue: number, flags: number): number {
  const { size, fields } = layouts.sockaddr_xdp;
  const { data, bytes, offset, address } = scratch(size);
  bytes.fill(0, offset, offset + size);
  data.setUint16(offset + fields.sxdp_family.offset, AF.XDP, true);
  data.setUint16(offset + fields.sxdp_flags.offset, flags, true);
  data.setUint32(offset + fields.sxdp_ifindex.offset, ifindex, true);
  data.setUint32(offset + fields.sxdp_queue_id.offset, queue, true);
  return syscall3(sys.bind, fd, address, size);
}

/** Whether the driver works in the process's memory itself, or -errno. */
export function isXdpZeroCopy(fd: number): boolean {
  const place = readOption(fd, XDP.OPTIONS, layouts.xdp_options.size);
  return typeof place !== 'number' && (place.data.getUint32(place.offset, true) & XDP.OPTIONS_ZEROCOPY) !== 0;
}

/** What the kernel counted of a socket: packets that it dropped, by why, and entries of rings that made no sense. */
export interface XdpStatistics {
  /** Longer than a frame has room for, or no frame was there. */
  readonly receiveDropped: number;
  readonly receiveInvalid: number;
  readonly transmitInvalid: number;
  /** The ring of packets that came was full. */
  readonly receiveRingFull: number;
  /** There was no frame to receive into. */
  readonly fillRingEmpty: number;
  /** There was nothing to send. */
  readonly transmitRingEmpty: number;
}

/** Reads what was counted; undefined where it cannot be read. */
export function xdpStatistics(fd: number): XdpStatistics | undefined {
  const { size, fields } = layouts.xdp_statistics;
  const place = readOption(fd, XDP.STATISTICS, size);
  if (typeof place === 'number') return undefined;
  const word = (field: { readonly offset: number }): number =>
    Number(place.data.getBigUint64(place.offset + field.offset, true));
  return {
    receiveDropped: word(fields.rx_dropped),
    receiveInvalid: word(fields.rx_invalid_descs),
    transmitInvalid: word(fields.tx_invalid_descs),
    receiveRingFull: word(fields.rx_ring_full),
    fillRingEmpty: word(fields.rx_fill_ring_empty_descs),
    transmitRingEmpty: word(fields.tx_ring_empty_descs),
  };
}

/** Has the kernel send what is in the ring. Returns 0 or -errno (EAGAIN: there is more; ENOBUFS, ENETDOWN: not now). */
export function kickXdpTransmit(fd: number): number {
  return syscall6(sys.sendto, fd, 0, 0, MSG.DONTWAIT, 0, 0);
}

/** Tells the driver that there are frames to receive into again. Returns 0 or -errno. */
export function kickXdpReceive(fd: number): number {
  return syscall6(sys.recvfrom, fd, 0, 0, MSG.DONTWAIT, 0, 0);
}
