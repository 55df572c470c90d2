// The stages between memory and the far memory that no processor executes: descriptors and payload over PCIe, reads in flight, address
// translation, the wire. Shared by socket and packet paths.

import { nics, receiveOverhead, transmitOverhead } from '../facts/nics.js';
import { frameOverhead, tagBytes } from './ethernet.js';
import { addLinkBytes, deviceRead, deviceWrite, type LinkBytes } from './pcie.js';
import { byteTerm, type Side, type Stage, stage, term, type Workshop } from './stage.js';

/** What a NIC has to fetch for one message. */
export interface TransmitWork {
  /** Hand-offs: super-packets with TSO, packets otherwise; 0 for a bare read without descriptors. */
  handoffs: number;
  /** Payload fragments over all hand-offs, and the bytes of one. */
  fragments: number;
  fragmentBytes: number;
  /** Header bytes a hand-off carries (Ethernet, IP, transport). */
  headerBytes: number;
}

const ethernetHeader = 14;

/** Descriptors of one message: one a fragment and one for the headers; mlx5 packs four segments of 16 B into a queue element. */
function descriptorCount(shop: Workshop, work: TransmitWork): number {
  const { traffic } = nics[shop.scenario.nicProfile];
  const segments = work.fragments + (work.headerBytes > 0 ? work.handoffs : 0);
  if (traffic.txDescriptor <= 16) return segments;
  return Math.max(work.handoffs, Math.ceil(((segments + 2 * work.handoffs) * 16) / traffic.txDescriptor));
}

/** Link bytes to fetch the message with its descriptors. */
function transmitBytes(shop: Workshop, work: TransmitWork): LinkBytes {
  const { traffic } = nics[shop.scenario.nicProfile];
  if (work.handoffs === 0) return addLinkBytes([deviceRead(shop.link, work.fragmentBytes), work.fragments]);
  return addLinkBytes(
    [transmitOverhead(shop.link, traffic, descriptorCount(shop, work), work.handoffs), 1],
    [deviceRead(shop.link, work.fragmentBytes), work.fragments],
    [deviceRead(shop.link, work.headerBytes), work.headerBytes > 0 ? work.handoffs : 0],
  );
}

/** Chance that a DMA access misses the IOTLB: accesses spread over a window larger than what the entries reach. */
function iotlbMissShare(shop: Workshop): number {
  const { iommu, iommuWindow, page, guest } = shop.scenario;
  if (guest !== 'passthrough' && (iommu === 'off' || iommu === 'passthrough')) return 0;
  const reach = shop.look('iommu.entries').value * page;
  return Math.max(0, 1 - reach / iommuWindow);
}

function readLatency(shop: Workshop): ReturnType<typeof term>[] {
  const remote = shop.scenario.numa === 'remote' ? 1 : 0;
  const miss = iotlbMissShare(shop);
  const nested = shop.scenario.guest === 'passthrough' ? shop.look('guest.nested.walk').value : 1;
  return [
    term(shop, 'dma.read.latency', 1, 'DMA read'),
    term(shop, 'dma.numa.latency', remote, 'memory on the other socket'),
    term(shop, 'iommu.miss', miss * nested, 'page walks of the IOMMU'),
  ];
}

