// The drivers' own rules: given the fragments of one sk_buff, will this driver copy it into one block (skb_linearize) before it can send it?
// Each rule follows the function it names; nothing is executed here and no descriptor is built.

import type { Layout } from '../packing/layout.js';
import type { NicId } from './nics.js';

/** One sk_buff as ndo_start_xmit sees it. */
export interface DriverPacket {
  /** Payload fragments (skb_shinfo frags). */
  fragments: Layout;
  /** Bytes in the linear part: headers, normally. */
  linearBytes: number;
  /** Segment size when the NIC is to segment it (gso_size), 0 otherwise. */
  gsoSize: number;
  /** More bytes of headers that every segment repeats; defaults to the linear part. */
  headerBytes?: number;
}

export interface DriverVerdict {
  copies: boolean;
  /** Kernel function whose rule decided. */
  rule: string;
  source: string;
  why: string;
  avoid: string;
}

const maxFragments = 17;

function passes(rule: string, source: string): DriverVerdict {
  return { copies: false, rule, source, why: '', avoid: '' };
}

const i40eDescriptors = 8;
const i40eBytesPerDescriptor = 16_383;
const i40eReadRequest = 4096;
const i40eAlignedBytes = i40eBytesPerDescriptor & ~(i40eReadRequest - 1);

/** Descriptors i40e, iavf and ice need for one buffer: 12 KiB each once it does not fit into 16 KiB - 1. */
export function intelDescriptors(bytes: number): number {
  return bytes <= i40eBytesPerDescriptor
    ? 1
    : Math.ceil((bytes - (i40eBytesPerDescriptor - i40eAlignedBytes)) / i40eAlignedBytes);
}

/** Whether every window of six fragments carries at least a segment (less a byte): then no packet needs more than eight descriptors. */
function everySixFragmentsCarryASegment(packet: DriverPacket): boolean {
  const { fragments, gsoSize } = packet;
  if (fragments.length < i40eDescriptors - 1) return true;
  let windows = fragments.length - (i40eDescriptors - 2);
  let sum = 1 - gsoSize;
  let next = 0;
  for (; next < 5; next += 1) sum += fragments[next]!.bytes;
  for (let stale = 0; ; stale += 1) {
    sum += fragments[next++]!.bytes;
    let staleBytes = fragments[stale]!.bytes;
    if (staleBytes > i40eBytesPerDescriptor) {
      const alignment = -fragments[stale]!.pageOffset & (i40eReadRequest - 1);
      sum -= alignment;
      staleBytes -= alignment;
      do {
        sum -= i40eAlignedBytes;
        staleBytes -= i40eAlignedBytes;
      } while (staleBytes > i40eBytesPerDescriptor);
    }
    if (sum < 0) return false;
    if (windows-- === 0) return true;
    if (next >= fragments.length) return true;
    sum -= staleBytes;
  }
}

/** i40e, iavf, ice: at most eight descriptors for one packet on the wire. */
function intelVerdict(packet: DriverPacket, driver: 'i40e' | 'ice'): DriverVerdict {
  const rule = `${driver}_chk_linearize`;
  const source =
    driver === 'i40e'
      ? 'drivers/net/ethernet/intel/i40e/i40e_txrx.c, commit 71da61976ec1'
      : 'drivers/net/ethernet/intel/ice/ice_txrx.c';
  const count = packet.fragments.reduce(
    (sum, piece) => sum + intelDescriptors(piece.bytes),
    intelDescriptors(packet.linearBytes),
  );
  if (count < i40eDescriptors) return passes(rule, source);
  if (packet.gsoSize > 0) {
    if (everySixFragmentsCarryASegment(packet)) return passes(rule, source);
    return {
      copies: true,
      rule: `__${rule}`,
      source,
      why: `six fragments in a row carry less than a segment of ${packet.gsoSize} bytes, so one packet would need more than 8 descriptors`,
      avoid: `make fragments of at least ${Math.ceil((packet.gsoSize - 1) / 6)} bytes, or gather the small ones into one buffer`,
    };
  }
  if (count === i40eDescriptors) return passes(rule, source);
  return {
    copies: true,
    rule,
    source,
    why: `the packet needs ${count} descriptors, the NIC takes 8`,
    avoid: 'send at most 7 fragments of up to 16383 bytes in a packet without TSO',
  };
}

const gveDescriptors = 10;
const gveBytesPerDescriptor = 16_383;

