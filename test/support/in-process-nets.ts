// Network devices in the test's own process, so that what they copy and count is known to the test; the taps of theirs in a namespace. For tests alone.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { Loop } from '../../src/transport/loop.js';
import type { DeviceState } from '../../src/vhost/device-state.js';
import type { NetCounts } from '../../src/vhost/net/net-device.js';
import { Nets, type NetsOptions } from '../../src/vhost/net/nets.js';
import type { UplinkCounts } from '../../src/vhost/net/uplink.js';
import type { XdpCounts } from '../../src/vhost/net/xdp-interface.js';
import { macBytes } from './net-packets.js';

/** Devices that are offered, by their sockets. */
export interface InProcessNets {
  readonly sockets: readonly string[];
  /** What was said of them. */
  readonly said: readonly string[];
  /** What was counted of a device. */
  counts(device?: number): NetCounts;
  /** How a device stands. */
  state(device?: number): DeviceState;
  /** What was counted of their way out, where several have one. */
  uplink(): UplinkCounts | undefined;
  /** What was counted of the network device that they lead out by. */
  xdp(): XdpCounts | undefined;
  /** Ends them. */
  close(): Promise<void>;
}

/** Offers devices. @param space the namespace that they are opened in */
export function startNets(
  devices: number,
  link: Partial<NetsOptions['link']>,
  {
    pairs = 1,
    mtu,
    space,
    engine = 'epoll',
  }: {
    readonly pairs?: number;
    readonly mtu?: number;
    readonly space?: { readonly path: string };
    readonly engine?: 'uring' | 'epoll';
  } = {},
): InProcessNets {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-nets-'));
  const sockets = Array.from({ length: devices }, (_, index) => join(folder, `net${index}.sock`));
  const loop = new Loop(engine);
  const said: string[] = [];
  const offers = sockets.map((path, index) => ({
    place: { kind: 'socket', path, mode: 0o600 } as const,
    name: `guest ${index}`,
    mac: macBytes(`52:54:00:00:00:0${index + 1}`),
  }));
  const whole = { echo: false, tap: undefined, xdp: undefined, isolate: false, ...link };
  const options: NetsOptions = { offers, pairs, mtu, memory: {}, link: whole };
  const open = (): Nets =>
    new Nets(
      loop,
      options,
      (sentence) => said.push(sentence),
      () => {},
    );
  const nets = space === undefined ? open() : inNetworkNamespace(space.path, open);
  loop.attach();
  return {
    sockets,
    said,
    counts: (device = 0) => nets.counts().devices[device]!.counts,
    state: (device = 0) => nets.counts().devices[device]!.state,
    uplink: () => nets.counts().uplink,
    xdp: () => nets.counts().xdp,
    close: () =>
      new Promise((resolve) => {
        nets.close(() => {
          rmSync(folder, { recursive: true, force: true });
          resolve();
          // At the end of the turn.
          loop.close();
        });
      }),
  };
}
