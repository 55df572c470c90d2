// The sending half of a socket journey: system call, copy or reference, stack, firewall, segmentation and driver, NIC; then completion and
// acknowledgements. One function a stage; the order of the list is the order of the journey.

import { linkHeaderBytes, type TransmitWork, transmitStages } from './bus.js';
import { type Counts, isReference, nicSegments } from './counts.js';
import { guestSendStages } from './guest.js';
import { type Stage, stage, type Term, term, type Workshop } from './stage.js';

const ringWays = ['send_zc', 'send_zc_fixed'];

function callStage(shop: Workshop, counts: Counts): Stage {
  const { way, protocol, fragments, source } = shop.scenario;
  const { calls } = counts;
  const noticed = ringWays.includes(way);
  const onRing = noticed || shop.scenario.engine === 'uring';
  const terms = [
    term(shop, onRing ? 'uring.entry' : 'call.entry', calls, onRing ? 'io_uring request' : 'system call'),
    term(shop, protocol === 'udp' ? 'udp.call' : 'tcp.call', calls, `${protocol} send`),
    term(shop, 'sendzc.call', noticed ? calls : 0, 'notification slot'),
    term(shop, 'sendfile.call', way === 'sendfile' ? calls : 0, 'sendfile and its pipe'),
    term(shop, 'serve.request', shop.scenario.app === 'serve' ? 1 : 0, 'request of clearway serve'),
    term(shop, 'call.iovec', way === 'copy' ? 0 : fragments - 1, 'further iovecs'),
  ];
  if (source === 'file' && way !== 'sendfile') {
    terms.push(term(shop, 'call.entry', 1, 'read(2)'), term(shop, 'read.call', 1, 'read(2) of the page cache'));
    terms.push(term(shop, 'copy.file', counts.bytes, 'page cache to user buffer'));
  }
  return stage({ id: 'call', label: 'system call', side: 'sender', resource: 'core', grain: 'message', terms });
}

/** Bytes that the rules of the path force to be copied although the way refers to them (predict.ts gives each with its kernel function). */
function forcedCopyBytes(shop: Workshop, counts: Counts): number {
  const { way, device, firewall } = shop.scenario;
  if (firewall === 'nfqueue' || firewall === 'nfqueue-gso' || firewall === 'helper') return counts.bytes;
  const zerocopy = way === 'zerocopy' || ringWays.includes(way);
  return zerocopy && (device === 'loopback' || device === 'veth') ? counts.bytes : 0;
}

function payloadStage(shop: Workshop, counts: Counts): Stage {
  const { way, fragments } = shop.scenario;
  const terms: Term[] = [];
  if (!isReference(way)) {
    if (way === 'copy' && fragments > 1) terms.push(term(shop, 'copy.user', counts.bytes, 'assembled in user space'));
    const large = counts.superBytes > shop.look('cache.l2').value / 2;
    const slower = large && shop.look('copy.tx.large').value > shop.look('copy.tx').value;
    terms.push(term(shop, slower ? 'copy.tx.large' : 'copy.tx', counts.bytes, 'user to kernel'));
    terms.push(term(shop, 'page.alloc', counts.bytes / counts.fragmentBytes, 'kernel pages'));
  } else if (way === 'sendfile') {
    terms.push(term(shop, 'sendfile.page', counts.pages, 'page cache references'));
  } else if (way === 'send_zc_fixed') {
    terms.push(term(shop, 'uring.fixed.page', counts.bytes / counts.fragmentBytes, 'registered fragments'));
  } else if (way !== 'bypass') {
    const huge = shop.scenario.page > 4096;
    terms.push(term(shop, huge ? 'zerocopy.pin.huge' : 'zerocopy.pin', counts.pages, 'pages pinned and released'));
  }
  return stage({
    id: 'payload',
    label: isReference(way) ? 'page references' : 'copy into the kernel',
    side: 'sender',
    resource: 'core',
    grain: 'message',
    terms,
  });
}

