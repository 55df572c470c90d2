// Features of virtio-net (VIRTIO 1.x section 5.1.3) by number: what is offered, and what an agreement on them means. Not here: features of the
// rings and the transport (vhost/protocol.ts).

import { bitsOf, Feature, hasBit } from '../protocol.js';
import type { Offloads } from './net-header.js';

/** Numbers of features. GUEST: what packets for the guest may leave unfinished; HOST, and CSUM: what its own may. */
export const NetFeature = {
  checksum: 0n,
  guestChecksum: 1n,
  mtu: 3n,
  mac: 5n,
  guestTso4: 7n,
  guestTso6: 8n,
  hostTso4: 11n,
  hostTso6: 12n,
  mergeable: 15n,
  status: 16n,
  controlQueue: 17n,
  announce: 21n,
  multiQueue: 22n,
  guestUso4: 54n,
  guestUso6: 55n,
  hostUso: 56n,
} as const;

/**
 * What is offered. @param offloads what packets of the guest may leave unfinished, and packets for it.
 * The control queue is the front end's, which needs its feature offered all the same: features 18 to 23 mean nothing without it.
 */
export function offeredFeatures(offloads: Offloads, hasPairs: boolean, isMtuKnown: boolean): bigint {
  const { mac, mergeable, status, controlQueue, announce } = NetFeature;
  const bits: bigint[] = [mac, mergeable, status, controlQueue, announce, Feature.inOrder];
  if (hasPairs) bits.push(NetFeature.multiQueue);
  if (isMtuKnown) bits.push(NetFeature.mtu);
  if (offloads.checksum) bits.push(NetFeature.checksum, NetFeature.guestChecksum);
  if (offloads.tso4) bits.push(NetFeature.hostTso4, NetFeature.guestTso4);
  if (offloads.tso6) bits.push(NetFeature.hostTso6, NetFeature.guestTso6);
  if (offloads.uso) bits.push(NetFeature.hostUso, NetFeature.guestUso4, NetFeature.guestUso6);
  return bitsOf(...bits);
}

/** What packets of a guest may leave unfinished, as was agreed. */
export function hostOffloads(features: bigint): Offloads {
  const checksum = hasBit(features, NetFeature.checksum);
  return {
    checksum,
    tso4: checksum && hasBit(features, NetFeature.hostTso4),
    tso6: checksum && hasBit(features, NetFeature.hostTso6),
    uso: checksum && hasBit(features, NetFeature.hostUso),
  };
}

/** What packets for a guest may leave unfinished, as was agreed. */
export function guestOffloads(features: bigint): Offloads {
  const checksum = hasBit(features, NetFeature.guestChecksum);
  return {
    checksum,
    tso4: checksum && hasBit(features, NetFeature.guestTso4),
    tso6: checksum && hasBit(features, NetFeature.guestTso6),
    uso: checksum && hasBit(features, NetFeature.guestUso4) && hasBit(features, NetFeature.guestUso6),
  };
}

/** Whether a packet for the guest may lie in several buffers. */
export function isMergeable(features: bigint): boolean {
  return hasBit(features, NetFeature.mergeable);
}

/** Whether the guest was told of the MTU, and gets nothing that is longer. */
export function hasMtu(features: bigint): boolean {
  return hasBit(features, NetFeature.mtu);
}

/** Whether the guest takes addresses back while queues run, and waits until nothing is under way that names them. */
export function takesAddressesBack(features: bigint): boolean {
  return hasBit(features, Feature.platform);
}
