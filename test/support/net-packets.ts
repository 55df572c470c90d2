// Packets of tests, made and looked at by code of the tests' own: Ethernet, IPv4 and IPv6, TCP and UDP, ARP, ICMP; their checksums by a sum that is
// written another way than the one it checks.

/** Addresses of a packet. */
export interface Ends {
  readonly fromMac: string;
  readonly toMac: string;
  /** IPv4 in dots, or IPv6 as 32 hexadecimal digits. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** The bytes of an address of Ethernet. */
export function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

const addressBytes = (text: string): Buffer =>
  text.includes('.') ? Buffer.from(text.split('.').map(Number)) : Buffer.from(text, 'hex');

/** The sum of 16-bit words in ones' complement, carried at each step. */
export function onesSum(...parts: readonly Uint8Array[]): number {
  const all = Buffer.concat(parts);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) {
    sum += (all[at]! << 8) + (all[at + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const checksum = (...parts: readonly Uint8Array[]): number => ~onesSum(...parts) & 0xffff;

function pseudoHeader(ends: Ends, protocol: number, length: number): Buffer {
  return Buffer.concat([
    addressBytes(ends.from),
    addressBytes(ends.to),
    Buffer.from([0, protocol, (length >> 8) & 0xff, length & 0xff]),
  ]);
}

/** Ethernet and IP around what they carry. */
export function internet(ends: Ends, protocol: number, content: Uint8Array, tags = 0): Buffer {
  const isIp4 = ends.from.includes('.');
  const head = Buffer.alloc(isIp4 ? 20 : 40);
  if (isIp4) {
    head.writeUInt16BE(0x4500, 0);
    head.writeUInt16BE(20 + content.length, 2);
    head.writeUInt16BE(0x1234, 4);
    head.writeUInt16BE(0x4000, 6);
    head.set([64, protocol], 8);
    head.set(addressBytes(ends.from), 12);
    head.set(addressBytes(ends.to), 16);
    head.writeUInt16BE(checksum(head), 10);
  } else {
    head[0] = 0x60;
    head.writeUInt16BE(content.length, 4);
    head.set([protocol, 64], 6);
    head.set(addressBytes(ends.from), 8);
    head.set(addressBytes(ends.to), 24);
  }
  const vlan = Buffer.alloc(tags * 4);
  for (let tag = 0; tag < tags; tag++) vlan.writeUInt32BE(0x8100_0005, tag * 4);
  const type = Buffer.from(isIp4 ? [0x08, 0x00] : [0x86, 0xdd]);
  return Buffer.concat([macBytes(ends.toMac), macBytes(ends.fromMac), vlan, type, head, content]);
}

/** What a segment of TCP says beside its addresses. */
export interface TcpFields {
  readonly sequence: number;
  readonly acknowledge: number;
  readonly flags: number;
  readonly window?: number;
  readonly options?: Uint8Array;
}

/** Flags of TCP. */
export const Tcp = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, cwr: 128 } as const;

/** A segment of TCP. @param isPartial its checksum is only that of the pseudo header, as with an offload */
export function tcp(ends: Ends, fields: TcpFields, payload: Uint8Array, isPartial = false, tags = 0): Buffer {
  const options = fields.options ?? new Uint8Array(0);
  const head = Buffer.alloc(20 + options.length);
  head.writeUInt16BE(ends.fromPort, 0);
  head.writeUInt16BE(ends.toPort, 2);
  head.writeUInt32BE(fields.sequence >>> 0, 4);
  head.writeUInt32BE(fields.acknowledge >>> 0, 8);
  head.set([(head.length / 4) << 4, fields.flags], 12);
  head.writeUInt16BE(fields.window ?? 65_535, 14);
  head.set(options, 20);
  const pseudo = pseudoHeader(ends, 6, head.length + payload.length);
  head.writeUInt16BE(isPartial ? onesSum(pseudo) : checksum(pseudo, head, payload), 16);
  return internet(ends, 6, Buffer.concat([head, payload]), tags);
}

/** A datagram of UDP, as {@link tcp}. */
export function udp(ends: Ends, payload: Uint8Array, isPartial = false): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(ends.fromPort, 0);
  head.writeUInt16BE(ends.toPort, 2);
  head.writeUInt16BE((8 + payload.length) & 0xffff, 4);
  const pseudo = pseudoHeader(ends, 17, head.length + payload.length);
  head.writeUInt16BE(isPartial ? onesSum(pseudo) : checksum(pseudo, head, payload) || 0xffff, 6);
  return internet(ends, 17, Buffer.concat([head, payload]));
}

/** A packet, taken apart. */
export interface Parsed {
  readonly toMac: string;
  readonly fromMac: string;
  readonly type: number;
  readonly protocol: number;
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly acknowledge: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
  /** The checksum of IPv4's header is right (or there is none), and that of TCP, UDP or ICMP; or the latter is that of the pseudo header. */
  readonly isIpRight: boolean;
  readonly isRight: boolean;
  readonly isPartial: boolean;
}

const hexMac = (bytes: Buffer): string => bytes.toString('hex').replace(/..(?=.)/g, '$&:');

/** Takes a packet apart. */
export function parse(packet: Buffer): Parsed {
  let at = 14;
  while ([0x8100, 0x88a8].includes(packet.readUInt16BE(at - 2))) at += 4;
  const type = packet.readUInt16BE(at - 2);
  const isIp4 = type === 0x0800;
  const isIp6 = type === 0x86dd;
  const headBytes = isIp4 ? (packet[at]! & 15) * 4 : isIp6 ? 40 : 0;
  const head = packet.subarray(at, at + headBytes);
  const length = isIp4 ? head.readUInt16BE(2) - headBytes : isIp6 ? head.readUInt16BE(4) : packet.length - at;
  const content = packet.subarray(at + headBytes, at + headBytes + length);
  const protocol = isIp4 ? head[9]! : isIp6 ? head[6]! : 0;
  const addresses = isIp4 ? head.subarray(12, 20) : head.subarray(8, 40);
  const pseudo =
    protocol === 1
      ? Buffer.alloc(0)
      : Buffer.concat([addresses, Buffer.from([0, protocol, content.length >> 8, content.length & 0xff])]);
  const isTcp = protocol === 6;
  const checksumAt = isTcp ? 16 : 6;
  const half = addresses.length / 2;
  const name = (bytes: Buffer): string => (isIp4 ? bytes.join('.') : bytes.toString('hex'));
  const skip = isTcp ? (content[12]! >> 4) * 4 : 8;
  return {
    toMac: hexMac(packet.subarray(0, 6)),
    fromMac: hexMac(packet.subarray(6, 12)),
    type,
    protocol,
    from: name(addresses.subarray(0, half)),
    to: name(addresses.subarray(half)),
    fromPort: content.length > 4 ? content.readUInt16BE(0) : 0,
    toPort: content.length > 4 ? content.readUInt16BE(2) : 0,
    sequence: isTcp ? content.readUInt32BE(4) : 0,
    acknowledge: isTcp ? content.readUInt32BE(8) : 0,
    flags: isTcp ? content[13]! : 0,
    id: isIp4 ? head.readUInt16BE(4) : 0,
    payload: content.subarray(skip),
    isIpRight: !isIp4 || onesSum(head) === 0xffff,
    isRight: onesSum(pseudo, content) === 0xffff,
    isPartial: content.length > checksumAt + 2 && content.readUInt16BE(checksumAt) === onesSum(pseudo),
  };
}

function arpPacket(kind: number, mac: string, from: string, toMac: string, to: string, padding = 0): Buffer {
  const content = Buffer.alloc(28 + padding);
  content.set([0, 1, 8, 0, 6, 4, 0, kind]);
  content.set(macBytes(mac), 8);
  content.set(addressBytes(from), 14);
  content.set(addressBytes(to), 24);
  if (kind !== 1) content.set(macBytes(toMac), 18);
  return Buffer.concat([macBytes(toMac), macBytes(mac), Buffer.from([0x08, 0x06]), content]);
}

/** A question of ARP. @param padding bytes behind it */
export function arp(mac: string, from: string, asked: string, padding = 0): Buffer {
  return arpPacket(1, mac, from, 'ff:ff:ff:ff:ff:ff', asked, padding);
}

/** The answer to one. */
export function arpAnswer(mac: string, from: string, toMac: string, to: string): Buffer {
  return arpPacket(2, mac, from, toMac, to);
}

/** A ping. */
export function icmpEcho(ends: Ends, payload: Uint8Array): Buffer {
  const head = Buffer.from([8, 0, 0, 0, 0x12, 0x34, 0, 1]);
  head.writeUInt16BE(checksum(head, payload), 2);
  return internet(ends, 1, Buffer.concat([head, payload]));
}