/** gve DQO: ten buffers for each segment, 16383 bytes each; the header has a descriptor of its own. */
function gveVerdict(packet: DriverPacket): DriverVerdict {
  const source = 'drivers/net/ethernet/google/gve/gve_tx_dqo.c, commit 36e3b949e359';
  const buffers = (bytes: number): number => Math.max(1, Math.ceil(bytes / gveBytesPerDescriptor));
  if (packet.gsoSize === 0) {
    const count = packet.fragments.reduce((sum, piece) => sum + buffers(piece.bytes), packet.linearBytes > 0 ? 1 : 0);
    if (count <= gveDescriptors) return passes('gve_tx_add_skb_dqo', source);
    return {
      copies: true,
      rule: 'gve_tx_add_skb_dqo',
      source,
      why: `the packet needs ${count} buffers, the NIC takes ${gveDescriptors}`,
      avoid: `send at most ${gveDescriptors - 1} fragments in a packet without TSO`,
    };
  }
  const worst = worstSegment(packet.fragments, packet.gsoSize, gveBytesPerDescriptor);
  if (worst <= gveDescriptors) return passes('gve_can_send_tso', source);
  return {
    copies: true,
    rule: 'gve_can_send_tso',
    source,
    why: `one segment would be gathered from ${worst} buffers, the NIC takes ${gveDescriptors}`,
    avoid: `make fragments of at least ${Math.ceil(packet.gsoSize / (gveDescriptors - 1))} bytes`,
  };
}

/** Most buffers any one segment of `gsoSize` bytes is gathered from. */
export function worstSegment(fragments: Layout, gsoSize: number, bytesPerDescriptor: number): number {
  let worst = 0;
  let used = 0;
  let filled = 0;
  for (const piece of fragments) {
    let left = piece.bytes;
    while (left > 0) {
      const taken = Math.min(left, gsoSize - filled, bytesPerDescriptor);
      used += 1;
      filled += taken;
      left -= taken;
      worst = Math.max(worst, used);
      if (filled === gsoSize) {
        used = 0;
        filled = 0;
      }
    }
  }
  return worst;
}

const enaBuffers = 19;

/** ena: as many buffers as the transmit queue's scatter-gather limit, header in its own when it is pushed to the device. */
function enaVerdict(packet: DriverPacket): DriverVerdict {
  const source = 'drivers/net/ethernet/amazon/ena/ena_netdev.c, ENA_PKT_MAX_BUFS in ena_netdev.h';
  const pushedHeaderBytes = 96;
  const count = packet.fragments.length;
  if (count < enaBuffers || (count === enaBuffers && packet.linearBytes <= pushedHeaderBytes)) {
    return passes('ena_check_and_linearize_skb', source);
  }
  return {
    copies: true,
    rule: 'ena_check_and_linearize_skb',
    source,
    why: `${count} fragments, the queue takes ${enaBuffers} buffers`,
    avoid: `keep a super-packet at ${enaBuffers - 1} fragments: huge pages, or fewer and larger pieces`,
  };
}

/** virtio-net: the table has room for MAX_SKB_FRAGS and two more; the stack never exceeds it, so nothing is ever copied for its sake. */
function virtioVerdict(packet: DriverPacket): DriverVerdict {
  const source = 'drivers/net/virtio_net.c, struct send_queue: sg[MAX_SKB_FRAGS + 2]';
  if (packet.fragments.length <= maxFragments + 1) return passes('xmit_skb', source);
  return {
    copies: true,
    rule: 'xmit_skb',
    source,
    why: `${packet.fragments.length} fragments, the scatter list has room for ${maxFragments + 2}`,
    avoid: 'keep MAX_SKB_FRAGS as the guest kernel was built',
  };
}

const mlx5MaxElementBytes = 1024;

/** mlx5: one work queue element of at most 1 KiB: control, inline header, and a 16 B data segment a fragment. */
function mlx5Verdict(packet: DriverPacket): DriverVerdict {
  const source = 'drivers/net/ethernet/mellanox/mlx5/core/en_tx.c, MLX5_SEND_WQE_MAX_WQEBBS';
  const inlineHeader = packet.gsoSize > 0 ? Math.ceil((packet.linearBytes + 2) / 16) * 16 : 32;
  const needed = 32 + inlineHeader + 16 * packet.fragments.length;
  if (needed <= mlx5MaxElementBytes) return passes('mlx5e_sq_xmit_wqe', source);
  return {
    copies: true,
    rule: 'mlx5e_xmit',
    source,
    why: `the work queue element would take ${needed} bytes of ${mlx5MaxElementBytes}`,
    avoid: `keep a super-packet at ${Math.floor((mlx5MaxElementBytes - 32 - inlineHeader) / 16)} fragments`,
  };
}

/** The verdict of the driver of a NIC profile. */
export function driverVerdict(nic: NicId, packet: DriverPacket): DriverVerdict {
  if (nic === 'i40e' || nic === 'ice') return intelVerdict(packet, nic);
  if (nic === 'gve') return gveVerdict(packet);
  if (nic === 'ena') return enaVerdict(packet);
  if (nic === 'virtio-net') return virtioVerdict(packet);
  if (nic === 'mlx5') return mlx5Verdict(packet);
  return passes('ixgbe_xmit_frame_ring', 'drivers/net/ethernet/intel/ixgbe/ixgbe_main.c: 40 descriptors, never copied');
}
