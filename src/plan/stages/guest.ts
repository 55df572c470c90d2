// What a virtual machine adds between the guest's driver and the NIC: exits, the monitor or the vhost worker, its copies. Pass-through adds
// nothing here; its cost is the nested page walk in bus.ts.

import type { Counts } from './counts.js';
import { type Stage, stage, term, type Workshop } from './stage.js';

/** Stages of a guest's transmission of one message. */
export function guestSendStages(shop: Workshop, counts: Counts): Stage[] {
  return guestStages(shop, counts.driverSkbs, counts.bytes, 'sender');
}

/** Stages of a guest's reception: the same devices the other way. */
export function guestReceiveStages(shop: Workshop, counts: Counts): Stage[] {
  return guestStages(shop, counts.receiveSkbs, counts.bytes, 'receiver');
}

function guestStages(shop: Workshop, skbs: number, bytes: number, side: 'sender' | 'receiver'): Stage[] {
  const { guest, iommu } = shop.scenario;
  if (guest === 'none' || guest === 'passthrough') return [];
  // The host's NIC maps what the monitor or the worker copied: two fragments of 32 KiB at most, and the header.
  const mapped = skbs * 3;
  const mapping = [
    term(shop, 'iommu.map', iommu === 'strict' ? mapped : 0, 'IOMMU map and unmap by the host'),
    term(shop, 'iommu.map.lazy', iommu === 'lazy' ? mapped : 0, 'IOMMU map, deferred unmap by the host'),
  ];
  if (guest === 'emulated') {
    const exits = skbs * shop.look('guest.emulated.exits').value;
    return [
      stage({
        id: `guest-exit-${side}`,
        label: 'emulated device: exits to the monitor',
        side,
        resource: 'core',
        grain: 'super',
        terms: [
          term(shop, 'guest.exit.user', exits, 'register accesses'),
          term(shop, 'guest.vmm.packet', skbs, 'tap'),
          term(shop, 'copy.tx', bytes, 'guest memory to tap'),
          ...mapping,
        ],
      }),
    ];
  }
  const kicks = skbs / shop.look('guest.kick.batch').value;
  const worker =
    guest === 'virtio'
      ? [term(shop, 'guest.vmm.packet', skbs, 'monitor and tap'), term(shop, 'copy.tx', bytes, 'guest memory to tap')]
      : [
          term(shop, 'guest.vhost.packet', skbs, 'vhost worker'),
          term(shop, 'guest.vhost.copy', bytes, 'guest memory to sk_buff'),
        ];
  return [
    stage({
      id: `guest-kick-${side}`,
      label: 'virtqueue notification',
      side,
      resource: 'core',
      grain: 'super',
      terms: [term(shop, guest === 'virtio' ? 'guest.exit.user' : 'guest.exit', kicks, 'exits for notifications')],
    }),
    stage({
      id: `guest-worker-${side}`,
      label: guest === 'virtio' ? 'virtio in the monitor' : 'vhost worker',
      side,
      resource: 'vhost core',
      grain: 'super',
      terms: [...worker, ...mapping],
    }),
  ];
}
