// Machines the model knows: for each, the constants that differ from the table and why. Published test beds carry the values solved from the
// rows named in `fittedOn`; a host measured by `clearway calibrate` has the same shape and comes from its profile file.

import { type Constant, type ConstantId, constants } from './constants.js';

export interface Host {
  title: string;
  /** Where the numbers of this host come from. */
  source: string;
  constants: Partial<Record<ConstantId, Constant>>;
}

function solved(id: ConstantId, value: number, conditions: string, source: string, fittedOn: string[]): Constant {
  return { value, unit: constants[id].unit, conditions, source, kind: 'published', fittedOn };
}

function guess(id: ConstantId, value: number, conditions: string, source: string): Constant {
  return { value, unit: constants[id].unit, conditions, source, kind: 'assumed' };
}

const gso = 'Linux commit bec1f6f69736';
const rome = 'Linux commit 394fcd8a8134';
const veth = 'Linux commit f214f915e7db';
const uring = 'io_uring zero-copy send, RFC of November 2021';

export const hosts = {
  reference: {
    title: 'Xeon Gold 6128, 3.4 GHz, Linux 5.4, ConnectX-5 100G',
    source: 'SIGCOMM 2021 study; the table of constants as it stands',
    constants: {},
  },
  'xdp-2018': {
    title: 'Xeon E5-1650 v4, 3.6 GHz, Linux 4.18, ConnectX-5 100G',
    source: 'The eXpress Data Path, CoNEXT 2018, and its benchmark repository',
    constants: {},
  },
  'gso-2018': {
    title: 'one core of a 2018 server, Linux 4.16, MTU 1500',
    source: gso,
    constants: {
      'ack.receive': guess(
        'ack.receive',
        700,
        'process and receive path share the core; slower than the table’s host',
        gso,
      ),
    },
  },
  'rome-2022': {
    title: 'AMD Rome, IOMMU on, Linux 5.19, 200G NIC, one TCP flow',
    source: rome,
    constants: {
      'tcp.transmit': solved('tcp.transmit', 1247, 'one flow; includes the NIC driver of this host', rome, [
        '20a',
        '20b',
      ]),
    },
  },
  'veth-2017': {
    title: 'Linux 4.14, veth pair, the receiver truncates',
    source: veth,
    constants: {
      'copy.tx': solved('copy.tx', 0.315, '64 KB sends, buffers cold', veth, ['22a', '22b']),
      'tcp.transmit': solved('tcp.transmit', 6490, 'both namespaces on one core', veth, ['22a', '22b']),
    },
  },
  'uring-2021': {
    title: 'one core, dummy device, MTU 65535, io_uring RFC kernel',
    source: uring,
    constants: {
      'udp.call': solved('udp.call', 124, 'dummy device, connected socket', uring, ['24a']),
      'tx.packet': guess('tx.packet', 130, 'dummy device: no driver work', uring),
      'frag.map': guess('frag.map', 0, 'dummy device maps nothing', uring),
      'zerocopy.pin': guess('zerocopy.pin', 30, 'as the table', uring),
    },
  },
  'pcie-bench-2018': {
    title: 'NFP-6000 on PCIe gen3 x8, pcie-bench',
    source: 'Understanding PCIe performance, SIGCOMM 2018',
    constants: {
      'dma.tags': solved(
        'dma.tags',
        32,
        'reads in flight; with dma.numa.latency gives the 20 % loss at 64 B',
        'SIGCOMM 2018',
        ['14a'],
      ),
    },
  },
  'tcp-mmap': {
    title: 'loopback, MTU 61512, receiver measured',
    source: 'tools/testing/selftests/net/tcp_mmap.c',
    constants: {
      'copy.rx': solved('copy.rx', 0.22, 'loopback, payload partly in cache', 'tcp_mmap.c: 240 us a MiB', ['23a']),
    },
  },
} satisfies Record<string, Host>;

export type HostId = keyof typeof hosts;

export const hostIds = Object.keys(hosts) as HostId[];

/** Values for a host with a scenario's own overrides on top: what a stage asks by name. */
export type ConstantLookup = (id: ConstantId) => Constant;

/** Builds the lookup of one host; `overrides` are plain numbers from a scenario and count as assumed by its author. */
export function lookupFor(host: Host, overrides: Partial<Record<ConstantId, number>> = {}): ConstantLookup {
  return (id) => {
    const base = host.constants[id] ?? constants[id];
    const value = overrides[id];
    if (value === undefined) return base;
    return { ...base, value, kind: 'assumed', source: 'set by the scenario', conditions: base.conditions };
  };
}
