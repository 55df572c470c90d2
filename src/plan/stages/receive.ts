// The receiving half of a socket journey: NIC writes, driver and GRO, stack, wake-up, and how the reader takes the bytes.

import { linkHeaderBytes, receiveStages } from './bus.js';
import type { Counts } from './counts.js';
import { guestReceiveStages } from './guest.js';
import { firewallTerms, isServedLocally } from './send.js';
import { type ResourceKind, type Stage, stage, type Term, term, type Workshop } from './stage.js';

/** How the application takes the payload: copied, discarded, mapped, or already where it wants it. */
function takeTerms(shop: Workshop, counts: Counts): Term[] {
  const { receive } = shop.scenario;
  if (receive === 'copy') {
    const remote = shop.scenario.numa === 'remote' ? shop.look('copy.numa').value : 1;
    return [
      term(
        shop,
        'copy.rx',
        counts.bytes * remote,
        remote > 1 ? 'kernel to user, from the other socket' : 'kernel to user',
      ),
    ];
  }
  if (receive === 'mmap') return [term(shop, 'rx.remap', counts.bytes / 4096, 'pages mapped')];
  if (receive === 'zcrx')
    return [term(shop, 'rx.zcrx', counts.buffers, 'buffers handed to the application and returned')];
  return [];
}

/** Whether GRO looks for a super-packet to merge into: always for TCP, for UDP when the socket asked. */
function mergesInSoftware(shop: Workshop): boolean {
  const { gro, protocol, udpGro } = shop.scenario;
  return gro && (protocol !== 'udp' || udpGro);
}

/** Driver, GRO and stack. On loopback and veth the sender's softirq does this work on the sender's core. */
function softirqStages(shop: Workshop, counts: Counts, side: 'sender' | 'receiver', resource: ResourceKind): Stage[] {
  const { device, guest } = shop.scenario;
  const iommu = guest === 'none' ? shop.scenario.iommu : 'off';
  const real = device === 'nic';
  return [
    stage({
      id: 'rx-driver',
      label: 'driver and GRO',
      side,
      resource,
      grain: 'packet',
      terms: real
        ? [
            term(shop, 'rx.packet', counts.driverPackets, 'packets'),
            term(shop, 'rx.gro', mergesInSoftware(shop) ? counts.driverPackets : 0, 'merged by GRO'),
            term(shop, 'rx.buffer', counts.buffers, 'buffers refilled'),
            term(shop, 'iommu.map', iommu === 'strict' ? counts.buffers : 0, 'IOMMU map and unmap'),
            term(shop, 'iommu.map.lazy', iommu === 'lazy' ? counts.buffers : 0, 'IOMMU map, deferred unmap'),
          ]
        : [],
      latency: real && !shop.scenario.polling ? [term(shop, 'rx.interrupt', 1, 'interrupt')] : [],
    }),
    stage({
      id: 'rx-stack',
      label: 'receiving stack and packet filter',
      side,
      resource,
      grain: 'super',
      terms: [
        term(
          shop,
          shop.scenario.protocol === 'udp' ? 'rx.udp.stack' : 'rx.stack',
          counts.receiveSkbs,
          'IP and transport input',
        ),
        ...firewallTerms(shop, counts.receiveSkbs, counts.packets, counts.bytes),
      ],
    }),
  ];
}

/** The stages of a message at its receiver, in order. */
export function receiveSocketStages(shop: Workshop, counts: Counts): Stage[] {
  const { device, softirq, polling, way } = shop.scenario;
  const local = device !== 'nic';
  const resource: ResourceKind = softirq === 'separate' ? 'softirq core' : 'core';
  const bandwidth = shop.look('memory.bandwidth').value;
  const touched = counts.bytes * ((shop.scenario.receive === 'copy' ? 2 : 0) + (local ? 0 : 1));
  const frame = counts.bytes / Math.max(counts.packets, 1e-9) + counts.headers + linkHeaderBytes;
  const bus = local ? [] : receiveStages(shop, 'receiver', counts.packets, frame, counts.buffers);
  if (way === 'bypass') {
    return [
      ...bus,
      stage({
        id: 'rx-bypass',
        label: 'polled driver in user space',
        side: 'receiver',
        resource: 'core',
        grain: 'packet',
        terms: [term(shop, 'path.dpdk-forward', counts.packets, 'packets')],
      }),
    ];
  }
  return [
    ...bus,
    ...guestReceiveStages(shop, counts),
    ...(isServedLocally(shop)
      ? []
      : softirqStages(shop, counts, local ? 'sender' : 'receiver', local ? 'core' : resource)),
    stage({
      id: 'rx-memory',
      label: 'memory traffic',
      side: 'receiver',
      resource: 'memory bus',
      grain: 'super',
      terms: [
        {
          label: 'the NIC writes, a copy reads and writes',
          constant: 'memory.bandwidth',
          each: 1 / bandwidth,
          unit: 'ns/B',
          count: touched,
          ns: touched / bandwidth,
        },
      ],
      bytes: touched,
    }),
    stage({
      id: 'rx-call',
      label: 'reader',
      side: 'receiver',
      resource: 'core',
      grain: 'message',
      terms: [
        term(shop, 'call.entry', counts.reads, 'system call'),
        term(shop, shop.scenario.protocol === 'udp' ? 'rx.udp.call' : 'rx.call', counts.reads, 'recvmsg'),
        ...takeTerms(shop, counts),
      ],
      latency: polling ? [] : [term(shop, 'rx.wake', 1, 'wake-up of the reader')],
    }),
    stage({
      id: 'rx-ack',
      label: 'acknowledgements sent',
      side: 'receiver',
      resource: local ? 'core' : resource,
      grain: 'super',
      terms: [term(shop, 'rx.ack', counts.acks, 'acknowledgements')],
    }),
  ];
}
