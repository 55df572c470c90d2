// The table of fields a scenario may have: kinds, defaults, allowed values, what each means. From it come the checks, the schema, the command
// line and the controls of the plan page (scenario.ts reads values against it).

import type { ConstantId } from './facts/constants.js';
import { type HostId, hostIds } from './facts/hosts.js';
import { type NicId, nicIds } from './facts/nics.js';

export const ways = ['copy', 'gather', 'sendfile', 'zerocopy', 'send_zc', 'send_zc_fixed', 'bypass'] as const;
export type Way = (typeof ways)[number];

const paths = [
  'socket',
  'xdp-drop',
  'xdp-pass-drop',
  'xdp-tx',
  'xdp-redirect',
  'xdp-forward',
  'af_xdp',
  'socket-echo',
  'bypass-copy',
  'bypass-zerocopy',
  'request-socket',
  'request-bypass',
  'dpdk-drop',
  'dpdk-forward',
  'tc-drop',
  'nft-ingress-drop',
  'iptables-raw-drop',
  'conntrack-drop',
  'linux-forward',
  'katran',
  'ipvs',
  'pktgen-qdisc',
  'dma-read',
  'dma-write',
] as const;
export type Path = (typeof paths)[number];

const firewalls = ['none', 'raw', 'conntrack', 'nfqueue', 'nfqueue-gso', 'helper'] as const;

const trafficControls = ['none', 'mirror', 'pedit', 'csum', 'netem-corrupt', 'bpf-pull', 'police'] as const;
const tunnels = ['none', 'vxlan', 'gre', 'ipsec', 'wireguard'] as const;

/** A complete scenario: every field has a value. Sizes in bytes, rates in bits a second. */
export interface Scenario {
  name: string;
  host: HostId | 'here';
  path: Path;
  direction: 'send' | 'receive' | 'both';
  protocol: 'tcp' | 'udp' | 'ethernet';
  ip: 4 | 6;
  message: number;
  nodelay: boolean;
  fragments: number;
  page: number;
  source: 'memory' | 'file';
  app: 'none' | 'serve';
  engine: 'syscall' | 'uring';
  way: Way;
  receive: 'copy' | 'truncate' | 'mmap' | 'zcrx';
  rxBuffer: number;
  offload: 'tso' | 'gso' | 'none';
  gro: boolean;
  udpGro: boolean;
  lro: boolean;
  gsoMax: number;
  maxFrags: number;
  mtu: number;
  cores: number;
  softirq: 'same' | 'separate';
  flows: number;
  nic: number;
  nicProfile: NicId;
  pcie: string;
  mps: number;
  mrrs: number;
  cqeCompression: boolean;
  device: 'nic' | 'loopback' | 'veth' | 'dummy';
  iommu: 'off' | 'passthrough' | 'lazy' | 'strict';
  iommuWindow: number;
  numa: 'local' | 'remote';
  firewall: (typeof firewalls)[number];
  rules: number;
  tc: (typeof trafficControls)[number];
  capture: boolean;
  vlan: boolean;
  tunnel: (typeof tunnels)[number];
  tunnelOffload: boolean;
  guest: 'none' | 'emulated' | 'virtio' | 'vhost' | 'passthrough';
  fib: 'single' | 'full';
  retpoline: boolean;
  polling: boolean;
  cable: number;
  switches: number;
  load: number;
  queue: 'M/D/1' | 'M/M/1';
  constants: Partial<Record<ConstantId, number>>;
}

export type FieldKind = 'choice' | 'size' | 'rate' | 'number' | 'flag' | 'text' | 'pcie' | 'constants';

export interface Field {
  kind: FieldKind;
  about: string;
  default: string | number | boolean;
  values?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  /** Numbers that may have a fraction (metres, shares); all others are whole. */
  fraction?: boolean;
  /** Sizes that are powers of two only. */
  powerOfTwo?: boolean;
  group: 'traffic' | 'way' | 'processor' | 'device' | 'rules' | 'time' | 'other';
}

export type FieldName = Exclude<keyof Scenario, 'constants'>;

const K = 1024;