/** Terms of the packet filter for `skbs` sk_buffs; queueing to user space sees packets, unless it accepts super-packets. */
export function firewallTerms(shop: Workshop, skbs: number, packets: number, bytes: number): Term[] {
  const { firewall, rules } = shop.scenario;
  const terms = [term(shop, 'fw.rule', rules * skbs, 'rules walked')];
  if (firewall === 'raw') terms.push(term(shop, 'fw.raw', skbs, 'raw table'));
  if (firewall !== 'none' && firewall !== 'raw') terms.push(term(shop, 'fw.conntrack', skbs, 'connection tracking'));
  if (firewall === 'nfqueue') {
    terms.push(term(shop, 'tx.packet', packets, 'segmented before the queue (skb_gso_segment)'));
    terms.push(term(shop, 'fw.nfqueue', packets, 'verdict of the daemon'));
  }
  if (firewall === 'nfqueue-gso') terms.push(term(shop, 'fw.nfqueue', skbs, 'verdict of the daemon'));
  if (firewall === 'helper') terms.push(term(shop, 'fw.helper', skbs, 'conntrack helper'));
  if (firewall === 'nfqueue' || firewall === 'nfqueue-gso' || firewall === 'helper') {
    terms.push(term(shop, 'copy.deferred', bytes, 'payload copied for the filter'));
    terms.push(term(shop, 'page.alloc', bytes / 4096, 'contiguous memory for it'));
  }
  return terms;
}

/** Bytes that traffic control, a capture and a tunnel copy, by the rules of path-rules.ts. */
function pathCopyBytes(shop: Workshop, counts: Counts): number {
  const { way, tc, capture, tunnel, tunnelOffload } = shop.scenario;
  const userPages = way === 'zerocopy' || ringWays.includes(way);
  const linear = tc === 'netem-corrupt' || tc === 'bpf-pull';
  const cloned = userPages && !linear && (tc === 'mirror' || capture);
  const encrypted = tunnel === 'wireguard' || (tunnel === 'ipsec' && !tunnelOffload);
  return counts.bytes * (Number(linear) + Number(cloned) + Number(encrypted));
}

function stackStage(shop: Workshop, counts: Counts): Stage {
  const { protocol, device, firewall } = shop.scenario;
  const local = device === 'loopback' || device === 'veth';
  const forced =
    local &&
    forcedCopyBytes(shop, counts) > 0 &&
    (firewall === 'none' || firewall === 'raw' || firewall === 'conntrack');
  return stage({
    id: 'stack',
    label: 'transport, IP, packet filter',
    side: 'sender',
    resource: 'core',
    grain: 'super',
    terms: [
      term(shop, 'tcp.transmit', protocol === 'tcp' ? counts.sendSkbs : 0, 'TCP and IP output'),
      ...firewallTerms(shop, counts.sendSkbs, counts.packets, counts.bytes),
      term(shop, 'copy.deferred', forced ? counts.bytes : 0, 'looped to a local socket: skb_orphan_frags_rx copies'),
      term(shop, 'copy.deferred', pathCopyBytes(shop, counts), 'copied for traffic control, capture or tunnel'),
    ],
  });
}

function driverStage(shop: Workshop, counts: Counts): Stage {
  const { iommu, device, guest } = shop.scenario;
  const mapping = device === 'nic' ? counts.mapped + counts.driverSkbs : 0;
  // A guest's own mappings are static: the host translates, at the device (page walks in bus.ts).
  const translated = guest === 'none' ? mapping : 0;
  return stage({
    id: 'driver',
    label: 'segmentation and driver',
    side: 'sender',
    resource: 'core',
    grain: 'super',
    terms: [
      term(
        shop,
        'tx.packet',
        counts.driverSkbs,
        counts.driverSkbs > counts.sendSkbs ? 'segments built and sent' : 'driver',
      ),
      term(shop, 'frag.map', mapping, 'fragments mapped'),
      term(shop, 'iommu.map', iommu === 'strict' ? translated : 0, 'IOMMU map and unmap'),
      term(shop, 'iommu.map.lazy', iommu === 'lazy' ? translated : 0, 'IOMMU map, deferred unmap'),
      term(shop, 'doorbell', device === 'nic' ? counts.sendSkbs : 0, 'doorbell'),
    ],
  });
}

