// Advice: changes worth trying, each with the figure it would gain, computed by running the changed scenario. Nothing is advised that the
// model does not say pays by at least three percent.

import type { Host } from '../facts/hosts.js';
import type { Scenario } from '../scenario.js';
import { buildJourney } from '../stages/journey.js';
import { type Bound, boundOf, processorNs } from './bound.js';

export interface Advice {
  text: string;
  change: Partial<Scenario>;
  /** Throughput afterwards over throughput now. */
  throughputGain: number;
  /** Share of processor time a byte that it saves (negative: costs more). */
  processorSaved: number;
  bottleneckThen: string;
  sentence: string;
}

interface Candidate {
  text: string;
  change: Partial<Scenario>;
  when: boolean;
}

/** Changes at the sending end: how the payload leaves, and how it is cut. */
function senderCandidates(scenario: Scenario): Candidate[] {
  const { way } = scenario;
  const socket = scenario.path === 'socket';
  const onNic = socket && scenario.device === 'nic';
  const copies = way === 'copy' || way === 'gather';
  const sends = socket && scenario.direction !== 'receive';
  return [
    {
      text: 'gather fragments with an iovec instead of assembling them',
      change: { way: 'gather' },
      when: sends && way === 'copy' && scenario.fragments > 1,
    },
    {
      text: 'send the file with sendfile',
      change: { way: 'sendfile' },
      when: sends && scenario.source === 'file' && way !== 'sendfile' && scenario.protocol === 'tcp',
    },
    {
      text: 'reference the payload (MSG_ZEROCOPY) from huge pages',
      change: { way: 'zerocopy', page: 2 ** 21 },
      when: sends && copies,
    },
    {
      text: 'put the payload on huge pages',
      change: { page: 2 ** 21 },
      when: sends && !copies && way !== 'sendfile' && scenario.page < 2 ** 21,
    },
    {
      text: 'register the buffers (SEND_ZC with fixed buffers)',
      change: { way: 'send_zc_fixed' },
      when: sends && (way === 'zerocopy' || way === 'send_zc'),
    },
    {
      text: 'copy instead: the reference costs more than it saves here',
      change: { way: 'gather' },
      when: sends && !copies && way !== 'bypass',
    },
    { text: 'let the NIC segment (TSO)', change: { offload: 'tso' }, when: onNic && scenario.offload !== 'tso' },
    {
      text: 'segment late (GSO, UDP_SEGMENT)',
      change: { offload: 'gso' },
      when: socket && scenario.offload === 'none',
    },
    { text: 'use jumbo frames (MTU 9000)', change: { mtu: 9000 }, when: onNic && scenario.mtu < 9000 },
    {
      text: 'allow larger super-packets (BIG TCP, 512 KiB)',
      change: { gsoMax: 524_288 },
      when: onNic && scenario.offload === 'tso' && scenario.gsoMax <= 65_536 && scenario.protocol === 'tcp',
    },
    {
      text: 'allow larger super-packets (BIG TCP with 45 fragments)',
      change: { gsoMax: 524_288, maxFrags: 45 },
      when: onNic && scenario.offload === 'tso' && !copies && scenario.maxFrags < 45 && scenario.protocol === 'tcp',
    },
    {
      text: 'send larger messages',
      change: { message: scenario.message * 4 },
      when: socket && scenario.message < 65_536,
    },
  ];
}

/** Changes at the receiving end. */
function receiverCandidates(scenario: Scenario): Candidate[] {
  const onNic = scenario.path === 'socket' && scenario.device === 'nic';
  const receives = scenario.path === 'socket' && scenario.direction !== 'send';
  return [
    {
      text: 'take received data without a copy (io_uring zcrx)',
      change: { receive: 'zcrx', rxBuffer: 32_768 },
      when: receives && scenario.receive === 'copy' && onNic,
    },
    {
      text: 'use larger receive buffers',
      change: { rxBuffer: 32_768 },
      when: receives && onNic && scenario.rxBuffer < 32_768 && scenario.receive === 'zcrx',
    },
    { text: 'switch GRO on', change: { gro: true }, when: receives && !scenario.gro },
  ];
}

/** Changes of cores, memory, packet filter, virtual machine and devices. */
function machineCandidates(scenario: Scenario): Candidate[] {
  return [...hostCandidates(scenario), ...pathCandidates(scenario)];
}

