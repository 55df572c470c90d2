// A network device as AF_XDP finds it: its number, its queues, what its driver can do, and the frames that its packets fit into. Not here: using it.

import {
  type DeviceDriver,
  deviceDriver,
  deviceState,
  hasHostAddress,
  receiveQueues,
} from '../kernel/network-device.js';
import { type XdpFeatures, xdpFeatures } from '../kernel/xdp-features.js';
import type { FrameBytes } from './frame-guard.js';
import { noDevice } from './xdp-error.js';

/** See the file's head. */
export interface XdpDevice {
  readonly name: string;
  readonly ifindex: number;
  readonly isUp: boolean;
  /** The longest packet without its Ethernet header. */
  readonly mtu: number;
  /** Queues that it receives on. */
  readonly queues: number;
  readonly driver: DeviceDriver;
  /** What the driver says that it can do; undefined: the kernel does not tell (before 6.3). */
  readonly features: XdpFeatures | undefined;
  /** The host has an address of IPv4 on it. */
  readonly hasHostAddress: boolean;
}

/** Looks at a device of this thread's network namespace. @throws XdpError where there is none of that name */
export function xdpDevice(name: string): XdpDevice {
  const state = deviceState(name);
  if (state === undefined) throw noDevice(name);
  const { index: ifindex, isUp, mtu } = state;
  return {
    ...{ name, ifindex, isUp, mtu },
    queues: receiveQueues(name),
    driver: deviceDriver(name),
    features: xdpFeatures(ifindex),
    hasHostAddress: hasHostAddress(name),
  };
}

/** XDP_PACKET_HEADROOM (linux/bpf.h): what the kernel leaves free before each packet. */
const kernelHeadroom = 256;
/** Ethernet's header, and two tags of VLANs. */
const linkBytes = 14 + 8;

/** The frames that packets of an MTU fit into: the shorter ones where they do. */
export function frameBytesFor(mtu: number): FrameBytes {
  return mtu + linkBytes + kernelHeadroom <= 2048 ? 2048 : 4096;
}

/** The longest packet, without its Ethernet header, that a frame has room for. */
export function mtuOfFrame(frameBytes: FrameBytes): number {
  return frameBytes - kernelHeadroom - linkBytes;
}
