// The ways around the kernel on this host: packet rings (AF_XDP), guests (KVM) and their network devices (taps).
// Not here: BPF programs, which AF_XDP needs beside the socket (bpf/probe.ts).

import { closeSync, openSync } from 'node:fs';
import { AF, SOCK } from './constants.js';
import { Errno, errnoName } from './errno.js';
import { syscall3 } from './ffi.js';
import { deviceNames, deviceState } from './network-device.js';
import { sys } from './numbers.js';
import type { Outcome, Probe } from './probe.js';
import { processStatus } from './proc.js';
import { closeDescriptor } from './socket.js';
import { openTunDevice } from './tap.js';
import { xdpFeatures } from './xdp-features.js';

/** Devices that are told of in a line. */
const mostDevices = 4;

/** What the driver of each network device can do of XDP, in words; loopback is none. */
function xdpDevices(): (readonly [name: string, can: string])[] {
  const found: (readonly [string, string])[] = [];
  for (const name of deviceNames()) {
    const state = deviceState(name);
    if (state === undefined || name === 'lo') continue;
    const features = xdpFeatures(state.index);
    if (features === undefined) found.push([name, 'unknown (before Linux 6.3)']);
    else if (features.isZeroCopy) found.push([name, 'can do without a copy']);
    else found.push([name, features.redirects ? 'with a copy' : 'with a copy, in the slower path']);
  }
  return found;
}

function examineXdpSocket(): Outcome {
  const fd = syscall3(sys.socket, AF.XDP, SOCK.RAW | SOCK.CLOEXEC, 0);
  if (fd >= 0) {
    closeDescriptor(fd);
    const devices = xdpDevices();
    const facts = Object.fromEntries(devices);
    const said = devices.map(([name, can]) => `${name} ${can}`).slice(0, mostDevices);
    const detail = `sockets open${said.length === 0 ? '' : `; ${said.join(', ')}`}`;
    return { state: 'yes', detail, facts };
  }
  const cost = 'frames travel through the whole network stack, and are copied there; clearway net has --tap only';
  const detail = `socket(AF_XDP) gives ${errnoName(-fd)}`;
  if (fd === -Errno.EPERM || fd === -Errno.EACCES) {
    const remedy = 'run with sudo, or grant the service CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (AmbientCapabilities=)';
    return { state: 'no', detail, cost, remedy, facts: { reason: 'missing-capability' } };
  }
  const remedy = 'boot a kernel with CONFIG_XDP_SOCKETS=y';
  return { state: 'no', detail, cost, remedy, facts: { reason: 'absent' } };
}

/** KVM_GET_API_VERSION: 12 for every kernel since 2.6.22 (Documentation/virt/kvm/api.rst). */
const kvmGetApiVersion = 0xae00;

function examineKvm(): Outcome {
  const cost = 'clearway vm and clearway kv --vm do not run; QEMU emulates, many times slower';
  if (process.arch !== 'x64') {
    const detail = `guests are for x86-64, and this host is ${process.arch}`;
    return { state: 'no', detail, cost, remedy: 'run them on an x86-64 host', facts: { reason: 'architecture' } };
  }
  let fd: number;
  try {
    fd = openSync('/dev/kvm', 'r+');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const denied = code === 'EACCES' || code === 'EPERM';
    return {
      state: 'no',
      detail: `/dev/kvm: ${code}`,
      cost,
      remedy: denied
        ? 'sudo usermod -aG kvm "$USER", then log in again'
        : 'sudo modprobe kvm_intel || sudo modprobe kvm_amd (and switch on virtualisation in the firmware, or nesting on the host)',
      facts: { reason: denied ? 'permission' : 'absent', error: code },
    };
  }
  try {
    const version = syscall3(sys.ioctl, fd, kvmGetApiVersion, 0);
    const facts = { apiVersion: version };
    if (version === 12) return { state: 'yes', detail: 'API version 12', facts };
    const detail = version < 0 ? `KVM_GET_API_VERSION gives ${errnoName(-version)}` : `API version ${version}, not 12`;
    return { state: 'no', detail, cost, remedy: 'boot a kernel of the last ten years', facts };
  } finally {
    closeSync(fd);
  }
}

function examineTap(): Outcome {
  const cost = 'clearway net joins guests to each other, and not to the host';
  let fd: number;
  try {
    fd = openTunDevice();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const denied = code === 'EACCES' || code === 'EPERM';
    const remedy = denied
      ? 'sudo chmod 666 /dev/net/tun, as most systems have it: what may be done with it is checked behind'
      : 'sudo modprobe tun; a container needs --device /dev/net/tun';
    const facts = { reason: denied ? 'permission' : 'absent', error: code };
    return { state: 'no', detail: `/dev/net/tun: ${code}`, cost, remedy, facts };
  }
  closeDescriptor(fd);
  if (processStatus().capabilities.has('CAP_NET_ADMIN')) return { state: 'yes', detail: 'taps can be made' };
  return {
    state: 'limited',
    detail: 'taps that are there can be opened, by their owner',
    cost: 'clearway net --tap makes none',
    remedy: 'sudo ip tuntap add dev tap0 mode tap multi_queue user "$USER"',
    facts: { reason: 'missing-capability' },
  };
}

/** Probes of kernel bypass and virtualisation. */
export const bypassProbes: readonly Probe[] = [
  {
    ...{ id: 'af_xdp', group: 'bypass', what: 'AF_XDP' },
    meaning:
      'Packets pass between a network device and our memory through rings: clearway serve --bypass, clearway net --xdp, clearway/xdp.',
    examine: examineXdpSocket,
  },
  {
    ...{ id: 'kvm', group: 'bypass', what: 'KVM' },
    meaning:
      'Virtual machines: clearway vm and clearway kv --vm run in them; clearway disk and clearway net serve those of QEMU, and work without.',
    examine: examineKvm,
  },
  {
    ...{ id: 'tap', group: 'bypass', what: 'taps' },
    meaning: 'Network devices whose other end is a guest: clearway net --tap.',
    examine: examineTap,
  },
];
