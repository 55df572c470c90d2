// Sound devices by system calls: opening, ioctl(2), and mapping what a driver shares. Values are -errno where nothing else is said, so that a
// stand-in can take the place of all of it (alsa/fake-sound.ts). Not here: what the requests mean (alsa/).

import { AT, F, O } from './constants.js';
import { syscall3, syscall6, viewMemory } from './ffi.js';
import { cString, MAP, type Mapping, mapAddresses, unmapMemory } from './memory.js';
import { sys } from './numbers.js';

/** The calls that sound devices take. */
export interface SoundCalls {
  /** open(2), O_CLOEXEC; a device that is taken answers -EBUSY and does not make the caller wait. */
  open(path: string): number;
  /** close(2). */
  close(fd: number): void;
  /** Whether calls on it wait, DRAIN among them. */
  setBlocking(fd: number, blocking: boolean): number;
  /** ioctl(2); `argument` is the address of the request's structure, or the value itself where it has one. */
  request(fd: number, request: number, argument: number): number;
  /** mmap(2), shared, of what `offset` selects. */
  map(fd: number, offset: number, length: number, protection: number): Mapping | number;
  /** munmap(2). */
  unmap(mapping: Mapping): void;
}

/** The host's own. */
export const hostSoundCalls: SoundCalls = {
  open: (path) => syscall6(sys.openat, AT.FDCWD, cString(path), O.RDWR | O.NONBLOCK | O.CLOEXEC),
  close: (fd) => {
    syscall3(sys.close, fd);
  },
  setBlocking: (fd, blocking) => {
    const flags = syscall3(sys.fcntl, fd, F.GETFL);
    if (flags < 0) return flags;
    return syscall3(sys.fcntl, fd, F.SETFL, blocking ? flags & ~O.NONBLOCK : flags | O.NONBLOCK);
  },
  request: (fd, request, argument) => syscall3(sys.ioctl, fd, request, argument),
  map: (fd, offset, length, protection) => {
    const address = mapAddresses(length, protection, MAP.SHARED, fd, offset);
    return address < 0 ? address : { address, length, buffer: viewMemory(address, length) };
  },
  unmap: unmapMemory,
};