/** Stages of DMA reads: both directions of the link, the tags in flight, the page walks. */
export function transmitStages(shop: Workshop, side: Side, work: TransmitWork): Stage[] {
  const bytes = transmitBytes(shop, work);
  const latency = readLatency(shop);
  const latencyNs = latency.reduce((sum, one) => sum + one.ns, 0);
  const reads = work.fragments * Math.max(1, Math.ceil(work.fragmentBytes / shop.link.mrrs));
  // Descriptors are fetched several at a time, headers with a read of their own.
  const fetches =
    work.handoffs > 0 ? descriptorCount(shop, work) / nics[shop.scenario.nicProfile].traffic.txFetchBatch : 0;
  const requests = reads + fetches + (work.headerBytes > 0 ? work.handoffs : 0);
  const tagsName = shop.link.generation >= 4 ? 'dma.tags.extended' : 'dma.tags';
  const tags = shop.look(tagsName).value;
  return [
    stage({
      id: 'dma-request',
      label: 'descriptors and read requests',
      side,
      resource: 'PCIe up',
      grain: 'packet',
      terms: [byteTerm('TLP bytes to the host over the link rate', bytes.up, shop.nsPerLinkByte)],
      bytes: bytes.up,
    }),
    stage({
      id: 'dma-read',
      label: 'payload read by the NIC',
      side,
      resource: 'PCIe down',
      grain: 'packet',
      terms: [byteTerm('TLP bytes to the device over the link rate', bytes.down, shop.nsPerLinkByte)],
      latency,
      bytes: bytes.down,
    }),
    stage({
      id: 'dma-tags',
      label: 'reads waiting for memory',
      side,
      resource: 'DMA reads in flight',
      grain: 'packet',
      terms: [
        {
          label: `read requests, each ${latencyNs.toFixed(0)} ns with ${tags} in flight`,
          constant: tagsName,
          each: latencyNs / tags,
          unit: 'ns/read',
          count: requests,
          ns: (requests * latencyNs) / tags,
        },
      ],
    }),
    walkStage(shop, side, 'iommu-tx', work.fragments + work.handoffs),
  ];
}

function walkStage(shop: Workshop, side: Side, id: string, accesses: number): Stage {
  const nested = shop.scenario.guest === 'passthrough' ? shop.look('guest.nested.walk').value : 1;
  const walks = accesses * iotlbMissShare(shop) * nested;
  return stage({
    id,
    label: 'page walks of the IOMMU',
    side,
    resource: 'IOMMU walker',
    grain: 'packet',
    terms: [term(shop, 'iommu.miss', walks / shop.look('iommu.walkers').value, 'IOTLB misses over the walkers')],
  });
}

/** Stages of DMA writes of received packets: `bytes` of each frame in memory, `buffers` in all. */
export function receiveStages(
  shop: Workshop,
  side: Side,
  packets: number,
  bytesEach: number,
  buffers: number,
): Stage[] {
  const { traffic } = nics[shop.scenario.nicProfile];
  const bare = shop.scenario.path === 'dma-write';
  const compressed = shop.scenario.cqeCompression ? shop.look('nic.mlx5.cqe.compressed').value : 0;
  const bytes = addLinkBytes(
    [receiveOverhead(shop.link, traffic, { compressedCompletionBytes: compressed }), bare ? 0 : packets],
    [deviceWrite(shop.link, bytesEach), packets],
  );
  return [
    stage({
      id: 'dma-write',
      label: 'payload written by the NIC',
      side,
      resource: 'PCIe up',
      grain: 'packet',
      terms: [byteTerm('TLP bytes to the host over the link rate', bytes.up, shop.nsPerLinkByte)],
      latency: [term(shop, 'dma.write.latency', 1, 'DMA write')],
      bytes: bytes.up,
    }),
    stage({
      id: 'rx-descriptors',
      label: 'descriptors read by the NIC',
      side,
      resource: 'PCIe down',
      grain: 'packet',
      terms: [byteTerm('TLP bytes to the device over the link rate', bytes.down, shop.nsPerLinkByte)],
      bytes: bytes.down,
    }),
    walkStage(shop, side, 'iommu-rx', buffers),
  ];
}

/** The wire: frames with their overhead over the rate, and the way through cable and switches. The least frame is 64 B with a tag or without. */
export function wireStage(shop: Workshop, packets: number, payload: number, headers: number, out = false): Stage {
  const minimum = shop.look('eth.minimum').value - tagBytes(shop.scenario);
  const layer3 = Math.max(payload + packets * headers, packets * minimum);
  const bytes = layer3 + packets * frameOverhead(shop.scenario.vlan, shop.scenario.constants);
  const { cable, switches, nic } = shop.scenario;
  return stage({
    id: out ? 'wire-out' : 'wire',
    label: out ? 'wire, outgoing' : 'wire',
    side: 'network',
    resource: out ? 'wire out' : 'wire',
    grain: 'packet',
    terms: [byteTerm('frames with preamble, FCS and gap over the rate', bytes, 8e9 / nic)],
    latency: [term(shop, 'wire.propagation', cable, 'cable'), term(shop, 'wire.switch', switches, 'switches')],
    bytes,
  });
}

/** Bytes of the Ethernet header in front of every packet in memory. */
export const linkHeaderBytes = ethernetHeader;
