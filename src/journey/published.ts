// Published measurements as scenarios, and what the model says to them. A row is either fitted (its value gave a constant) or scored; shape
// rows state a sign. residuals.ts turns this into the committed table. Values are those of the sources, never adjusted.

import type { Scenario } from './scenario.js';

export interface PublishedRow {
  id: string;
  title: string;
  source: string;
  /** The measured value in `unit`. */
  measured: number;
  unit: 'Gb/s' | 'Mpps' | 'MiB/s' | 'MB/s' | 'Mpps/s' | 'ratio' | 'ns' | 'us' | '%';
  use: 'fitted' | 'scored';
  scenario: Partial<Scenario>;
  /** For a ratio or a difference in percent: the scenario it is relative to. */
  relativeTo?: Partial<Scenario>;
}

const xdp: Partial<Scenario> = {
  host: 'xdp-2018',
  message: 64,
  flows: 1000,
  pcie: 'gen3x16',
  nic: 100e9,
  nicProfile: 'mlx5',
  cqeCompression: true,
};
const gso: Partial<Scenario> = { host: 'gso-2018', direction: 'send', mtu: 1500, nic: 40e9, message: 61_824, ip: 4 };
const rome: Partial<Scenario> = {
  host: 'rome-2022',
  direction: 'send',
  mtu: 4096,
  nic: 200e9,
  pcie: 'gen4x16',
  ip: 6,
  iommu: 'strict',
  message: 1_048_576,
};
const stack: Partial<Scenario> = { host: 'reference', mtu: 9000, nic: 100e9, message: 131_072 };
const veth: Partial<Scenario> = {
  host: 'veth-2017',
  device: 'veth',
  direction: 'both',
  receive: 'truncate',
  mtu: 1500,
  message: 65_536,
  constants: { 'copy.deferred': 0 },
};
const uring: Partial<Scenario> = {
  host: 'uring-2021',
  device: 'dummy',
  direction: 'send',
  protocol: 'udp',
  mtu: 65_535,
  message: 65_435,
  offload: 'none',
  maxFrags: 17,
};
const dma: Partial<Scenario> = { host: 'pcie-bench-2018', path: 'dma-read', pcie: 'gen3x8', message: 64, nicProfile: 'simple' };

const bench02 = 'xdp-paper benchmarks/bench02_xdp_drop.org';
const bench04 = 'xdp-paper benchmarks/bench04_fwd.org';
const bench05 = 'xdp-paper benchmarks/bench05_xdp_redirect.org';
const bench06 = 'xdp-paper benchmarks/bench06_load_balancer.org';
const paper = 'The eXpress Data Path, CoNEXT 2018';

function series(
  id: string,
  title: string,
  source: string,
  scenario: Partial<Scenario>,
  values: readonly number[],
  fitted: readonly number[],
): PublishedRow[] {
  return values.map((value, index) => ({
    id: `${id}${index + 1}`,
    title: `${title}, ${index + 1} ${index === 0 ? 'core' : 'cores'}`,
    source,
    measured: value,
    unit: 'Mpps',
    use: fitted.includes(index + 1) ? 'fitted' : 'scored',
    scenario: { ...xdp, ...scenario, cores: index + 1 },
  }));
}

