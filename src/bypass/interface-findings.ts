// What each network interface of this host can do for `--bypass`, in plain words with the fix, as `clearway doctor` shows it. It asks, and changes nothing. Not here: whether
// sockets of AF_XDP can be opened at all (kernel/probe-bypass.ts).

import { deviceOffloads } from '../kernel/ethtool.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { deviceLinkAddress, deviceNames } from '../kernel/network-device.js';
import type { Finding, Outcome } from '../kernel/probe.js';
import { type XdpDevice, xdpDevice } from '../xdp/xdp-device.js';
import { mostMtu } from './frame-room.js';

/** Interfaces that are told of. */
const mostInterfaces = 16;
const capableDrivers = 'ice, i40e, ixgbe, igc, mlx5_core and others';

/** What a device is, in a few words. */
function whatItIs({ driver, queues, mtu }: XdpDevice, offloads: readonly string[]): string {
  const name = driver.name === '' ? 'no driver that says its name' : driver.name;
  const many = queues === 1 ? '1 queue' : `${queues} queues, a worker for each`;
  const does =
    offloads.length === 0 ? '' : `; the kernel has it do ${offloads.join(', ')}, which the stack does without`;
  return `${name}, ${many}, MTU ${mtu}${does}`;
}

/** What stands in the way, or what it costs, first things first; undefined: nothing. */
function shortcoming(device: XdpDevice): Pick<Outcome, 'state' | 'cost' | 'remedy'> | undefined {
  const { name, isUp, mtu, features } = device;
  const mac = deviceLinkAddress(name);
  if (mac === undefined || mac.every((byte) => byte === 0))
    return {
      state: 'no',
      cost: '--bypass does not work on it: it is no Ethernet',
      remedy: 'use an Ethernet interface',
    };
  if (!isUp)
    return { state: 'no', cost: '--bypass is refused while it is down', remedy: `sudo ip link set dev ${name} up` };
  if (mtu > mostMtu)
    return {
      state: 'no',
      cost: `--bypass is refused: packets of more than ${mostMtu} bytes do not fit into a frame`,
      remedy: `sudo ip link set dev ${name} mtu 1500`,
    };
  if (features === undefined)
    return {
      state: 'limited',
      cost: 'the kernel does not say what the driver can do of XDP (before Linux 6.3)',
      remedy: `boot Linux 6.3 or newer, or try it: clearway serve --bypass ${name} says which way packets take`,
    };
  if (!features.redirects)
    return {
      state: 'limited',
      cost: 'packets take the long way through the kernel before they reach us, and are copied there: the driver has no XDP',
      remedy: `use a card whose driver has it: ${capableDrivers}`,
    };
  if (!features.isZeroCopy)
    return {
      state: 'limited',
      cost: 'the kernel copies each packet, and sends in batches of 32 a system call',
      remedy: `use a card whose driver works in our memory: ${capableDrivers}`,
    };
  return undefined;
}

function findingOf(name: string): Finding {
  const device = xdpDevice(name);
  const { driver, queues, mtu, features } = device;
  const on = Object.entries(deviceOffloads(name)).flatMap(([offload, isOn]) => (isOn ? [offload] : []));
  const { state, cost, remedy } = shortcoming(device) ?? { state: 'yes' as const };
  return {
    id: `interface ${name}`,
    group: 'bypass',
    what: name,
    state,
    detail: whatItIs(device, on),
    meaning: 'A network interface: clearway serve --bypass, clearway kv --bypass (with one queue), clearway/bypass.',
    cost: cost ?? null,
    remedy: remedy ?? null,
    facts: {
      ...{ driver: driver.name, isSoftware: driver.isSoftware, queues, mtu, mostMtu, offloads: on },
      isNative: features?.isNative ?? null,
      redirects: features?.redirects ?? null,
      isZeroCopy: features?.isZeroCopy ?? null,
    },
  };
}

/** One finding an interface, loopback left out. Never throws: where the host does not say, there are none. */
export function interfaceFindings(): readonly Finding[] {
  if (!platformIsLinux) return [];
  try {
    const names = deviceNames().filter((name) => name !== 'lo');
    return names.slice(0, mostInterfaces).flatMap((name) => {
      try {
        return [findingOf(name)];
      } catch {
        // It has gone meanwhile, or belongs to another namespace than the list.
        return [];
      }
    });
  } catch {
    return [];
  }
}