function hostCandidates(scenario: Scenario): Candidate[] {
  const { cores, flows, pcie } = scenario;
  const socket = scenario.path === 'socket';
  const nic = scenario.device === 'nic';
  const onNic = socket && nic;
  const wider = pcie.endsWith('x8')
    ? pcie.replace('x8', 'x16')
    : pcie.replace(/gen([1-5])/, (_, digit) => `gen${Number(digit) + 1}`);
  return [
    {
      text: 'give the traffic one more core',
      change: { cores: cores + 1, flows: Math.max(flows, cores + 1) },
      when: cores < 256,
    },
    {
      text: 'ask over more connections: one has one request under way',
      change: { flows: flows * 4 },
      when: scenario.app === 'serve' && socket && !nic && flows <= 250_000,
    },
    {
      text: 'run interrupts on other cores than the application',
      change: { softirq: 'separate' },
      when: onNic && scenario.softirq === 'same',
    },
    { text: 'put the memory on the NIC’s socket', change: { numa: 'local' }, when: scenario.numa === 'remote' },
    { text: 'defer IOMMU flushes (iommu.strict=0)', change: { iommu: 'lazy' }, when: scenario.iommu === 'strict' },
    {
      text: 'use the IOMMU in pass-through mode',
      change: { iommu: 'passthrough' },
      when: scenario.iommu === 'strict' || scenario.iommu === 'lazy',
    },
    {
      text: `use a wider or newer PCIe slot (${wider})`,
      change: { pcie: wider },
      when: (nic || !socket) && wider !== pcie,
    },
    {
      text: 'compress completions',
      change: { cqeCompression: true },
      when: scenario.nicProfile === 'mlx5' && !scenario.cqeCompression && !socket,
    },
    { text: 'double the link rate', change: { nic: scenario.nic * 2 }, when: nic && scenario.nic <= 8e11 },
  ];
}

function pathCandidates(scenario: Scenario): Candidate[] {
  return [
    {
      text: 'keep this flow out of the queue or helper of the packet filter',
      change: { firewall: 'conntrack' },
      when: ['nfqueue', 'nfqueue-gso', 'helper'].includes(scenario.firewall),
    },
    {
      text: 'set NFQA_CFG_F_GSO in the queue’s daemon',
      change: { firewall: 'nfqueue-gso' },
      when: scenario.firewall === 'nfqueue',
    },
    {
      text: 'exempt the flow from connection tracking (notrack)',
      change: { firewall: 'raw' },
      when: scenario.firewall === 'conntrack',
    },
    {
      text: 'order the rules, or use a set or map: one look-up instead of a walk',
      change: { rules: 1 },
      when: scenario.rules > 1,
    },
    {
      text: 'let the NIC segment inside the tunnel or encrypt (ethtool -K: tx-udp_tnl-segmentation, esp-hw-offload)',
      change: { tunnelOffload: true },
      when: ['vxlan', 'gre', 'ipsec'].includes(scenario.tunnel) && !scenario.tunnelOffload,
    },
    { text: 'stop the capture, or capture on the switch', change: { capture: false }, when: scenario.capture },
    {
      text: 'leave the payload alone in traffic control',
      change: { tc: 'none' },
      when: ['mirror', 'netem-corrupt', 'bpf-pull'].includes(scenario.tc),
    },
    {
      text: 'use vhost instead of a device emulated in user space',
      change: { guest: 'vhost' },
      when: scenario.guest === 'emulated' || scenario.guest === 'virtio',
    },
    {
      text: 'pass the device through to the guest',
      change: { guest: 'passthrough' },
      when: ['emulated', 'virtio', 'vhost'].includes(scenario.guest),
    },
  ];
}

function sentence(text: string, gain: number, saved: number, then: Bound): string {
  const parts: string[] = [];
  if (Math.abs(gain - 1) >= 0.01) parts.push(`throughput ${gain > 1 ? '+' : ''}${Math.round((gain - 1) * 100)} %`);
  if (Math.abs(saved) >= 0.01)
    parts.push(`processor time a byte ${saved > 0 ? '-' : '+'}${Math.abs(Math.round(saved * 100))} %`);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}: ${parts.join(', ')} (then the ${then.bottleneck} binds)`;
}

/** Changes that pay, the best first. At most eight. */
export function adviceFor(scenario: Scenario, here?: Host): Advice[] {
  const journey = buildJourney(scenario, here);
  const now = boundOf(journey);
  const costNow = processorNs(journey).total / scenario.message;
  const found: Advice[] = [];
  const all = [...senderCandidates(scenario), ...receiverCandidates(scenario), ...machineCandidates(scenario)];
  for (const { text, change, when } of all) {
    if (!when) continue;
    const changed = { ...scenario, ...change };
    const journeyThen = buildJourney(changed, here);
    const then = boundOf(journeyThen);
    const throughputGain = then.throughput.bytesPerSecond / now.throughput.bytesPerSecond;
    const processorSaved = costNow > 0 ? 1 - processorNs(journeyThen).total / changed.message / costNow : 0;
    if (throughputGain < 0.99 || (throughputGain < 1.03 && processorSaved < 0.03)) continue;
    found.push({
      text,
      change,
      throughputGain,
      processorSaved,
      bottleneckThen: then.bottleneck,
      sentence: sentence(text, throughputGain, processorSaved, then),
    });
  }
  return found.sort((a, b) => b.throughputGain - a.throughputGain || b.processorSaved - a.processorSaved).slice(0, 8);
}
