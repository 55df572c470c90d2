// Links: what the devices of one process are joined to: each to itself, one to a tap, or all to a switch, with a tap perhaps. Not here: how packets
// go (echo.ts, tap-port.ts, switch.ts).

import type { Loop } from '../../transport/loop.js';
import { Echo } from './echo.js';
import { GuestPort } from './guest-port.js';
import type { JoinedPeer } from './joined-peer.js';
import type { Offloads } from './net-header.js';
import { Switch } from './switch.js';
import { Tap } from './tap.js';
import { TapPort } from './tap-port.js';
import { Uplink, type UplinkCounts } from './uplink.js';

/** What devices are to be joined to. */
export interface LinkOptions {
  /** Devices. */
  readonly devices: number;
  /** Pairs of queues of each at most. */
  readonly pairs: number;
  /** The longest packet that guests are told of; undefined: what the link takes. */
  readonly mtu: number | undefined;
  /** Each to itself: every packet comes back. */
  readonly echo: boolean;
  /** A tap of the host. */
  readonly tap: string | undefined;
  /** Guests reach the tap, and not each other. */
  readonly isolate: boolean;
}

/** What devices are joined to. */
export interface Link {
  /** What it is, in words, and what the operator has to do still. */
  readonly to: string;
  readonly hint: string | undefined;
  /** The longest packet that it takes, without its Ethernet header; undefined: any. */
  readonly mtu: number | undefined;
  /** What each device is joined to. */
  readonly peers: readonly JoinedPeer[];
  /** What was counted of the way out of several guests. */
  readonly uplink?: UplinkCounts | undefined;
  /** Lets go of it. */
  close(): void;
}

const everything: Offloads = { checksum: true, tso4: true, tso6: true, uso: true };

/** Opens what devices are joined to. @throws Error where the tap cannot be had: why, and its mend */
export function openLink(loop: Loop, options: LinkOptions, say: (sentence: string) => void): Link {
  const { devices, pairs, echo, isolate, mtu } = options;
  const closeAll = (peers: readonly JoinedPeer[]) => () => {
    for (const peer of peers) peer.close();
  };
  if (echo) {
    const peers = Array.from({ length: devices }, () => new Echo());
    return { to: 'every packet goes back', hint: undefined, mtu: undefined, peers, close: closeAll(peers) };
  }
  const tap = options.tap === undefined ? undefined : new Tap(options.tap, pairs);
  if (tap !== undefined && mtu !== undefined && mtu > tap.mtu) {
    tap.close();
    throw new Error(
      `--mtu ${mtu} is more than ${tap.name} takes (${tap.mtu}): make the tap first (ip tuntap add dev ${tap.name} mode tap multi_queue && ip link set ${tap.name} mtu ${mtu}), or say --mtu with less`,
    );
  }
  const rest = {
    hint: tap?.isUp === false ? `${tap.name} is down, and takes no packets: ip link set ${tap.name} up` : undefined,
    mtu: tap?.mtu,
  };
  const toTap = tap === undefined ? '' : `${tap.name} (MTU ${tap.mtu})`;
  if (tap !== undefined && devices === 1) {
    const peers = [new TapPort(loop, tap, say)];
    return { to: `joined to ${toTap}`, peers, close: closeAll(peers), ...rest };
  }
  const all = new Switch(loop, isolate);
  const uplink = tap === undefined ? undefined : new Uplink(loop, tap, all, say);
  const peers = Array.from({ length: devices }, () => new GuestPort(all, tap?.accepts ?? everything));
  const close = (): void => {
    closeAll(peers)();
    uplink?.close();
  };
  const guests = `${devices} guests`;
  const to = isolate ? `${guests} on ${toTap}, not joined to each other` : `${guests} on a switch`;
  const words = isolate || tap === undefined ? to : `${to} with ${toTap}`;
  return { to: words, peers, uplink: uplink?.counts, close, ...rest };
}
