// Pairs of network devices (veth) in a network namespace that this process has for itself: one end for our own TCP/IP, the other is the kernel's, with an address of the
// same network. They go with the process. For tests alone.

import { spawnSync } from 'node:child_process';
import { CLONE } from '../../src/kernel/constants.js';
import { platformIsLinux, syscall3 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';
import { check } from '../../src/kernel/system-error.js';
import { XdpAttachment } from '../../src/xdp/xdp-attachment.js';
import { xdpDevice } from '../../src/xdp/xdp-device.js';

let isAlone = false;
let made = 0;
let refusal: string | false | undefined;

/** Runs `ip`. @throws Error with what it said */
export function ip(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`ip ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** From now on this thread, and what it starts, is in a network namespace of its own. @throws SystemError without the right */
export function enterOwnNetwork(): void {
  if (isAlone) return;
  check(syscall3(sys.unshare, CLONE.NEWNET), 'unshare', 'a network namespace');
  isAlone = true;
  ip('link', 'set', 'lo', 'up');
}

/** A pair of devices, and addresses at its two ends. */
export interface VethPair {
  /** The device for our own TCP/IP, and its address there with the network. */
  readonly device: string;
  readonly address: string;
  readonly host: string;
  /** The kernel's end. */
  readonly peer: string;
  readonly peerHost: string;
  remove(): void;
}

/** Makes a pair. @param queues of the device. @throws Error with what `ip` said */
export function makeVethPair(queues = 1): VethPair {
  enterOwnNetwork();
  const number = made++;
  const [device, peer] = [`bypass${number}`, `peer${number}`];
  const network = `10.${100 + (number >> 8)}.${number & 0xff}`;
  const many = ['numrxqueues', `${queues}`, 'numtxqueues', `${queues}`];
  ip('link', 'add', device, ...many, 'type', 'veth', 'peer', 'name', peer, ...many);
  ip('address', 'add', `${network}.1/24`, 'dev', peer);
  ip('link', 'set', device, 'up');
  ip('link', 'set', peer, 'up');
  const host = `${network}.2`;
  return {
    ...{ device, host, peer },
    address: `${host}/24`,
    peerHost: `${network}.1`,
    remove: () => void spawnSync('ip', ['link', 'delete', device]),
  };
}

/** Why there is no XDP on such devices here; false where there is. */
export function bypassRefused(): string | false {
  if (refusal !== undefined) return refusal;
  refusal = findRefusal();
  return refusal;
}

function findRefusal(): string | false {
  if (!platformIsLinux) return 'needs Linux';
  if (process.getuid?.() !== 0) return 'our own TCP/IP needs root';
  try {
    const pair = makeVethPair();
    try {
      const { ifindex } = xdpDevice(pair.device);
      new XdpAttachment({ device: pair.device, ifindex, sockets: [], take: 'chosen' }).detach();
    } finally {
      pair.remove();
    }
    return false;
  } catch (error) {
    return `no XDP on veth here: ${(error as Error).message}`;
  }
}
