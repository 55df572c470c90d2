// Every number the model uses, each with its unit, the conditions it holds under, where it comes from and what kind of number it is.
// A stage may only take a number from here (or from a scenario that overrides one by name); hosts.ts lists what differs per machine.

import { bypassConstants } from './bypass-constants.js';
import { assumed, type Constant, published } from './constant.js';

export type { Constant } from './constant.js';

const xdpPaper = 'The eXpress Data Path, CoNEXT 2018';
const xdpConditions = 'Xeon E5-1650 v4 at 3.6 GHz, ConnectX-5, 64 B frames, one core, no retpoline';
const stackStudy = 'Understanding host network stack overheads, SIGCOMM 2021';
const stackConditions = 'Xeon Gold 6128 at 3.4 GHz, ConnectX-5 100G, Linux 5.4, data in L3';
const pcieSource = 'PCIe base specification 5.0; Understanding PCIe performance, SIGCOMM 2018';
const gsoCommit = 'Linux commit bec1f6f69736, udp: generate gso with UDP_SEGMENT';
const gsoConditions = 'one core for process and receive path, MTU 1500, 11.2e9 cycles in the run';
const zerocopyDoc = 'Linux Documentation/networking/msg_zerocopy.rst';

const table = {
  // PCIe and Ethernet framing
  'pcie.dll': published(8, 'B/TLP', 'framing 2 B, sequence number and LCRC 6 B', pcieSource),
  'pcie.header.common': published(4, 'B/TLP', 'first double word of every TLP', pcieSource),
  'pcie.header.request': published(
    12,
    'B/TLP',
    'requester and 64-bit address; 4 B less for 32-bit addresses',
    pcieSource,
  ),
  'pcie.header.completion': published(8, 'B/TLP', 'completer and requester identifiers', pcieSource),
  'pcie.dllp': published(8, 'B', 'one acknowledgement or flow control update with its framing', pcieSource),
  'pcie.skip.length': published(4, 'B/lane', 'SKIP ordered set', pcieSource),
  'pcie.skip.interval': published(1538, 'B/lane', 'longest distance between SKIP ordered sets', pcieSource),
  'pcie.msi': published(4, 'B', 'message signalled interrupt: a write of 4 B', pcieSource),
  'pcie.pointer': published(4, 'B', 'head, tail and doorbell registers', pcieSource),
  'eth.header': published(14, 'B/frame', 'two addresses and the type', 'IEEE 802.3'),
  'eth.vlan': published(4, 'B/frame', '802.1Q tag', 'IEEE 802.1Q'),
  'eth.fcs': published(4, 'B/frame', 'frame check sequence', 'IEEE 802.3'),
  'eth.preamble': published(8, 'B/frame', 'preamble 7 B and start of frame 1 B', 'IEEE 802.3'),
  'eth.gap': published(12, 'B/frame', 'standard inter-frame gap', 'IEEE 802.3'),
  'eth.minimum': published(46, 'B/frame', 'minimum layer 3 packet', 'IEEE 802.3'),
  'ip4.header': published(20, 'B/packet', 'no options', 'RFC 791'),
  'ip6.header': published(40, 'B/packet', 'no extension header', 'RFC 8200'),
  'tcp.header': published(20, 'B/packet', 'no options', 'RFC 9293'),
  'tcp.timestamps': published(12, 'B/packet', 'timestamp option and padding', 'RFC 7323'),
  'udp.header': published(8, 'B/packet', '', 'RFC 768'),
  'wire.propagation': published(5, 'ns/m', 'light in fibre or copper', 'refractive index of fibre 1.5'),
  'wire.switch': assumed(400, 'ns', 'one cut-through switch', 'typical data sheets say 0.3 to 0.5 us'),

  // DMA engine
  'dma.read.latency': published(
    547,
    'ns',
    '64 B read of host memory, NFP-6000',
    'Understanding PCIe performance, SIGCOMM 2018',
  ),
  'dma.write.latency': assumed(
    300,
    'ns',
    'posted write until visible to the processor',
    'about half a read: no return trip',
  ),
  'dma.numa.latency': published(
    137,
    'ns',
    'added when the memory is on the other socket',
    'SIGCOMM 2018: 20 % less at 64 B',
    ['14a'],
  ),
  'dma.tags': assumed(
    128,
    'reads',
    'reads a current NIC keeps in flight',
    'extended tags; the NFP-6000 of SIGCOMM 2018 behaves as 32',
  ),
  'dma.tags.extended': assumed(
    512,
    'reads',
    'the same on PCIe gen4 and later, whose tags have 10 bits',
    'PCIe base specification 4.0 allows 768; a NIC uses a part',
  ),
  'iommu.miss': published(330, 'ns', 'IOTLB miss: one page walk', 'SIGCOMM 2018'),
  'iommu.entries': published(64, 'entries', 'IOTLB entries seen from a 256 KiB window of 4 KiB pages', 'SIGCOMM 2018'),
  'iommu.walkers': assumed(6, 'walks', 'page walks served at once', 'gives the 70 % loss at 64 B of SIGCOMM 2018', [
    '15a',
  ]),
  doorbell: assumed(60, 'ns/doorbell', 'uncached posted write by the processor', 'write-combining store and fence'),

  // NIC descriptors
  'nic.descriptor': published(16, 'B', 'one descriptor of ixgbe, i40e, ice; one mlx5 data segment', 'driver headers'),
  'nic.mlx5.wqe': published(64, 'B', 'send work queue element with one data segment', 'mlx5 driver headers'),
  'nic.mlx5.cqe': published(64, 'B', 'completion queue entry, no compression', 'mlx5 driver headers'),
  'nic.mlx5.cqe.compressed': published(39, 'B/packet', 'completion bytes a packet, compression on', xdpPaper, ['8c']),

  // Processor, sending
  'call.entry': assumed(
    100,
    'ns/call',
    'system call and return, no page table isolation',
    'getppid on current x86 servers',
  ),
  'call.iovec': assumed(12, 'ns/iovec', 'import and walk of one more iovec', 'import_iovec, iov_iter_advance'),
  'uring.entry': assumed(
    30,
    'ns/request',
    'one submission and completion in a batch of 32',
    'io_uring_enter shared by the batch',
  ),
  'tcp.call': assumed(300, 'ns/call', 'socket lock, tcp_sendmsg without the copy', stackConditions),
  'udp.call': published(
    809,
    'ns/call',
    gsoConditions,
    `${gsoCommit}: solved with tx.packet from 1.60 us a datagram and 27.56 us for 42`,
    ['16c', '16d'],
  ),
  'copy.tx': assumed(
    0.05,
    'ns/B',
    'user buffer in L2 or L3 into page fragments',
    '20 GB/s, one core of a server of 2018 to 2022',
  ),
  'copy.tx.large': assumed(
    0.075,
    'ns/B',
    'copied into super-packets larger than half of cache.l2: the buffers cycle through L3',
    '13 GB/s, one core; never less than copy.tx',
  ),
  'cache.l2': assumed(524_288, 'B', 'second level cache of a core', 'AMD Rome 512 KiB, Intel Skylake server 1 MiB'),
  'copy.user': assumed(0.05, 'ns/B', 'assembling fragments in user space', 'as copy.tx'),
  'copy.file': assumed(0.08, 'ns/B', 'page cache to user buffer by read(2), partly cold', '12 GB/s a core'),
  'copy.deferred': assumed(
    0.1,
    'ns/B',
    'copy forced late, data no longer in cache',
    `${zerocopyDoc}: more expensive than a copy at once`,
  ),
  'page.alloc': published(62.1, 'ns/allocation', 'order 0, allocated and freed', 'xdp-project areas/mem, E5-1650 v4'),
  'tcp.transmit': assumed(
    820,
    'ns/skb',
    'tcp_write_xmit, clone, IP, queueing discipline',
    'close to udp.call without the copy of the address',
  ),
  'tx.packet': published(
    517,
    'ns/skb',
    `${gsoConditions}; driver, completion and the skb of a segment`,
    `${gsoCommit}: solved with udp.call; less copy, mapping and doorbell`,
    ['16c', '16d'],
  ),
  'frag.map': assumed(20, 'ns/fragment', 'dma_map_page without an IOMMU, and one descriptor', 'direct DMA'),
  'iommu.map': published(291.4, 'ns/fragment', 'map and unmap of one fragment, AMD Rome', 'Linux commit 394fcd8a8134', [
    '20a',
    '20b',
  ]),
  'iommu.map.lazy': assumed(
    90,
    'ns/fragment',
    'map, and unmap deferred in batches',
    'a third of a strict map and flush',
  ),
  'ack.segments': published(5.3, 'packets/ack', 'packets merged before one acknowledgement, GRO on', gsoCommit, [
    '16a',
  ]),
  'ack.receive': assumed(600, 'ns/ack', 'driver, IP, tcp_ack, freeing of the acknowledged skb', stackConditions),
  'zerocopy.pin': assumed(30, 'ns/page', 'get_user_pages_fast, reference, accounting, release', zerocopyDoc),
  'zerocopy.pin.huge': assumed(
    25,
    'ns/page',
    'the same for a 4 KiB piece of a compound page',
    'one page table walk, but two atomic operations on the head page a piece',
  ),
  'zerocopy.notify': assumed(
    437,
    'ns/call',
    'completion skb, error queue read',
    `${zerocopyDoc}: break-even near 10 KB`,
  ),
  'sendzc.notify': assumed(60, 'ns/call', 'second completion entry of SEND_ZC', 'one more CQE and the slot it frees'),
  'sendzc.call': assumed(60, 'ns/call', 'notification slot and request state', 'io_send_zc_prep'),
  'uring.fixed.page': assumed(
    10,
    'ns/fragment',
    'fragment of a registered buffer, managed reference',
    'Linux commit 10c7d33ecd51',
  ),
  'sendfile.page': assumed(55, 'ns/page', 'page cache lookup, pipe slot, reference', 'splice of order-0 folios'),
  'sendfile.call': assumed(350, 'ns/call', 'internal pipe, file position', 'do_splice_direct'),
  'read.call': assumed(250, 'ns/call', 'read(2) of a cached file without the copy', 'filemap_read'),
  'skb.alloc': published(30.5, 'ns/skb', 'allocated and freed one by one', 'xdp-project kfree_skb_list01'),
  'skb.alloc.bulk': published(17.9, 'ns/skb', 'freed in bulk of 16', 'xdp-project kfree_skb_list01'),

  // Processor, receiving
  'rx.packet': assumed(
    130,
    'ns/packet',
    'NAPI, descriptor, skb head',
    'within the 208 ns of path.iptables-raw-drop, which also walks IP',
  ),
  'rx.gro': assumed(60, 'ns/packet', 'merge into the super-packet', stackConditions),
  'rx.stack': assumed(1200, 'ns/skb', 'IP, tcp_rcv_established, queueing to the socket', stackConditions),
  'rx.udp.stack': assumed(
    700,
    'ns/skb',
    'IP, look-up of the socket, queueing: no acknowledgement, no window',
    'close to udp.call, which passes the same layers downwards',
  ),
  'rx.udp.call': assumed(
    300,
    'ns/call',
    'recvmsg without the copy: the datagram taken from the queue, its sk_buff freed',
    'as rx.call, without the locks of a stream',
  ),
  'rx.call': assumed(350, 'ns/call', 'recvmsg without the copy', stackConditions),
  'rx.ack': assumed(500, 'ns/ack', 'building and sending one acknowledgement', stackConditions),
  'rx.buffer': assumed(
    60,
    'ns/buffer',
    'refill and recycling of one receive buffer',
    'page pool fast path and descriptor',
  ),
  'copy.rx': published(
    0.1215,
    'ns/B',
    'from DMA buffers to the user, half of it missing L3',
    `${stackStudy}: 42 Gb/s a core, copy more than half of it`,
    ['17a'],
  ),
  'copy.numa': published(1.392, 'factor', 'copy from buffers on the other socket', `${stackStudy}: 20 % less`, ['18b']),
  'rx.remap': published(
    310,
    'ns/page',
    'TCP_ZEROCOPY_RECEIVE: mapped, unmapped, TLB flush',
    'tools/testing/selftests/net/tcp_mmap.c: 88 us a MiB',
    ['23b'],
  ),
  'rx.zcrx': assumed(20, 'ns/buffer', 'io_uring zcrx: completion entry and refill entry', 'io_uring/zcrx.c'),
  'rx.interrupt': assumed(
    1000,
    'ns/interrupt',
    'interrupt entry, NAPI schedule, exit',
    'server core out of deep sleep',
  ),
  'rx.wake': assumed(
    1500,
    'ns/wake-up',
    'wake-up of a blocked reader on another core',
    'try_to_wake_up, IPI, context switch',
  ),
  'idle.wake': published(
    78,
    'us',
    'interrupt to a sleeping core at 100 packets a second',
    `${xdpPaper}, forwarding latency`,
    ['12a'],
  ),

  // Packet paths, per packet
  'path.xdp-drop': published(41.6, 'ns/packet', xdpConditions, xdpPaper, ['8a']),
  'path.dpdk-drop': published(22.9, 'ns/packet', xdpConditions, xdpPaper, ['8b']),
  'path.tc-drop': assumed(
    195,
    'ns/packet',
    `${xdpConditions}, clsact ingress, one filter`,
    'the sk_buff is made as for path.iptables-raw-drop, IP input is not reached',
  ),
  'path.nft-ingress-drop': assumed(
    215,
    'ns/packet',
    `${xdpConditions}, netdev ingress hook, one rule`,
    'as path.tc-drop, with the nf_tables interpreter',
  ),
  'path.iptables-raw-drop': published(208, 'ns/packet', xdpConditions, xdpPaper, ['9a']),
  'path.conntrack': published(347, 'ns/packet', `${xdpConditions}; added to the raw drop`, xdpPaper, ['9b']),
  'path.xdp-pass': published(13.3, 'ns/packet', `${xdpConditions}; added to the stack`, xdpPaper),
  'path.xdp-redirect': published(115.7, 'ns/packet', `${xdpConditions}, other port`, 'xdp-paper benchmarks/bench05', [
    '5r1',
  ]),
  'path.xdp-tx': assumed(
    70,
    'ns/packet',
    `${xdpConditions}, same port`,
    'between drop and redirect: read off figure 5 of the paper',
  ),
  'path.dpdk-forward': assumed(45, 'ns/packet', xdpConditions, 'read off figure 5 of the paper'),
  'path.xdp-forward': published(
    186.7,
    'ns/packet',
    `${xdpConditions}, one route, 256 receive descriptors`,
    'xdp-paper bench04',
    ['10x1'],
  ),
  'path.linux-forward': published(574.8, 'ns/packet', `${xdpConditions}, one route`, 'xdp-paper bench04', ['10l1']),
  'path.fib.full.linux': published(153, 'ns/packet', 'full Internet table instead of one route', 'xdp-paper bench04', [
    '10f1',
  ]),
  'path.fib.full.xdp': published(104, 'ns/packet', 'full Internet table instead of one route', 'xdp-paper bench04', [
    '10y1',
  ]),
  'path.katran': published(193.7, 'ns/packet', xdpConditions, 'xdp-paper bench06', ['11k1']),
  'path.ipvs': published(808.2, 'ns/packet', xdpConditions, 'xdp-paper bench06', ['11i1']),
  'path.af_xdp': published(50, 'ns/packet', 'zero-copy mode, one core', `${xdpPaper}: upwards of 20 Mpps`),
  ...bypassConstants,
  'path.pktgen-qdisc': published(
    386.8,
    'ns/packet',
    'pktgen into an overloaded queueing discipline, without the skb',
    'xdp-project kfree_skb_list01',
    ['29a'],
  ),
  'path.retpoline': published(
    50.5,
    'ns/packet',
    'XDP redirect, ixgbe to i40e, indirect calls of the DMA API',
    'xdp-project areas/dma',
  ),
  'path.retpoline.direct': published(15.6, 'ns/packet', 'the same after direct DMA calls', 'xdp-project areas/dma'),
  'path.call': published(1.3, 'ns/call', xdpConditions, xdpPaper),
  'cores.contention': published(
    0.0183,
    '1/core',
    'shared caches and memory: each further core slows the others',
    'xdp-paper bench04 at 6 cores',
    ['10l6', '10x6'],
  ),

  // Firewall, per packet handed to it (a super-packet counts once)
  'fw.raw': assumed(60, 'ns/skb', 'one raw table rule', 'hook traversal and one match'),
  'fw.rule': assumed(15, 'ns/rule', 'one nftables or iptables match that does not hit', 'linear rule set'),
  'fw.conntrack': published(347, 'ns/skb', xdpConditions, `${xdpPaper}: 4.8 to 1.8 Mpps`, ['9b']),
  'fw.nfqueue': assumed(4000, 'ns/skb', 'netlink message, wake-up of the daemon, verdict', 'nfnetlink_queue'),
  'fw.helper': assumed(900, 'ns/skb', 'conntrack helper and its search', 'nf_conntrack_sip'),

  // clearway serve: the whole server process, so that its ways can be predicted on a calibrated host
  'serve.request': assumed(
    5300,
    'ns/request',
    'keep-alive, small file from memory, loopback',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.sendfile': assumed(
    3300,
    'ns/request',
    'sendfile instead of memory, more a request',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.turn': assumed(
    6000,
    'ns/turn',
    'a turn of the loop, shared by the connections that are ready',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.epoll': assumed(500, 'ns/request', 'epoll engine instead of io_uring', 'a 2-core virtual machine; calibrate'),
  'serve.turnaround': assumed(
    13_500,
    'ns/request',
    'from an answer to the next request on one connection, the server’s own time left out',
    'a 2-core virtual machine, a reader that polls; calibrate',
  ),
  'serve.super': assumed(
    2400,
    'ns/skb',
    'every further super-packet of an answer, its bytes left out',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.inline.byte': assumed(0.12, 'ns/B', 'from memory, to 64 KiB', 'a 2-core virtual machine; calibrate'),
  'serve.inline.byte.middle': assumed(
    0.12,
    'ns/B',
    'from memory, 64 to 256 KiB',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.inline.byte.large': assumed(
    0.11,
    'ns/B',
    'from memory, 256 to 512 KiB',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.inline.byte.huge': assumed(0.08, 'ns/B', 'from memory, beyond 512 KiB', 'a 2-core virtual machine; calibrate'),
  'serve.sendfile.byte': assumed(0.03, 'ns/B', 'by sendfile, to 64 KiB', 'a 2-core virtual machine; calibrate'),
  'serve.sendfile.byte.middle': assumed(
    0.04,
    'ns/B',
    'by sendfile, 64 to 256 KiB',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.sendfile.byte.large': assumed(
    0.05,
    'ns/B',
    'by sendfile, 256 to 512 KiB',
    'a 2-core virtual machine; calibrate',
  ),
  'serve.sendfile.byte.huge': assumed(
    0.08,
    'ns/B',
    'by sendfile, beyond 512 KiB',
    'a 2-core virtual machine; calibrate',
  ),

  // Memory and guests
  'memory.bandwidth': assumed(
    80,
    'B/ns',
    'one socket, six channels, mixed reads and writes',
    'DDR4-2666 at 60 % of its peak',
  ),
  'guest.exit': assumed(1200, 'ns/exit', 'exit to the kernel and back', 'KVM on servers of 2018 and later'),
  'guest.exit.user': assumed(4000, 'ns/exit', 'exit to the monitor in user space and back', 'KVM and an event loop'),
  'guest.emulated.exits': assumed(
    3,
    'exits/packet',
    'register writes and reads of an emulated e1000',
    'descriptor, doorbell, interrupt cause',
  ),
  'guest.vmm.packet': assumed(1800, 'ns/packet', 'monitor: tap read or write of one packet', 'one system call and tap'),
  'guest.vhost.packet': assumed(350, 'ns/packet', 'vhost worker: descriptor, tap, sk_buff', 'vhost_net handle_tx'),
  'guest.vhost.copy': assumed(
    0.1,
    'ns/B',
    'vhost worker copies (GOODCOPY; zero-copy is off by default)',
    'drivers/vhost/net.c',
  ),
  'guest.kick.batch': assumed(
    16,
    'packets/kick',
    'descriptors a notification covers under load',
    'event index suppression',
  ),
  'guest.nested.walk': assumed(1.3, 'factor', 'IOTLB miss with nested page tables', 'two-dimensional page walk'),
} satisfies Record<string, Constant>;

export type ConstantId = keyof typeof table;

export const constants: Readonly<Record<ConstantId, Constant>> = table;

export const constantIds = Object.keys(table) as ConstantId[];

/** The constant of that name. The type allows only names in the table. */
export function constant(id: ConstantId): Constant {
  return constants[id];
}

/** Whether a name (from a scenario file) is in the table. */
export function isConstantId(id: string): id is ConstantId {
  return Object.hasOwn(table, id);
}

/** Whether a scenario may replace a constant: not the sizes that the specification of PCIe and the NIC profiles are built from. */
export function isReplaceable(id: ConstantId): boolean {
  return !id.startsWith('pcie.') && !['nic.descriptor', 'nic.mlx5.wqe', 'nic.mlx5.cqe', 'eth.vlan'].includes(id);
}

/** Constants that the model divides by: they cannot be 0. */
const divisors: readonly ConstantId[] = [
  'ack.segments',
  'dma.tags',
  'dma.tags.extended',
  'guest.kick.batch',
  'iommu.walkers',
  'memory.bandwidth',
  'xsk.kick.batch',
];

/** The values a scenario may give a constant, in its unit. */
export function constantRange(id: ConstantId): { minimum: number; maximum: number } {
  return { minimum: divisors.includes(id) ? 1e-6 : 0, maximum: 1e12 };
}
