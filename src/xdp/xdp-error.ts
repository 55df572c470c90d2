// What keeps packets of a network device from being taken: why, and how to fix it, in a sentence. Not here: who asks the kernel (xdp-socket.ts,
// xdp-program.ts).

import { RefusedError } from '../bpf/refusals.js';
import { Errno, errnoName, errnoWords } from '../kernel/errno.js';
import { shown } from '../text/shown.js';

/** Stable names of what is in the way. */
export type XdpReason =
  | 'no-device'
  | 'no-queue'
  | 'busy-queue'
  | 'other-program'
  | 'missing-capability'
  | 'no-kernel-support'
  | 'memory-limit'
  | 'memory'
  | 'other';

/** See the file's head. `reason` is stable. */
export class XdpError extends Error {
  override readonly name = 'XdpError';
  readonly code = 'CLEARWAY_XDP';
  readonly reason: XdpReason;

  constructor(reason: XdpReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const rights =
  'run as root (sudo), or give the service CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (AmbientCapabilities= in systemd)';

/** There is no such device. */
export function noDevice(name: string): XdpError {
  return new XdpError('no-device', `there is no network device ${shown(name)} here: \`ip link\` lists them`);
}

/** A call on a socket failed. @param step what was tried: `socket`, `memory`, `ring` or `bind` */
export function socketRefused(
  errno: number,
  step: 'socket' | 'memory' | 'ring' | 'bind',
  device: string,
  queue: number,
): XdpError {
  const where = `queue ${queue} of ${device}`;
  if (errno === Errno.EPERM || errno === Errno.EACCES)
    return new XdpError('missing-capability', `AF_XDP on ${device} is not permitted to this process: ${rights}`);
  if (errno === Errno.EAFNOSUPPORT || (step === 'socket' && errno === Errno.EINVAL))
    return new XdpError('no-kernel-support', 'this kernel has no AF_XDP: boot one with CONFIG_XDP_SOCKETS=y');
  if (step === 'ring' && errno === Errno.EOPNOTSUPP)
    return new XdpError('no-kernel-support', 'this kernel is too old for AF_XDP as it is used here: use 5.4 or newer');
  if (step === 'memory' && errno === Errno.ENOBUFS)
    return new XdpError(
      'memory-limit',
      `the limit on locked memory is too low for the packets of ${device}: raise it (ulimit -l unlimited; LimitMEMLOCK=infinity in systemd), or give the process CAP_IPC_LOCK`,
    );
  if (errno === Errno.ENOMEM)
    return new XdpError('memory', `there is not enough memory for the packets of ${device}: free some`);
  if (step === 'bind' && errno === Errno.EBUSY)
    return new XdpError(
      'busy-queue',
      `another AF_XDP socket has ${where}: end the program that holds it, or choose another device`,
    );
  if (step === 'bind' && errno === Errno.EINVAL)
    return new XdpError('no-queue', `${device} has no queue ${queue}: \`ethtool -l ${device}\` says how many it has`);
  if (step === 'bind' && (errno === Errno.ENODEV || errno === Errno.ENXIO)) return noDevice(device);
  return new XdpError('other', `${where} cannot be opened (${step}): ${errnoWords(errno)} (${errnoName(errno)})`);
}

/** The program was refused, or its map, or its place. */
export function programRefused(error: unknown, device: string): unknown {
  if (!(error instanceof RefusedError)) return error;
  const { reason, says, errnoCode } = error;
  const cause = { cause: error };
  if (reason === 'missing-capability')
    return new XdpError('missing-capability', `XDP on ${device} is not permitted to this process: ${rights}`, cause);
  if (reason === 'busy')
    return new XdpError(
      'other-program',
      `another XDP program is attached to ${device} already: \`bpftool net show dev ${device}\` names it; take it off (ip link set dev ${device} xdp off, where it was put there that way), or end what holds it`,
      cause,
    );
  const errno = errnoCode === undefined ? '' : ` (${errnoCode})`;
  return new XdpError('other', `XDP on ${device}: ${says}${errno}; ${error.remedy}`, cause);
}
