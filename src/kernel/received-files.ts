// Descriptors of files that come one by one over a Unix socket, each with a number (SCM_RIGHTS), for a loop that allocates nothing: everything that recvmsg(2)
// is told stands in memory that was written before. The sender's side is pass-descriptors.ts. Not here: what the numbers mean (audio/pump/file-slots.ts).

import { MSG, SCM, SOL } from './constants.js';
import { syscall3 } from './ffi.js';
import { msghdr } from './layouts-socket.js';
import { type KeptAddress, keepAddress, MAP, mapMemory, PROT } from './memory.js';
import { sys } from './numbers.js';

const vectorAt = 64;
const controlAt = 96;
const controlBytes = 24;
const numberAt = 128;

/** See the file's head. */
export class ReceivedFiles {
  /** The number that came with the last descriptor. */
  number = 0;
  readonly #socket: number;
  readonly #words: Int32Array;
  readonly #header: KeptAddress;

  /** @param socket a Unix socket; it stays the caller's */
  constructor(socket: number) {
    const { address, buffer } = mapMemory(4096, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    this.#socket = socket;
    this.#header = keepAddress(address);
    this.#words = new Int32Array(buffer, 0, numberAt / 4 + 1);
    const data = new DataView(buffer);
    const { fields } = msghdr;
    data.setBigUint64(fields.msg_iov.offset, BigInt(address + vectorAt), true);
    data.setBigUint64(fields.msg_iovlen.offset, 1n, true);
    data.setBigUint64(fields.msg_control.offset, BigInt(address + controlAt), true);
    data.setBigUint64(vectorAt, BigInt(address + numberAt), true);
    data.setBigUint64(vectorAt + 8, 4n, true);
  }

  /** The next descriptor, which is the caller's to close then; {@link number} is what came with it. -1: none is there, or the other side is gone. */
  take(): number {
    const words = this.#words;
    const { fields } = msghdr;
    words[fields.msg_controllen.offset >> 2] = controlBytes;
    words[fields.msg_flags.offset >> 2] = 0;
    const got = syscall3(sys.recvmsg, this.#socket, this.#header[0], MSG.DONTWAIT | MSG.CMSG_CLOEXEC);
    const control = controlAt >> 2;
    if (got !== 4 || words[fields.msg_controllen.offset >> 2]! < 20) return -1;
    if (words[control + 2] !== SOL.SOCKET || words[control + 3] !== SCM.RIGHTS) return -1;
    this.number = words[numberAt >> 2]!;
    return words[control + 4]!;
  }
}
