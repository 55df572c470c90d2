// clearway/virtio: virtqueues of both layouts, device side and driver side, and the Domain that addresses go through, for people who build their
// own devices and drivers. The arrays of a ring lie over memory that both sides share (Region, or SharedRegion of a descriptor).

export { receiveWithDescriptors, sendWithDescriptors } from '../kernel/pass-descriptors.js';
export { Access, Domain, type DomainMemory, type FaultReason, Pieces } from '../memory/domain.js';
export { SharedMemoryError, SharedRegion, type SharedRegionOptions } from '../memory/shared-region.js';
export { Chain, type ChainFault } from './chain.js';
export { PackedDeviceQueue, type PackedRing, packedStart } from './packed-device.js';
export { PackedDriverQueue } from './packed-driver.js';
export type { DeviceQueue, DriverPiece, DriverQueue, DriverTable, QueueFault, QueueFeatures } from './queue.js';
export { SplitDeviceQueue, type SplitRing } from './split-device.js';
export { SplitDriverQueue } from './split-driver.js';
