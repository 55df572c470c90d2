// PCI Express at the granularity of transaction layer packets: how many bytes a write or a read puts on each direction of the link,
// and how many bytes a second the link has left after encoding, acknowledgements and flow control. It follows "Understanding PCIe
// performance for end host networking" (SIGCOMM 2018) and the PCIe base specification. It knows nothing of NICs or drivers.

import { constant } from '../facts/constants.js';

export type PcieGeneration = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** A configured link: what `lspci -vv` shows as LnkSta, DevCtl MaxPayload and MaxReadReq. Sizes in bytes. */
export interface PcieLink {
  generation: PcieGeneration;
  lanes: 1 | 2 | 4 | 8 | 16 | 32;
  /** Maximum payload size of one TLP. */
  mps: number;
  /** Maximum read request size. */
  mrrs: number;
  addressBits: 32 | 64;
  /** End-to-end CRC: 4 more bytes a TLP. */
  ecrc: boolean;
  /** Completions cut at the read completion boundary (older root complexes) instead of at the MPS; 0 means at the MPS. */
  completionBytes: number;
}

const gigaTransfers: Record<PcieGeneration, number> = { 1: 2.5, 2: 5, 3: 8, 4: 16, 5: 32, 6: 64, 7: 128 };

/** Raw bandwidth of the link in Gb/s: lanes times transfer rate times line coding (8b/10b, 128b/130b, 242/256). */
function rawGbps(link: PcieLink): number {
  const coding = link.generation <= 2 ? 8 / 10 : link.generation <= 5 ? 128 / 130 : 242 / 256;
  return link.lanes * gigaTransfers[link.generation] * coding;
}

/** AckFactor of the base specification: how many largest TLPs may pass before an acknowledgement is due. */
function ackFactor(lanes: number, mps: number): number {
  if (mps >= 512) return lanes >= 16 ? 2 : 1;
  return lanes >= 16 ? 3 : lanes >= 8 ? 2.5 : 1.4;
}

/**
 * Ack transmission latency limit and flow control update interval in symbol times, i.e. bytes a lane: (MPS + TLP overhead) x AckFactor /
 * lanes + internal delay (PCIe base specification 5.0, tables 2-46..2-48 and 3-7..3-9).
 */
function ackLimitBytes(link: PcieLink): number {
  const internalDelay = link.generation === 1 ? 19 : link.generation === 2 ? 70 : 115;
  return Math.floor(((link.mps + 28) * ackFactor(link.lanes, link.mps)) / link.lanes + internalDelay);
}

/** Bandwidth left to TLPs in Gb/s, after acknowledgements, flow control updates and SKIP ordered sets. */
export function tlpGbps(link: PcieLink): number {
  const limit = ackLimitBytes(link);
  const dllp = constant('pcie.dllp').value;
  const skip = constant('pcie.skip.length').value / constant('pcie.skip.interval').value;
  return rawGbps(link) * (1 - dllp / limit - dllp / limit - skip);
}

/** Nanoseconds one byte of TLP occupies one direction of the link. */
export function nsPerTlpByte(link: PcieLink): number {
  return 8 / tlpGbps(link);
}

export interface TlpHeaders {
  write: number;
  read: number;
  completion: number;
}

/** Bytes around the payload of each kind of TLP: framing and data link layer, the common header, and its own. */
export function tlpHeaders(link: PcieLink): TlpHeaders {
  const around = constant('pcie.dll').value + constant('pcie.header.common').value + (link.ecrc ? 4 : 0);
  const request = constant('pcie.header.request').value - (link.addressBits === 32 ? 4 : 0);
  return {
    write: around + request,
    read: around + request,
    completion: around + constant('pcie.header.completion').value,
  };
}

/** Bytes on the link for some work, seen from the device: `up` towards the host, `down` towards the device. */
export interface LinkBytes {
  up: number;
  down: number;
}

/** A DMA write (or an MSI) of `bytes` by the device: only the upward direction is used. */
export function deviceWrite(link: PcieLink, bytes: number): LinkBytes {
  return { up: Math.ceil(bytes / link.mps) * tlpHeaders(link).write + bytes, down: 0 };
}

/** A DMA read of `bytes` by the device: requests go up, completions come down. (The request carries no data: the authors' code, not the
 * equation printed in the paper.) */
export function deviceRead(link: PcieLink, bytes: number): LinkBytes {
  const headers = tlpHeaders(link);
  const chunk = link.completionBytes > 0 ? link.completionBytes : link.mps;
  return {
    up: Math.ceil(bytes / link.mrrs) * headers.read,
    down: Math.ceil(bytes / chunk) * headers.completion + bytes,
  };
}

/** A register write by the host (a doorbell). */
export function hostWrite(link: PcieLink, bytes: number): LinkBytes {
  return { up: 0, down: tlpHeaders(link).write + bytes };
}

/** A register read by the host (a head pointer): the processor waits for it. */
export function hostRead(link: PcieLink, bytes: number): LinkBytes {
  return { up: tlpHeaders(link).completion + bytes, down: tlpHeaders(link).read };
}

/** Sum of link bytes, each times its count. */
export function addLinkBytes(...parts: [LinkBytes, number][]): LinkBytes {
  let up = 0;
  let down = 0;
  for (const [bytes, count] of parts) {
    up += bytes.up * count;
    down += bytes.down * count;
  }
  return { up, down };
}