export const fields: Record<FieldName, Field> = {
  name: { kind: 'text', group: 'other', default: '', about: 'what this scenario is called in a report' },
  host: {
    kind: 'choice',
    group: 'processor',
    default: 'reference',
    values: [...hostIds, 'here'],
    about: 'whose constants to use: a published test bed, or this host as `clearway calibrate` measured it (here)',
  },
  path: {
    kind: 'choice',
    group: 'way',
    default: 'socket',
    values: paths,
    about: 'socket: an application sends or receives; the others handle packets one by one (rate tests)',
  },
  direction: {
    kind: 'choice',
    group: 'traffic',
    default: 'both',
    values: ['send', 'receive', 'both'],
    about: 'which end is modelled; the other is taken to be fast enough. Both ends have the same constants and cores',
  },
  protocol: {
    kind: 'choice',
    group: 'traffic',
    default: 'tcp',
    values: ['tcp', 'udp', 'ethernet'],
    about: 'transport',
  },
  ip: { kind: 'choice', group: 'traffic', default: 4, values: [4, 6], about: 'IP version' },
  message: {
    kind: 'size',
    group: 'traffic',
    default: 64 * K,
    minimum: 1,
    maximum: 2 ** 30,
    about:
      'bytes the application hands over in one call; for packet paths the frame on the wire with its FCS (64 for minimum frames)',
  },
  nodelay: {
    kind: 'flag',
    group: 'traffic',
    default: false,
    about:
      'every TCP message leaves in packets of its own (TCP_NODELAY, requests and responses) instead of sharing them',
  },
  fragments: {
    kind: 'number',
    group: 'traffic',
    default: 1,
    minimum: 1,
    maximum: 1024,
    about: 'pieces of memory a message is scattered over (iovecs)',
  },
  page: {
    kind: 'size',
    powerOfTwo: true,
    group: 'traffic',
    default: 4 * K,
    minimum: 4 * K,
    maximum: 2 ** 30,
    about: 'page size of the payload buffers: 4K, 64K, 2M, 1G. A reference makes one fragment a page',
  },
  source: {
    kind: 'choice',
    group: 'traffic',
    default: 'memory',
    values: ['memory', 'file'],
    about: 'where the payload lies',
  },
  app: {
    kind: 'choice',
    group: 'way',
    default: 'none',
    values: ['none', 'serve'],
    about:
      'what sends: a bare loop of calls, or clearway serve answering requests (its send modes: copy, which is from memory, and sendfile)',
  },
  engine: {
    kind: 'choice',
    group: 'way',
    default: 'syscall',
    values: ['syscall', 'uring'],
    about: 'how calls enter the kernel: one by one, or in batches through io_uring (send_zc ways always do)',
  },
  way: { kind: 'choice', group: 'way', default: 'copy', values: ways, about: 'how the payload leaves the application' },
  receive: {
    kind: 'choice',
    group: 'way',
    default: 'copy',
    values: ['copy', 'truncate', 'mmap', 'zcrx'],
    about: 'how the reader takes it: copied, discarded (MSG_TRUNC), TCP_ZEROCOPY_RECEIVE, io_uring zcrx',
  },
  rxBuffer: {
    kind: 'size',
    group: 'way',
    default: 4 * K,
    minimum: 2 * K,
    maximum: 1024 * K,
    about: 'size of one receive buffer of the NIC',
  },
  offload: {
    kind: 'choice',
    group: 'way',
    default: 'tso',
    values: ['tso', 'gso', 'none'],
    about:
      'who cuts a large send into packets: the NIC (TSO, USO), the kernel just before the driver (GSO, UDP_SEGMENT), nobody',
  },
  gro: { kind: 'flag', group: 'way', default: true, about: 'received packets are merged before the stack (GRO)' },
  udpGro: {
    kind: 'flag',
    group: 'way',
    default: false,
    about: 'the receiving socket asked for merged datagrams (UDP_GRO)',
  },
  lro: {
    kind: 'flag',
    group: 'device',
    default: false,
    about: 'the NIC merges received TCP packets before the driver sees them (LRO, rx-gro-hw)',
  },
  gsoMax: {
    kind: 'size',
    group: 'way',
    default: 64 * K,
    minimum: 1500,
    maximum: 512 * K,
    about: 'largest super-packet (gso_max_size, gro_max_size); above 64K it is BIG TCP',
  },
  maxFrags: {
    kind: 'number',
    group: 'way',
    default: 17,
    minimum: 17,
    maximum: 45,
    about: 'fragments of one super-packet (CONFIG_MAX_SKB_FRAGS)',
  },
  mtu: { kind: 'size', group: 'device', default: 1500, minimum: 68, maximum: 65_535, about: 'largest layer 3 packet' },
  cores: {
    kind: 'number',
    group: 'processor',
    default: 1,
    minimum: 1,
    maximum: 256,
    about: 'cores that work on the traffic at each end',
  },
  softirq: {
    kind: 'choice',
    group: 'processor',
    default: 'same',
    values: ['same', 'separate'],
    about: 'whether interrupts run on the application’s cores or on as many others',
  },
  flows: {
    kind: 'number',
    group: 'traffic',
    default: 1,
    minimum: 1,
    maximum: 1_000_000,
    about:
      'connections; a socket flow uses one core at a time, so fewer flows than cores leave cores idle; left out: as many as cores',
  },
  nic: {
    kind: 'rate',
    group: 'device',
    default: 100e9,
    minimum: 1e8,
    maximum: 1.6e12,
    about: 'rate of the link: 25G, 100G, 200G',
  },
  nicProfile: {
    kind: 'choice',
    group: 'device',
    default: 'mlx5',
    values: nicIds,
    about: 'descriptors and limits of the NIC',
  },
  pcie: { kind: 'pcie', group: 'device', default: 'gen3x16', about: 'generation and lanes: gen3x8, gen4x16' },
  mps: {
    kind: 'choice',
    group: 'device',
    default: 256,
    values: [128, 256, 512, 1024, 2048, 4096],
    about: 'PCIe maximum payload size',
  },
  mrrs: {
    kind: 'choice',
    group: 'device',
    default: 512,
    values: [128, 256, 512, 1024, 2048, 4096],
    about: 'PCIe maximum read request size',
  },
  cqeCompression: { kind: 'flag', group: 'device', default: false, about: 'mlx5 completion compression' },
  device: {
    kind: 'choice',
    group: 'device',
    default: 'nic',
    values: ['nic', 'loopback', 'veth', 'dummy'],
    about: 'a real NIC, or a device without DMA, PCIe and wire',
  },
  iommu: {
    kind: 'choice',
    group: 'device',
    default: 'off',
    values: ['off', 'passthrough', 'lazy', 'strict'],
    about: 'translation of DMA addresses: none, identity, deferred flush, flush at every unmap',
  },
  iommuWindow: {
    kind: 'size',
    group: 'device',
    default: 256 * K,
    minimum: 4 * K,
    maximum: 2 ** 34,
    about: 'bytes of buffers the device moves about in; above the reach of the IOTLB every access may miss',
  },
  numa: {
    kind: 'choice',
    group: 'device',
    default: 'local',
    values: ['local', 'remote'],
    about: 'memory on the NIC’s socket or not',
  },
  firewall: {
    kind: 'choice',
    group: 'rules',
    default: 'none',
    values: firewalls,
    about: 'what the packet filter does to every packet of this flow',
  },
  rules: {
    kind: 'number',
    group: 'rules',
    default: 0,
    minimum: 0,
    maximum: 100_000,
    about: 'rules walked before one matches',
  },
  tc: {
    kind: 'choice',
    group: 'rules',
    default: 'none',
    values: trafficControls,
    about: 'what traffic control does to every packet that leaves (bpf-pull: a program that asks for the payload)',
  },
  capture: {
    kind: 'flag',
    group: 'rules',
    default: false,
    about: 'a packet socket listens on the device (tcpdump, a capture agent)',
  },
  vlan: {
    kind: 'flag',
    group: 'device',
    default: false,
    about:
      'frames carry an 802.1Q tag: four bytes more on the wire, beside the MTU (a packet path has it within the frame)',
  },
  tunnel: {
    kind: 'choice',
    group: 'rules',
    default: 'none',
    values: tunnels,
    about:
      'encapsulation: its headers take room in every packet; of encryption only the copy is counted, not the cipher',
  },
  tunnelOffload: {
    kind: 'flag',
    group: 'rules',
    default: true,
    about: 'the NIC segments inside the tunnel (vxlan, gre) or encrypts (ipsec)',
  },
  guest: {
    kind: 'choice',
    group: 'device',
    default: 'none',
    values: ['none', 'emulated', 'virtio', 'vhost', 'passthrough'],
    about: 'whether the application runs in a virtual machine, and how its device reaches the NIC',
  },
  fib: {
    kind: 'choice',
    group: 'rules',
    default: 'single',
    values: ['single', 'full'],
    about: 'routing table of a forwarder',
  },
  retpoline: {
    kind: 'flag',
    group: 'processor',
    default: false,
    about: 'indirect calls of the DMA path through retpolines',
  },
  polling: { kind: 'flag', group: 'processor', default: false, about: 'the receiver polls: no interrupt, no wake-up' },
  cable: {
    kind: 'number',
    group: 'time',
    fraction: true,
    default: 2,
    minimum: 0,
    maximum: 100_000,
    about: 'metres of cable or fibre',
  },
  switches: {
    kind: 'number',
    group: 'time',
    default: 1,
    minimum: 0,
    maximum: 32,
    about: 'cut-through switches on the path',
  },
  load: {
    kind: 'number',
    fraction: true,
    group: 'time',
    default: 0.7,
    minimum: 0,
    maximum: 0.99,
    about: 'share of the throughput bound at which loaded latency is given',
  },
  queue: {
    kind: 'choice',
    group: 'time',
    default: 'M/D/1',
    values: ['M/D/1', 'M/M/1'],
    about: 'queueing law of loaded latency',
  },
};

export const fieldNames = Object.keys(fields) as FieldName[];
