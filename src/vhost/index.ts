// clearway/virtio: virtqueues of both layouts, device side and driver side, the Domain that addresses go through, and the front end of vhost-user,
// for people who build their own devices and drivers. Not here: a path for imports from within (those name the files).

export * from '../virtio/index.js';
export { BlockFeature, BlockRequest, BlockStatus } from './block/numbers.js';
export { BlockDriver, type BlockDriverOptions } from './front-end/block-driver.js';
export { FrontEnd, type FrontEndOptions, type StartOptions } from './front-end/front-end.js';
export { FrontEndError } from './front-end/front-end-error.js';
export { FrontQueue } from './front-end/front-queue.js';
export { GuestMemory } from './front-end/guest-memory.js';
export { NetDriver, type NetDriverOptions, type ReceivedFrame } from './front-end/net-driver.js';
export { NetFeature } from './net/net-features.js';
export { netHeaderBytes } from './net/net-header.js';
