// A descriptor polled by Node's own event loop: libuv's uv_poll, called through the FFI.
// The handle lives in mapped memory, because libuv keeps its address.

import { isMainThread } from 'node:worker_threads';
import { MAP, PROT } from './constants.js';
import { bind, registerCallback } from './ffi.js';
import { type Mapping, mapMemory, unmapMemory } from './memory.js';
import { UnsupportedError } from './system-error.js';

const UV_POLL = 8;
const UV_READABLE = 1;
const handleBytes = 4096;

/** Calls back on the main thread when a descriptor is readable (level-triggered). */
export class UvPoll {
  readonly #handle: Mapping;
  readonly #ready: { address: number; free(): void };
  #closed = false;

  /** @throws UnsupportedError in a worker thread, or where this Node does not export libuv. */
  constructor(fd: number, ready: () => void) {
    if (!isMainThread) {
      throw new UnsupportedError('a loop can be attached on the main thread only', 'use loop.run() in a worker thread');
    }
    const { defaultLoop, handleSize, init, start } = libuv();
    if (handleSize(UV_POLL) > handleBytes) throw new UnsupportedError('this libuv has larger handles', 'report it');
    this.#handle = mapMemory(handleBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    this.#ready = registerCallback('void poll_ready(int64 handle, int status, int events)', () => {
      if (!this.#closed) ready();
    });
    const result = Number(init(Number(defaultLoop()), this.#handle.address, fd));
    if (result === 0) {
      start(this.#handle.address, UV_READABLE, this.#ready.address);
      return;
    }
    this.#closed = true;
    this.#ready.free();
    unmapMemory(this.#handle);
    throw new UnsupportedError(`descriptor ${fd} cannot be polled (${result})`, 'use loop.run() in a worker thread');
  }

  /** While false it is not polled, and does not keep the process from ending. */
  poll(on: boolean): void {
    if (this.#closed) return;
    const { start, stop } = libuv();
    if (on) start(this.#handle.address, UV_READABLE, this.#ready.address);
    else stop(this.#handle.address);
  }

  /** Whether the poll alone keeps the process from ending. */
  keepAlive(on: boolean): void {
    if (this.#closed) return;
    const { ref, unref } = libuv();
    (on ? ref : unref)(this.#handle.address);
  }

  /** Ends the poll. libuv lets go of the handle a turn later; its memory is freed then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { close } = libuv();
    const closed = registerCallback('void poll_closed(int64 handle)', () => {
      setImmediate(() => {
        closed.free();
        this.#ready.free();
        unmapMemory(this.#handle);
      });
    });
    close(this.#handle.address, closed.address);
  }
}

function bindLibuv() {
  return {
    defaultLoop: bind('int64 uv_default_loop()'),
    handleSize: bind('int64 uv_handle_size(int type)') as (type: number) => number,
    init: bind('int uv_poll_init(int64 loop, int64 handle, int fd)'),
    start: bind('int uv_poll_start(int64 handle, int events, int64 callback)'),
    stop: bind('int uv_poll_stop(int64 handle)'),
    ref: bind('void uv_ref(int64 handle)'),
    unref: bind('void uv_unref(int64 handle)'),
    close: bind('void uv_close(int64 handle, int64 callback)'),
  };
}

let bound: ReturnType<typeof bindLibuv> | undefined;

function libuv(): ReturnType<typeof bindLibuv> {
  bound ??= bindLibuv();
  return bound;
}
