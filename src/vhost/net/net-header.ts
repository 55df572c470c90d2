// The header before each packet of virtio-net (VIRTIO 1.x section 5.1.6): read once out of a guest's memory, held against what was negotiated and
// against the packet. Not here: the packet's own headers (checksum.ts, segment.ts).

/** Bytes of it, with VIRTIO_F_VERSION_1. */
export const netHeaderBytes = 12;
/** Bytes of an Ethernet header, and of the longest packet: of 64 KiB, to be cut into segments. */
export const ethernetBytes = 14;
export const mostPacketBytes: number = 65_535 + ethernetBytes;

/** Flags of a header: the packet's checksum is not finished; it was found to be right. */
const needsChecksum = 1;
const dataValid = 2;
/** How a packet is to be cut. */
export const Gso = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;

/** What one side takes unfinished: checksums, and packets that are to be cut, by protocol. */
export interface Offloads {
  readonly checksum: boolean;
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly uso: boolean;
}

/** Nothing. */
export const noOffloads: Offloads = { checksum: false, tso4: false, tso6: false, uso: false };

/** Everything. */
export const everyOffload: Offloads = { checksum: true, tso4: true, tso6: true, uso: true };

/** What makes a header impossible: by what it speaks of. */
export type HeaderFault =
  | 'checksum not negotiated'
  | 'checksum outside'
  | 'gso'
  | 'gso not negotiated'
  | 'header length';

/** Whether a packet that is to be cut may come. */
export function takesGso(offloads: Offloads, gso: number): boolean {
  switch (gso) {
    case Gso.none:
      return true;
    case Gso.tcp4:
      return offloads.tso4;
    case Gso.tcp6:
      return offloads.tso6;
    default:
      return gso === Gso.udp && offloads.uso;
  }
}

/** See the file's head. Used again and again. */
export class NetHeader {
  needsChecksum = false;
  /** The packet's checksum was found to be right. */
  isValid = false;
  gso: number = Gso.none;
  /** Bytes of the packet's own headers: a hint. */
  headerLength = 0;
  /** Bytes of payload of a segment. */
  gsoSize = 0;
  /** Where the checksum begins, and where it is put, from there. */
  checksumStart = 0;
  checksumOffset = 0;

  /** Takes the bytes of a header. */
  read(data: DataView): void {
    const flags = data.getUint8(0);
    this.needsChecksum = (flags & needsChecksum) !== 0;
    this.isValid = (flags & dataValid) !== 0;
    this.gso = data.getUint8(1);
    this.headerLength = data.getUint16(2, true);
    this.gsoSize = data.getUint16(4, true);
    this.checksumStart = data.getUint16(6, true);
    this.checksumOffset = data.getUint16(8, true);
    if (this.gso === Gso.none) this.headerLength = this.gsoSize = 0;
    if (!this.needsChecksum) this.checksumStart = this.checksumOffset = 0;
  }

  /** Takes what another says. */
  take(other: NetHeader): void {
    this.needsChecksum = other.needsChecksum;
    this.isValid = other.isValid;
    this.gso = other.gso;
    this.headerLength = other.headerLength;
    this.gsoSize = other.gsoSize;
    this.checksumStart = other.checksumStart;
    this.checksumOffset = other.checksumOffset;
  }

  /** Writes it. @param buffers that the packet lies in */
  write(data: DataView, buffers: number): void {
    data.setUint8(0, this.needsChecksum ? needsChecksum : this.isValid ? dataValid : 0);
    data.setUint8(1, this.gso);
    data.setUint16(2, this.headerLength, true);
    data.setUint16(4, this.gsoSize, true);
    data.setUint16(6, this.checksumStart, true);
    data.setUint16(8, this.checksumOffset, true);
    data.setUint16(10, buffers, true);
  }

  /** Begins one of a packet that is whole. */
  clear(): void {
    this.needsChecksum = this.isValid = false;
    this.gso = Gso.none;
    this.headerLength = this.gsoSize = this.checksumStart = this.checksumOffset = 0;
  }

  /** Holds it against a packet of so many bytes, and what its sender may leave unfinished. @returns what is wrong with it */
  faultOf(packetBytes: number, offloads: Offloads): HeaderFault | undefined {
    if (this.needsChecksum) {
      if (!offloads.checksum) return 'checksum not negotiated';
      const isInside =
        this.checksumStart >= ethernetBytes && this.checksumStart + this.checksumOffset + 2 <= packetBytes;
      if (!isInside) return 'checksum outside';
    }
    if (this.gso === Gso.none) return undefined;
    if (!takesGso(offloads, this.gso)) return 'gso not negotiated';
    if (!this.needsChecksum || this.gsoSize === 0) return 'gso';
    return this.headerLength > packetBytes ? 'header length' : undefined;
  }
}
