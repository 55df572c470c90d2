// Links: what the devices of one process are joined to: each to itself, one to a tap, or all to a switch, with a tap perhaps. Not here: how packets
// go (echo.ts, tap-port.ts, switch.ts).

import { coded } from '../../text/coded.js';
import type { Loop } from '../../transport/loop.js';
import { mtuOfFrame } from '../../xdp/xdp-device.js';
import { Echo } from './echo.js';
import { GuestPort } from './guest-port.js';
import type { JoinedPeer } from './joined-peer.js';
import { everyOffload, type Offloads } from './net-header.js';
import { Switch } from './switch.js';
import { Tap } from './tap.js';
import { TapPort } from './tap-port.js';
import { Uplink, type UplinkCounts } from './uplink.js';
import { XdpInterface } from './xdp-interface.js';
import { XdpPort } from './xdp-port.js';
import { XdpUplink } from './xdp-uplink.js';

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
  /** A network device of the host, whose packets are taken by AF_XDP. */
  readonly xdp: string | undefined;
  /** Guests reach the way out, and not each other. */
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
  /** The network device that it leads out by, where that is one of AF_XDP. */
  readonly xdp?: XdpInterface | undefined;
  /** Lets go of it. */
  close(): void;
}

/** What leads out of this process: a tap, or a network device behind AF_XDP. */
interface WayOut {
  readonly words: string;
  readonly hint: string | undefined;
  readonly mtu: number;
  /** How it takes longer packets: a fix. */
  readonly fix: (mtu: number) => string;
  /** What packets of guests may leave unfinished. */
  readonly accepts: Offloads;
  /** What was counted of it beside its packets. */
  readonly xdp?: XdpInterface;
  /** It as the other side of one device, or of a switch. */
  port(): JoinedPeer;
  uplink(of: Switch): { readonly counts: UplinkCounts; close(): void };
  close(): void;
}

function tapOut(loop: Loop, name: string, pairs: number, say: (sentence: string) => void): WayOut {
  const tap = new Tap(name, pairs);
  return {
    words: `${name} (MTU ${tap.mtu})`,
    hint: tap.isUp ? undefined : `${name} is down, and takes no packets: ip link set ${name} up`,
    mtu: tap.mtu,
    fix: (mtu) =>
      `make the tap first (ip tuntap add dev ${name} mode tap multi_queue && ip link set ${name} mtu ${mtu})`,
    accepts: tap.accepts,
    port: () => new TapPort(loop, tap, say),
    uplink: (of) => new Uplink(loop, tap, of, say),
    close: () => tap.close(),
  };
}

function xdpOut(loop: Loop, name: string, say: (sentence: string) => void): WayOut {
  const xdp = new XdpInterface(name);
  return {
    words: `${name} (MTU ${xdp.mtu}) by AF_XDP: ${xdp.how}`,
    hint: xdp.hint,
    mtu: xdp.mtu,
    fix: (mtu) => `make it longer (ip link set ${name} mtu ${mtu}), up to ${mtuOfFrame(4096)}`,
    accepts: everyOffload,
    xdp,
    port: () => new XdpPort(loop, xdp, say),
    uplink: (of) => new XdpUplink(loop, xdp, of, say),
    close: () => xdp.close(),
  };
}

/** Opens what devices are joined to. @throws Error where the way out cannot be had: why, and its fix */
export function openLink(loop: Loop, options: LinkOptions, say: (sentence: string) => void): Link {
  const { devices, pairs, echo, isolate, mtu, tap, xdp } = options;
  const closeAll = (peers: readonly JoinedPeer[]) => () => {
    for (const peer of peers) peer.close();
  };
  if (echo) {
    const peers = Array.from({ length: devices }, () => new Echo());
    return { to: 'every packet goes back', hint: undefined, mtu: undefined, peers, close: closeAll(peers) };
  }
  const out =
    tap !== undefined ? tapOut(loop, tap, pairs, say) : xdp !== undefined ? xdpOut(loop, xdp, say) : undefined;
  if (out !== undefined && mtu !== undefined && mtu > out.mtu) {
    out.close();
    throw coded(
      'CLEARWAY_NET',
      new Error(`--mtu ${mtu} is more than ${tap ?? xdp} takes (${out.mtu}): ${out.fix(mtu)}, or say --mtu with less`),
    );
  }
  const rest = { hint: out?.hint, mtu: out?.mtu, xdp: out?.xdp };
  if (out !== undefined && devices === 1) {
    const peers = [out.port()];
    return { to: `joined to ${out.words}`, peers, close: closeAll(peers), ...rest };
  }
  const all = new Switch(loop, isolate);
  const uplink = out?.uplink(all);
  const peers = Array.from({ length: devices }, () => new GuestPort(all, out?.accepts ?? everyOffload));
  const close = (): void => {
    closeAll(peers)();
    uplink?.close();
  };
  const guests = `${devices} guests`;
  const to = isolate ? `${guests} on ${out?.words}, not joined to each other` : `${guests} on a switch`;
  const words = isolate || out === undefined ? to : `${to} with ${out.words}`;
  return { to: words, peers, uplink: uplink?.counts, close, ...rest };
}