function completionStages(shop: Workshop, counts: Counts): Stage[] {
  const { way } = shop.scenario;
  const resource = shop.scenario.softirq === 'separate' ? 'softirq core' : 'core';
  return [
    stage({
      id: 'notify',
      label: 'completion notification',
      side: 'sender',
      resource: 'core',
      grain: 'message',
      terms: [
        term(shop, 'zerocopy.notify', way === 'zerocopy' ? counts.calls : 0, 'error queue'),
        term(shop, 'sendzc.notify', ringWays.includes(way) ? counts.calls : 0, 'second completion entry'),
      ],
    }),
    stage({
      id: 'ack',
      label: 'acknowledgements received',
      side: 'sender',
      resource,
      grain: 'super',
      terms: [term(shop, 'ack.receive', counts.acks, 'acknowledgements')],
    }),
  ];
}

function memoryStage(shop: Workshop, counts: Counts): Stage {
  const { source, way } = shop.scenario;
  const copies = (isReference(way) ? 0 : 1) + (source === 'file' && way !== 'sendfile' ? 1 : 0);
  const forced = forcedCopyBytes(shop, counts) > 0 ? 1 : 0;
  const read = shop.scenario.device === 'nic' ? 1 : 0;
  const touched = counts.bytes * (2 * (copies + forced) + read) + 2 * pathCopyBytes(shop, counts);
  const bandwidth = shop.look('memory.bandwidth').value;
  return stage({
    id: 'memory',
    label: 'memory traffic',
    side: 'sender',
    resource: 'memory bus',
    grain: 'super',
    terms: [
      {
        label: 'each copy reads and writes, the NIC reads',
        constant: 'memory.bandwidth',
        each: 1 / bandwidth,
        unit: 'ns/B',
        count: touched,
        ns: touched / bandwidth,
      },
    ],
    bytes: touched,
  });
}

/** Kernel bypass: the application itself drives the rings; per packet work only. */
function bypassStage(shop: Workshop, counts: Counts): Stage {
  return stage({
    id: 'bypass',
    label: 'polled driver in user space',
    side: 'sender',
    resource: 'core',
    grain: 'packet',
    terms: [term(shop, 'path.dpdk-forward', counts.packets, 'packets')],
  });
}

/** The sizes at which the cost of a further byte changes: calibrate measures at these. */
const servedSmallBytes = 65_536;
const servedMiddleBytes = 262_144;
const servedLargeBytes = 524_288;

/**
 * clearway serve on a device without a NIC: its whole process as calibrate measures it, stack and softirq included. Every super-packet but the
 * first is a step, because each goes down and up the stack; an answer does not share one with the next.
 */
function serveStage(shop: Workshop, counts: Counts): Stage {
  const sendfile = shop.scenario.way === 'sendfile';
  const small = Math.min(counts.bytes, servedSmallBytes);
  const middle = Math.min(counts.bytes, servedMiddleBytes) - small;
  const large = Math.min(counts.bytes, servedLargeBytes) - small - middle;
  const kind = sendfile ? 'serve.sendfile.byte' : 'serve.inline.byte';
  const further = Math.ceil(shop.scenario.offload === 'none' ? counts.packets : counts.bytes / counts.superBytes) - 1;
  return stage({
    id: 'serve',
    label: 'clearway serve',
    side: 'sender',
    resource: 'core',
    grain: 'message',
    terms: [
      term(shop, 'serve.request', 1, 'request'),
      term(shop, 'serve.turn', 1 / shop.scenario.flows, 'its part of a turn'),
      term(shop, 'serve.epoll', shop.scenario.engine === 'uring' ? 0 : 1, 'epoll engine'),
      term(shop, 'serve.sendfile', sendfile ? 1 : 0, 'by sendfile'),
      term(shop, 'serve.super', further, 'further super-packets'),
      term(shop, kind, small, 'bytes to 64 KiB'),
      term(shop, `${kind}.middle`, middle, 'bytes to 256 KiB'),
      term(shop, `${kind}.large`, large, 'bytes to 512 KiB'),
      term(shop, `${kind}.huge`, counts.bytes - small - middle - large, 'bytes beyond'),
    ],
  });
}