export const publishedRows: readonly PublishedRow[] = [
  { id: '8a', title: 'XDP drop, 1 core', source: paper, measured: 24, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'xdp-drop' } },
  { id: '8b', title: 'DPDK drop, 1 core', source: paper, measured: 43.5, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'dpdk-drop' } },
  { id: '8c', title: 'PCIe limit of drops with completion compression', source: paper, measured: 115, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'xdp-drop', cores: 12 } },
  { id: '8d', title: 'PCIe limit of drops without compression, 6 cores', source: bench02, measured: 86.81, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'xdp-drop', cores: 6, cqeCompression: false } },
  { id: '8e', title: 'PCIe limit of forwarding on the same port', source: paper, measured: 70, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'xdp-tx', cores: 6, cqeCompression: false } },
  { id: '8f2', title: 'XDP drop, 2 cores', source: bench02, measured: 51.91, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'xdp-drop', cores: 2, cqeCompression: false } },
  { id: '8f3', title: 'XDP drop, 3 cores', source: bench02, measured: 75.53, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'xdp-drop', cores: 3, cqeCompression: false } },
  ...[75.8, 97.6, 109.4, 115.5].map((value, index): PublishedRow => ({
    id: `8g${index + 2}`,
    title: `DPDK drop, ${index + 2} cores (the better of SSE and none)`,
    source: bench02,
    measured: value,
    unit: 'Mpps',
    use: 'scored',
    scenario: { ...xdp, path: 'dpdk-drop', cores: index + 2 },
  })),
  { id: '9a', title: 'iptables raw drop, 1 core', source: paper, measured: 4.8, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'iptables-raw-drop' } },
  { id: '9b', title: 'conntrack drop, 1 core', source: paper, measured: 1.8, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'conntrack-drop' } },
  { id: '9c', title: 'raw drop behind an XDP program that passes', source: paper, measured: 4.5, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'xdp-pass-drop' } },
  ...series('10l', 'Linux forwarding, one route', bench04, { path: 'linux-forward' }, [1.739672, 3.370584, 4.976559, 6.488625, 7.84897, 9.285971], [1, 6]),
  ...series('10f', 'Linux forwarding, full table', bench04, { path: 'linux-forward', fib: 'full' }, [1.37355, 2.746704, 3.958725, 5.295366, 6.451024, 7.809312], [1]),
  ...series('10x', 'XDP forwarding, one route', bench04, { path: 'xdp-forward' }, [5.355583, 10.652337, 15.937977, 21.353932, 26.056821, 30.416566], [1, 6]),
  ...series('10y', 'XDP forwarding, full table', bench04, { path: 'xdp-forward', fib: 'full' }, [3.446336, 7.016974, 10.641333, 14.408549, 17.870856, 21.22733], [1]),
  ...series('5r', 'XDP redirect', bench05, { path: 'xdp-redirect' }, [8.641197, 16.742325, 25.738189, 34.185239, 41.461874, 46.062737], [1]),
  ...series('11k', 'Katran', bench06, { path: 'katran' }, [5.161976, 10.050051, 14.611439, 19.514935, 23.444383, 29.303202], [1]),
  ...series('11i', 'IPVS', bench06, { path: 'ipvs' }, [1.237293, 2.444876, 3.651533, 4.818678, 5.997658, 7.274468], [1]),
  { id: '14a', title: 'DMA reads of 64 B from the other socket', source: 'SIGCOMM 2018', measured: -20, unit: '%', use: 'fitted', scenario: { ...dma, numa: 'remote' }, relativeTo: dma },
  { id: '14b', title: 'DMA reads of 128 B from the other socket', source: 'SIGCOMM 2018 (5 to 7 % less)', measured: -6, unit: '%', use: 'scored', scenario: { ...dma, message: 128, numa: 'remote' }, relativeTo: { ...dma, message: 128 } },
  { id: '14c', title: 'DMA reads of 512 B from the other socket', source: 'SIGCOMM 2018 (no loss)', measured: 0, unit: '%', use: 'scored', scenario: { ...dma, message: 512, numa: 'remote' }, relativeTo: { ...dma, message: 512 } },
  { id: '16a', title: 'TCP with TSO, full core', source: 'Linux commit bec1f6f69736, cycles scaled to a whole core', measured: (3197 * 11.203) / 6.4578, unit: 'MiB/s', use: 'fitted', scenario: { ...gso, nic: 100e9, protocol: 'tcp', offload: 'tso' } },
  { id: '16b', title: 'TCP with GSO', source: 'Linux commit bec1f6f69736', measured: 1765, unit: 'MiB/s', use: 'scored', scenario: { ...gso, protocol: 'tcp', offload: 'gso' } },
  { id: '16e', title: 'TCP without TSO or GSO', source: 'Linux commit bec1f6f69736', measured: 739, unit: 'MiB/s', use: 'scored', scenario: { ...gso, protocol: 'tcp', offload: 'none' } },
  { id: '16c', title: 'UDP, a call a datagram', source: 'Linux commit bec1f6f69736', measured: 876, unit: 'MiB/s', use: 'fitted', scenario: { ...gso, protocol: 'udp', offload: 'none' } },
  { id: '16d', title: 'UDP with GSO', source: 'Linux commit bec1f6f69736', measured: 2139, unit: 'MiB/s', use: 'fitted', scenario: { ...gso, protocol: 'udp', offload: 'gso' } },
  { id: '17a', title: 'TCP, one flow, receiver binds', source: 'SIGCOMM 2021', measured: 42, unit: 'Gb/s', use: 'fitted', scenario: { ...stack, direction: 'both' } },
  { id: '18a', title: 'TCP, sender of 8 flows, per core', source: 'SIGCOMM 2021', measured: 89, unit: 'Gb/s', use: 'scored', scenario: { ...stack, direction: 'send', flows: 8 } },
  { id: '18b', title: 'TCP, one flow, memory on the other socket', source: 'SIGCOMM 2021', measured: -20, unit: '%', use: 'fitted', scenario: { ...stack, direction: 'both', numa: 'remote' }, relativeTo: { ...stack, direction: 'both' } },
  { id: '20a', title: 'one flow, copied', source: 'Linux commit 394fcd8a8134', measured: 65, unit: 'Gb/s', use: 'fitted', scenario: { ...rome, way: 'copy' } },
  { id: '20b', title: 'one flow, MSG_ZEROCOPY, 4 KiB pages', source: 'Linux commit 394fcd8a8134', measured: 55, unit: 'Gb/s', use: 'fitted', scenario: { ...rome, way: 'zerocopy', page: 4096 } },
  { id: '20c', title: 'one flow, MSG_ZEROCOPY, huge pages', source: 'Linux commit 394fcd8a8134', measured: 100, unit: 'Gb/s', use: 'scored', scenario: { ...rome, way: 'zerocopy', page: 2 ** 21 } },
  { id: '22a', title: '64 KB sends over veth, copied (4.2 s)', source: 'Linux commit f214f915e7db', measured: 7600 / 4.2, unit: 'MiB/s', use: 'fitted', scenario: { ...veth, way: 'copy' } },
  { id: '22b', title: '64 KB sends over veth, MSG_ZEROCOPY (4.2 s)', source: 'Linux commit f214f915e7db', measured: 17_863 / 4.2, unit: 'MiB/s', use: 'fitted', scenario: { ...veth, way: 'zerocopy' } },
  { id: '24a', title: 'UDP 65435 B to a dummy device, registered buffers', source: 'io_uring RFC, quoted by Phoronix', measured: 116_079, unit: 'MB/s', use: 'fitted', scenario: { ...uring, way: 'send_zc_fixed' } },
  { id: '24b', title: 'the same with MSG_ZEROCOPY', source: 'io_uring RFC, quoted by Phoronix', measured: 47_421, unit: 'MB/s', use: 'scored', scenario: { ...uring, way: 'zerocopy' } },
  { id: '29a', title: 'pktgen into an overloaded queue', source: 'xdp-project kfree_skb_list01', measured: 2.396594, unit: 'Mpps', use: 'fitted', scenario: { ...xdp, path: 'pktgen-qdisc' } },
  { id: '29b', title: 'the same, sk_buffs freed in bulk', source: 'xdp-project kfree_skb_list01', measured: 2.47997, unit: 'Mpps', use: 'scored', scenario: { ...xdp, path: 'pktgen-qdisc', constants: { 'skb.alloc': 17.9 } } },
];
