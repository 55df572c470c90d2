// Packet-rate paths: a frame arrives, some program on some core drops or forwards it. One message is one frame. Also bare DMA, for the
// measurements of PCIe itself.

import { wrongArgument } from '../../text/coded.js';
import type { ConstantId } from '../facts/constants.js';
import type { Path } from '../scenario.js';
import { receiveStages, transmitStages, wireStage } from './bus.js';
import { echoStages, isEchoPath } from './echo.js';
import { tagBytes } from './ethernet.js';
import { isRequestPath, requestStages } from './request.js';
import { type Stage, stage, type Term, term, type Workshop } from './stage.js';

interface PacketPath {
  terms: readonly ConstantId[];
  forwards: boolean;
  label: string;
}

const packetPaths: Partial<Record<Path, PacketPath>> = {
  'xdp-drop': { terms: ['path.xdp-drop'], forwards: false, label: 'XDP program drops' },
  'xdp-pass-drop': {
    terms: ['path.xdp-pass', 'path.iptables-raw-drop'],
    forwards: false,
    label: 'XDP passes, the raw table drops',
  },
  'xdp-tx': { terms: ['path.xdp-tx'], forwards: true, label: 'XDP sends back out of the same port' },
  'xdp-redirect': { terms: ['path.xdp-redirect'], forwards: true, label: 'XDP redirects to another port' },
  'xdp-forward': { terms: ['path.xdp-forward'], forwards: true, label: 'XDP looks up the route and redirects' },
  af_xdp: { terms: ['path.af_xdp'], forwards: false, label: 'AF_XDP hands the frame to user space' },
  'dpdk-drop': { terms: ['path.dpdk-drop'], forwards: false, label: 'polled driver drops' },
  'dpdk-forward': { terms: ['path.dpdk-forward'], forwards: true, label: 'polled driver forwards' },
  'tc-drop': { terms: ['path.tc-drop'], forwards: false, label: 'tc filter drops at ingress' },
  'nft-ingress-drop': { terms: ['path.nft-ingress-drop'], forwards: false, label: 'nftables ingress chain drops' },
  'iptables-raw-drop': { terms: ['path.iptables-raw-drop'], forwards: false, label: 'stack up to the raw table' },
  'conntrack-drop': {
    terms: ['path.iptables-raw-drop', 'path.conntrack'],
    forwards: false,
    label: 'stack and connection tracking',
  },
  'linux-forward': { terms: ['path.linux-forward'], forwards: true, label: 'kernel forwarding' },
  katran: { terms: ['path.katran'], forwards: true, label: 'Katran load balancer (XDP)' },
  ipvs: { terms: ['path.ipvs'], forwards: true, label: 'IPVS load balancer (kernel)' },
  'pktgen-qdisc': {
    terms: ['path.pktgen-qdisc', 'skb.alloc'],
    forwards: false,
    label: 'pktgen and an overloaded queue',
  },
};

function extraTerms(shop: Workshop): Term[] {
  const { path, fib, retpoline, rules } = shop.scenario;
  const terms = [term(shop, 'fw.rule', rules, 'rules walked')];
  if (fib === 'full' && path === 'linux-forward')
    terms.push(term(shop, 'path.fib.full.linux', 1, 'full routing table'));
  if (fib === 'full' && path === 'xdp-forward') terms.push(term(shop, 'path.fib.full.xdp', 1, 'full routing table'));
  if (retpoline) terms.push(term(shop, 'path.retpoline', 1, 'retpolines'));
  return terms;
}

/** What the processor does to a frame, and whether the frame leaves again. */
function processorStages(shop: Workshop, inMemory: number): { cpu: Stage[]; forwards: boolean } {
  const { path, polling } = shop.scenario;
  const latency = polling || path.startsWith('dpdk') ? [] : [term(shop, 'rx.interrupt', 1, 'interrupt')];
  if (isEchoPath(path)) return { cpu: echoStages(shop, inMemory, latency, extraTerms(shop)), forwards: true };
  const description = packetPaths[path];
  if (!description) throw wrongArgument(`${path} is no packet path`);
  const terms = [...description.terms.map((id) => term(shop, id, 1, id.replace('path.', ''))), ...extraTerms(shop)];
  const { label, forwards } = description;
  const stages = [stage({ id: 'path', label, side: 'receiver', resource: 'core', grain: 'packet', terms, latency })];
  return { cpu: stages, forwards };
}

/** The stages of one frame on a packet path. `message` is the frame on the wire with its FCS, and with its tag where it has one. */
export function packetStages(shop: Workshop): Stage[] {
  const { path, message, device } = shop.scenario;
  if (path === 'dma-read' || path === 'dma-write') return dmaStages(shop);
  if (isRequestPath(path)) return requestStages(shop, path);
  const inMemory = Math.max(message - 4, 1);
  const { cpu, forwards } = processorStages(shop, inMemory);
  if (path === 'pktgen-qdisc' || device !== 'nic') return cpu;
  const layer3 = Math.max(message - 18 - tagBytes(shop.scenario), 1);
  const wireIn = wireStage(shop, 1, layer3, 0);
  const incoming = [wireIn, ...receiveStages(shop, 'receiver', 1, inMemory, 1), ...cpu];
  if (!forwards) return incoming;
  const outgoing = transmitStages(shop, 'receiver', {
    handoffs: 1,
    fragments: 1,
    fragmentBytes: inMemory,
    headerBytes: 0,
  });
  return [...incoming, ...outgoing, wireStage(shop, 1, layer3, 0, true)];
}

/** Bare DMA of `message` bytes, as pcie-bench measures it: no descriptors, no processor. */
function dmaStages(shop: Workshop): Stage[] {
  const { message, path } = shop.scenario;
  if (path === 'dma-write') return receiveStages(shop, 'receiver', 1, message, 1);
  return transmitStages(shop, 'sender', { handoffs: 0, fragments: 1, fragmentBytes: message, headerBytes: 0 });
}

/** Whether a path handles frames one by one. */
export function isPacketPath(path: Path): boolean {
  return path !== 'socket';
}
