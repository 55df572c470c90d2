// clearway/xdp: packets of a network device in memory of the process, through the rings of AF_XDP, behind a guard, for people who build their own
// stacks and tools. Not here: a path for imports from within (those name the files).

export type { XdpRingName, XdpStatistics } from '../kernel/xdp.js';
export type { XdpFeatures } from '../kernel/xdp-features.js';
export { Region, type RegionOptions } from '../memory/region.js';
export { type FrameBytes, type FrameFault, FrameGuard } from './frame-guard.js';
export { PacketRings, type PacketTaker } from './packet-rings.js';
export { XdpAttachment, type XdpAttachmentOptions, type XdpChoice } from './xdp-attachment.js';
export { frameBytesFor, mtuOfFrame, type XdpDevice, xdpDevice } from './xdp-device.js';
export { XdpError, type XdpReason } from './xdp-error.js';
export { wasmMemory, type XdpMemory } from './xdp-memory.js';
export {
  type XdpRingEntries,
  type XdpRingPlace,
  XdpSocket,
  type XdpSocketOptions,
  xdpRingBytes,
} from './xdp-socket.js';
