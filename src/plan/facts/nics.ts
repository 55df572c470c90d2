// Network cards as the model needs them: how their descriptors travel over PCIe, and what one descriptor chain may hold. The rules that make
// a driver copy a payload after all are in drivers.ts.

import {
  addLinkBytes,
  deviceRead,
  deviceWrite,
  hostRead,
  hostWrite,
  type LinkBytes,
  type PcieLink,
} from '../stages/pcie.js';
import { constant } from './constants.js';

/** How a NIC and its driver talk over PCIe: sizes in bytes, `...Every` in packets (0: never). */
export interface NicTraffic {
  txDescriptor: number;
  txFetchBatch: number;
  txWriteback: number;
  txWritebackBatch: number;
  txTailEvery: number;
  txInterruptEvery: number;
  txHeadReadEvery: number;
  rxDescriptor: number;
  rxFetchBatch: number;
  rxWriteback: number;
  rxWritebackBatch: number;
  rxTailEvery: number;
  rxInterruptEvery: number;
  rxHeadReadEvery: number;
}

export interface NicProfile {
  title: string;
  source: string;
  /** Data descriptors one super-packet (one hand-off to the driver) may use. */
  descriptorsPerSuper: number;
  /** Data descriptors one packet on the wire may be gathered from. */
  descriptorsPerPacket: number;
  bytesPerDescriptor: number;
  /** Largest super-packet in bytes of payload. */
  tsoBytes: number;
  traffic: NicTraffic;
}

const simple: NicTraffic = {
  txDescriptor: 16,
  txFetchBatch: 1,
  txWriteback: 0,
  txWritebackBatch: 1,
  txTailEvery: 1,
  txInterruptEvery: 1,
  txHeadReadEvery: 1,
  rxDescriptor: 16,
  rxFetchBatch: 1,
  rxWriteback: 16,
  rxWritebackBatch: 1,
  rxTailEvery: 1,
  rxInterruptEvery: 1,
  rxHeadReadEvery: 1,
};

const niantic: NicTraffic = {
  ...simple,
  txFetchBatch: 40,
  txWriteback: 16,
  txWritebackBatch: 8,
  txInterruptEvery: 32,
  rxTailEvery: 32,
  rxInterruptEvery: 32,
  rxHeadReadEvery: 8,
};

const nianticPolled: NicTraffic = {
  ...niantic,
  txTailEvery: 32,
  txInterruptEvery: 0,
  txHeadReadEvery: 0,
  rxInterruptEvery: 0,
  rxHeadReadEvery: 0,
};

const intelModern: NicTraffic = {
  ...niantic,
  txFetchBatch: 64,
  txTailEvery: 8,
  txHeadReadEvery: 0,
  rxFetchBatch: 32,
  rxHeadReadEvery: 0,
};

/** mlx5: completions are queue entries of 64 B (compressed on demand), work queue elements are fetched several at a time. */
const mlx5: NicTraffic = {
  txDescriptor: constant('nic.mlx5.wqe').value,
  txFetchBatch: 4,
  txWriteback: constant('nic.mlx5.cqe').value,
  txWritebackBatch: 64,
  txTailEvery: 16,
  txInterruptEvery: 64,
  txHeadReadEvery: 0,
  rxDescriptor: constant('nic.descriptor').value,
  rxFetchBatch: 32,
  rxWriteback: constant('nic.mlx5.cqe').value,
  rxWritebackBatch: 1,
  rxTailEvery: 32,
  rxInterruptEvery: 64,
  rxHeadReadEvery: 0,
};

const fragments17 = 17;

