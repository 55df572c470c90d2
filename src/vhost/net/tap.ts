// Tap: a network device of the host whose other end is ours, with as many queues as there are pairs. What keeps it from being opened is said with
// its fix. Not here: its packets (tap-queue.ts), whom it is joined to (tap-port.ts).

import { Errno, errnoWords } from '../../kernel/errno.js';
import { deviceState, isDeviceName, mostNameLetters } from '../../kernel/network-device.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { joinTap, openTunDevice, setTapHeaderBytes, setTapOffloads, TapOffload } from '../../kernel/tap.js';
import { netHeaderBytes, type Offloads } from './net-header.js';

/** A tap that cannot be had: why, and how to fix it, in a sentence. */
class TapError extends Error {
  override readonly name = 'TapError';
  readonly code = 'CLEARWAY_NET';
}

const allOffloads = TapOffload.checksum | TapOffload.tso4 | TapOffload.tso6;

function openQueue(name: string): number {
  try {
    return openTunDevice();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const fix =
      code === 'EACCES' || code === 'EPERM'
        ? 'give this user access to it (chmod 666 /dev/net/tun), or run as root'
        : 'load its module (modprobe tun), and give it to a container (--device /dev/net/tun)';
    throw new TapError(`${name} needs /dev/net/tun, which cannot be opened (${code}): ${fix}`);
  }
}

function joinTrouble(name: string, errno: number, queues: number): string {
  switch (errno) {
    case Errno.EPERM:
      return `making ${name} needs CAP_NET_ADMIN: run as root, or make it for this user (ip tuntap add dev ${name} mode tap multi_queue user $USER)`;
    case Errno.EBUSY:
      return `${name} is in use by another process: end that one, or choose another name`;
    case Errno.EINVAL:
      return queues > 1
        ? `${name} is there and has not several queues, or is no tap: make it anew (ip tuntap add dev ${name} mode tap multi_queue), or say --pairs 1`
        : `${name} is there and is no tap: choose another name`;
    case Errno.E2BIG:
      return `${name} has fewer queues than --pairs ${queues} needs: say --pairs with less`;
    default:
      return `${name} cannot be opened as a tap: ${errnoWords(errno)}`;
  }
}

/** See the file's head. It owns the descriptors until they are taken. */
export class Tap {
  readonly name: string;
  /** A descriptor for each queue. */
  readonly descriptors: readonly number[];
  /** What packets that are written may leave unfinished. */
  readonly accepts: Offloads;
  /** The longest packet, without its Ethernet header. */
  readonly mtu: number;
  /** Whether it is up: packets go through it only then. */
  readonly isUp: boolean;

  /** Opens the tap, or makes it, for as long as it is open. @throws TapError */
  constructor(name: string, queues: number) {
    this.name = name;
    if (!isDeviceName(name))
      throw new TapError(
        `${JSON.stringify(name)} is no name of a network device: up to ${mostNameLetters} letters, without / : and %`,
      );
    const descriptors: number[] = [];
    try {
      for (let index = 0; index < queues; index++) {
        descriptors.push(openQueue(name));
        this.#join(descriptors[index]!, queues);
      }
      const [first] = descriptors as [number];
      const hasUso = setTapOffloads(first, allOffloads | TapOffload.uso) >= 0;
      this.accepts = { checksum: true, tso4: true, tso6: true, uso: hasUso };
      setTapOffloads(first, 0);
      const state = deviceState(name);
      this.mtu = state?.mtu ?? 1500;
      this.isUp = state?.isUp === true;
    } catch (error) {
      for (const fd of descriptors) closeDescriptor(fd);
      throw error;
    }
    this.descriptors = descriptors;
  }

  #join(fd: number, queues: number): void {
    let result = joinTap(fd, this.name, true);
    // One that was made with a single queue does for one pair.
    if (result === -Errno.EINVAL && queues === 1) result = joinTap(fd, this.name, false);
    if (result < 0) throw new TapError(joinTrouble(this.name, -result, queues));
    const header = setTapHeaderBytes(fd, netHeaderBytes);
    if (header < 0)
      throw new TapError(`${this.name} takes no headers of ${netHeaderBytes} bytes: ${errnoWords(-header)}`);
  }

  /** Says what packets that are read may leave unfinished. */
  offer({ checksum, tso4, tso6, uso }: Offloads): void {
    const bits =
      (checksum ? TapOffload.checksum : 0) |
      (tso4 ? TapOffload.tso4 : 0) |
      (tso6 ? TapOffload.tso6 : 0) |
      (uso && this.accepts.uso ? TapOffload.uso : 0);
    setTapOffloads(this.descriptors[0]!, bits);
  }

  /** Lets go of the descriptors, where nobody took them. */
  close(): void {
    for (const fd of this.descriptors) closeDescriptor(fd);
  }
}