/** What the rules of the path add to it: calibrate measured a host without any. On loopback a packet filter sees a packet twice. */
function servedRulesStage(shop: Workshop, counts: Counts): Stage {
  return stage({
    id: 'served-rules',
    label: 'packet filter, traffic control, capture',
    side: 'sender',
    resource: 'core',
    grain: 'super',
    terms: [
      ...firewallTerms(shop, counts.sendSkbs, counts.packets, counts.bytes),
      ...firewallTerms(shop, counts.receiveSkbs, counts.packets, counts.bytes),
      term(shop, 'copy.deferred', pathCopyBytes(shop, counts), 'copied for traffic control, capture or tunnel'),
    ],
  });
}

/** A connection has one request under way: it is busy while the server answers and the client reads and asks again. */
export function roundTripStage(shop: Workshop, counts: Counts): Stage {
  const answering = [...serveStage(shop, counts).terms, ...servedRulesStage(shop, counts).terms];
  return stage({
    id: 'round-trip',
    label: 'connections, one request at a time each',
    side: 'sender',
    resource: 'connections',
    grain: 'message',
    terms: [...answering, term(shop, 'serve.turnaround', 1, 'client and wake-ups')],
  });
}

/** Whether the sender is clearway serve on loopback, whose law was measured as a whole. */
export function isServedLocally(shop: Workshop): boolean {
  return shop.scenario.app === 'serve' && shop.scenario.device !== 'nic';
}

/** The sender's processor stages alone, in order: what break-even sizes are computed from. */
export function sendProcessorStages(shop: Workshop, counts: Counts): Stage[] {
  if (isServedLocally(shop)) {
    return [serveStage(shop, counts), servedRulesStage(shop, counts), memoryStage(shop, counts)];
  }
  if (shop.scenario.way === 'bypass') return [bypassStage(shop, counts), memoryStage(shop, counts)];
  return [
    callStage(shop, counts),
    payloadStage(shop, counts),
    memoryStage(shop, counts),
    stackStage(shop, counts),
    driverStage(shop, counts),
    ...guestSendStages(shop, counts),
  ];
}

/** What the NIC fetches for one message: fragments as mapped, cut at packets when the NIC does not segment. */
function transmitWork(shop: Workshop, counts: Counts): TransmitWork {
  const { way } = shop.scenario;
  const handoffs = way === 'bypass' ? counts.packets : counts.driverSkbs;
  const fragments =
    nicSegments(shop.scenario) && way !== 'bypass' ? counts.mapped : Math.max(counts.packets, counts.mapped);
  return {
    handoffs,
    fragments,
    fragmentBytes: Math.min(counts.fragmentBytes, counts.bytes / fragments),
    headerBytes: counts.headers + linkHeaderBytes,
  };
}

/** The stages a message goes through at its sender, in order; without a NIC those of the bus are left out. */
export function sendStages(shop: Workshop, counts: Counts): Stage[] {
  const bus = shop.scenario.device === 'nic' ? transmitStages(shop, 'sender', transmitWork(shop, counts)) : [];
  return [...sendProcessorStages(shop, counts), ...bus];
}

/** What the sender still does after the message has left: it costs processor time but not the receiver's time line. */
export function afterSendStages(shop: Workshop, counts: Counts): Stage[] {
  return shop.scenario.way === 'bypass' || isServedLocally(shop) ? [] : completionStages(shop, counts);
}