export const nics = {
  mlx5: {
    title: 'NVIDIA ConnectX-5/6 (mlx5)',
    source: 'drivers/net/ethernet/mellanox/mlx5: one data segment of 16 B a fragment',
    descriptorsPerSuper: 61,
    descriptorsPerPacket: 61,
    bytesPerDescriptor: 1 << 20,
    tsoBytes: 262_144,
    traffic: mlx5,
  },
  i40e: {
    title: 'Intel XL710 (i40e, iavf)',
    source: 'Linux commits 71da61976ec1, 2d37490b82af, 5c4654daf2e2',
    descriptorsPerSuper: fragments17 * 2,
    descriptorsPerPacket: 8,
    bytesPerDescriptor: 12_288,
    tsoBytes: 65_536,
    traffic: intelModern,
  },
  ice: {
    title: 'Intel E810 (ice)',
    source: 'drivers/net/ethernet/intel/ice/ice_txrx.c: the rule of i40e',
    descriptorsPerSuper: fragments17 * 2,
    descriptorsPerPacket: 8,
    bytesPerDescriptor: 12_288,
    tsoBytes: 65_536,
    traffic: intelModern,
  },
  gve: {
    title: 'Google virtual NIC (gve, DQO)',
    source: 'Linux commit 36e3b949e359',
    descriptorsPerSuper: 64,
    descriptorsPerPacket: 10,
    bytesPerDescriptor: 16_383,
    tsoBytes: 65_536,
    traffic: intelModern,
  },
  ena: {
    title: 'Amazon ENA',
    source: 'drivers/net/ethernet/amazon/ena/ena_netdev.h: 19 buffers a packet',
    descriptorsPerSuper: 19,
    descriptorsPerPacket: 19,
    bytesPerDescriptor: 65_535,
    tsoBytes: 65_536,
    traffic: intelModern,
  },
  'virtio-net': {
    title: 'virtio-net',
    source: 'drivers/net/virtio_net.c: sg[MAX_SKB_FRAGS + 2]',
    descriptorsPerSuper: fragments17 + 1,
    descriptorsPerPacket: fragments17 + 1,
    bytesPerDescriptor: 65_536,
    tsoBytes: 65_536,
    traffic: intelModern,
  },
  ixgbe: {
    title: 'Intel 82599 (ixgbe), kernel driver',
    source: 'authors’ model of SIGCOMM 2018, niantic.py',
    descriptorsPerSuper: 40,
    descriptorsPerPacket: 40,
    bytesPerDescriptor: 16_384,
    tsoBytes: 65_536,
    traffic: niantic,
  },
  'ixgbe-dpdk': {
    title: 'Intel 82599, polled driver of DPDK',
    source: 'authors’ model of SIGCOMM 2018, niantic.py with PMD',
    descriptorsPerSuper: 40,
    descriptorsPerPacket: 40,
    bytesPerDescriptor: 16_384,
    tsoBytes: 65_536,
    traffic: nianticPolled,
  },
  simple: {
    title: 'the simple NIC of the paper: everything for every packet',
    source: 'authors’ model of SIGCOMM 2018, simple_nic.py',
    descriptorsPerSuper: 17,
    descriptorsPerPacket: 17,
    bytesPerDescriptor: 16_384,
    tsoBytes: 65_536,
    traffic: simple,
  },
} satisfies Record<string, NicProfile>;

export type NicId = keyof typeof nics;

export const nicIds = Object.keys(nics) as NicId[];

const share = (every: number): number => (every > 0 ? 1 / every : 0);

/** Link bytes of the descriptors and signals of one transmitted packet with `descriptors` descriptors (its payload not included). */
export function transmitOverhead(link: PcieLink, traffic: NicTraffic, descriptors: number, packets = 1): LinkBytes {
  const pointer = constant('pcie.pointer').value;
  return addLinkBytes(
    [hostWrite(link, pointer), packets * share(traffic.txTailEvery)],
    [deviceRead(link, traffic.txDescriptor * traffic.txFetchBatch), descriptors / traffic.txFetchBatch],
    [
      traffic.txWriteback > 0 ? deviceWrite(link, traffic.txWriteback * completionBatch(traffic)) : { up: 0, down: 0 },
      packets / traffic.txWritebackBatch,
    ],
    [deviceWrite(link, constant('pcie.msi').value), packets * share(traffic.txInterruptEvery)],
    [hostRead(link, pointer), packets * share(traffic.txHeadReadEvery)],
  );
}

/** A write-back of 16 B descriptors is written as one block of the batch; one completion entry of mlx5 stands for its whole batch. */
function completionBatch(traffic: NicTraffic): number {
  return traffic.txWriteback > 16 ? 1 : traffic.txWritebackBatch;
}

export interface ReceiveOptions {
  /** mlx5 completion compression: bytes a packet, 0 for none. */
  compressedCompletionBytes?: number;
  /** Leave out the request of the descriptor read, as the authors' code does by mistake (`=` after `+=`): reproduces their figure. */
  withoutDescriptorRequest?: boolean;
}

/** Link bytes of the descriptors and signals of one received packet (its payload not included). */
export function receiveOverhead(link: PcieLink, traffic: NicTraffic, options: ReceiveOptions = {}): LinkBytes {
  const pointer = constant('pcie.pointer').value;
  const fetch = deviceRead(link, traffic.rxDescriptor * traffic.rxFetchBatch);
  const request = options.withoutDescriptorRequest ? { up: 0, down: fetch.down } : fetch;
  const completion =
    options.compressedCompletionBytes && options.compressedCompletionBytes > 0
      ? { up: options.compressedCompletionBytes, down: 0 }
      : deviceWrite(link, traffic.rxWriteback * traffic.rxWritebackBatch);
  return addLinkBytes(
    [hostWrite(link, pointer), share(traffic.rxTailEvery)],
    [request, 1 / traffic.rxFetchBatch],
    [completion, 1 / traffic.rxWritebackBatch],
    [deviceWrite(link, constant('pcie.msi').value), share(traffic.rxInterruptEvery)],
    [hostRead(link, pointer), share(traffic.rxHeadReadEvery)],
  );
}
