// MappedFile: a file's pages as addresses that the kernel may send from. JavaScript never reads them, there is no ArrayBuffer: a file
// that becomes shorter takes its pages away, which is EFAULT to a system call and the end of a process. It is address space, not
// memory: the pages are the page cache's. Whoever sends looks first whether they are there (transport/page-cache.ts).
//
// Files are mapped in windows, all of a thread's bounded together: the one that was used longest ago goes for a new one.

import { fileEnd } from '../kernel/file.js';
import { mapFileWindow, unmapFileWindow } from '../kernel/memory.js';

/** Two windows hold what is sent of a film at a place; unmapping one that is full of pages takes some 0.1 ms. */
const windowBytes = 8 * 1024 * 1024;
/** 512 MiB of addresses a thread. */
const mostWindows = 64;

/** A window that is mapped. */
class MappedWindow {
  readonly address: number;
  /** When it was used last, in uses of all windows; and the message that it is part of, if it is. */
  used = 0;
  message = 0;

  constructor(
    readonly file: MappedFile,
    readonly index: number,
    address: number,
  ) {
    this.address = address;
  }
}

const windows: MappedWindow[] = [];
let uses = 0;
let message = 0;

/** Forgets the window that was used longest ago and is in no message that is being written. False: there is none. */
function makeRoom(): boolean {
  let oldest: MappedWindow | undefined;
  for (const window of windows) {
    if (window.message !== message && (oldest === undefined || window.used < oldest.used)) oldest = window;
  }
  oldest?.file.unmapWindow(oldest);
  return oldest !== undefined;
}

/** A message is written: the windows that addresses are asked of from now on stay until the next one begins. */
export function beginMappedMessage(): void {
  message++;
}

/** See the file's head. Made for a descriptor that stays open as long as it is used. */
export class MappedFile {
  readonly #fd: number;
  readonly #windows: MappedWindow[] = [];
  #last: MappedWindow | undefined;
  /** What mmap said of the file: none of its windows will be had. */
  #refused = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Bytes from `offset` on whose addresses follow one another. */
  room(offset: number): number {
    return windowBytes - (offset % windowBytes);
  }

  /** The address of the byte at `offset`, for this message of the kernel's; 0 when it cannot be had. */
  address(offset: number): number {
    const index = Math.floor(offset / windowBytes);
    let window = this.#last;
    if (window === undefined || window.index !== index) {
      window = this.#windows.find((each) => each.index === index) ?? this.#map(index);
      if (window === undefined) return 0;
      this.#last = window;
    }
    window.used = ++uses;
    window.message = message;
    return window.address + (offset - index * windowBytes);
  }

  #map(index: number): MappedWindow | undefined {
    if (this.#refused || (windows.length >= mostWindows && !makeRoom())) return undefined;
    const address = mapFileWindow(this.#fd, index * windowBytes, windowBytes);
    if (address < 0) {
      this.#refused = true;
      return undefined;
    }
    const window = new MappedWindow(this, index, address);
    windows.push(window);
    this.#windows.push(window);
    return window;
  }

  /** Whether the file still reaches to `end`: behind its end the last page reads as zeros, which nobody must be sent. */
  reaches(end: number): boolean {
    return fileEnd(this.#fd) >= end;
  }

  /** For makeRoom: unmaps one window. */
  unmapWindow(window: MappedWindow): void {
    if (this.#last === window) this.#last = undefined;
    remove(this.#windows, window);
    remove(windows, window);
    unmapFileWindow(window.address, windowBytes);
  }

  /** Unmaps everything. No system call may be at work with it. */
  unmap(): void {
    while (this.#windows.length > 0) this.unmapWindow(this.#windows[0]!);
  }
}

function remove<T>(list: T[], element: T): void {
  const at = list.indexOf(element);
  if (at < 0) return;
  list[at] = list[list.length - 1]!;
  list.pop();
}
