// Descriptors that carry events: eventfd (a wake-up from another thread) and inotify (files that changed).

import { readlinkSync } from 'node:fs';
import { decodePathText } from '../text/path-text.js';
import { notifyEvent } from './aio.js';
import { EFD, IN, POLL } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { readCached, writeNow } from './file.js';
import { cString, scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';
import { little64 } from './words.js';

/** eventfd2(2), non-blocking: a counter that another thread adds to. @throws SystemError EMFILE, ENFILE. */
export function createEventDescriptor(): number {
  return check(syscall3(sys.eventfd2, 0, EFD.CLOEXEC | EFD.NONBLOCK), 'eventfd');
}

/** Whether a descriptor without a file is an eventfd, as far as can be told. Others that count can be readable by themselves without end (timerfd). */
export function isEventDescriptor(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventfd]';
  } catch {
    // No /proc: it cannot be told.
    return true;
  }
}

/** Adds one: whoever waits for the descriptor wakes up. Safe from any thread. */
export function signalEvent(fd: number): void {
  const place = scratch(8);
  place.data.setUint32(place.offset, 1, true);
  place.data.setUint32(place.offset + 4, 0, true);
  syscall3(sys.write, fd, place.address, 8);
}

/** Takes the count away. */
export function clearEvent(fd: number): void {
  syscall3(sys.read, fd, scratch(8).address, 8);
}

/** Takes the count away. Returns it: how often it was signalled since; 0: not at all. */
export function takeEventCount(fd: number): number {
  const place = scratch(8);
  if (syscall3(sys.read, fd, place.address, 8) !== 8) return 0;
  return little64(place.data, place.offset);
}

/** ppoll(2). Returns what a descriptor is ready for, as bits of {@link POLL}, or -errno; 0: nothing within `waitMs`, which may be 0. */
function pollFor(fd: number, events: number, waitMs: number): number {
  const place = scratch(24);
  const { data, offset, address } = place;
  data.setInt32(offset, fd, true);
  data.setUint32(offset + 4, events, true);
  data.setUint32(offset + 8, Math.floor(waitMs / 1000), true);
  data.setUint32(offset + 12, 0, true);
  data.setUint32(offset + 16, Math.floor((waitMs % 1000) * 1_000_000), true);
  data.setUint32(offset + 20, 0, true);
  const ready = syscall6(sys.ppoll, address, 1, address + 8, 0, 8);
  return ready > 0 ? data.getUint16(offset + 6, true) : ready;
}

/** Holds this thread until a descriptor has input or its other side went, at most `waitMs`. False: nothing came. */
export function awaitInput(fd: number, waitMs: number): boolean {
  return pollFor(fd, POLL.IN, waitMs) > 0;
}

/** Whether a short write would not wait: there is room, nobody reads any more, or it cannot be told. */
export function takesOutput(fd: number): boolean {
  return pollFor(fd, POLL.OUT, 0) !== 0;
}

/**
 * Adds one to an eventfd that somebody else made, or writes to whatever it is, and never waits, whoever else writes to it and however it was opened.
 * Returns bytes, 0 or -errno (-EPIPE: nobody reads; -EAGAIN: it is full, and its reader is due already; -EOPNOTSUPP: it cannot be written without waiting).
 */
export function signalOther(fd: number): number {
  const result = notifyEvent(fd);
  if (result !== -Errno.EINVAL && result !== -Errno.ENOSYS) return result;
  const { data, offset, address } = scratch(8);
  data.setBigUint64(offset, 1n, true);
  if (result === -Errno.EINVAL) return writeNow(fd, address, 8);
  // A host without asynchronous reads: whoever fills it between the look and the write can hold this thread.
  const room = pollFor(fd, POLL.OUT, 0);
  if (room <= 0 || (room & POLL.OUT) === 0) return -Errno.EAGAIN;
  return syscall3(sys.write, fd, address, 8);
}

/**
 * Takes the count of an eventfd that somebody else made, which may be one that waits; this does not. Returns bytes (0: nobody will write any
 * more) or -errno (-EAGAIN: nothing is there).
 */
export function clearOther(fd: number): number {
  return readCached(fd, scratch(8).address, 8, -1);
}

/** inotify_init1(2), non-blocking. Returns the descriptor or -errno (EMFILE: max_user_instances is reached). */
export function createWatcher(): number {
  return syscall3(sys.inotify_init1, IN.CLOEXEC | IN.NONBLOCK);
}

/** What of a directory is watched: entries that come, go or change, in content or attributes, and its own end. */
const watchMask =
  IN.MODIFY | IN.ATTRIB | IN.MOVED_FROM | IN.MOVED_TO | IN.CREATE | IN.DELETE | IN.DELETE_SELF | IN.MOVE_SELF;

/** Watches the directory that `directory` is open on. Returns the watch descriptor or -errno (ENOSPC: the limit). */
export function watchDirectory(watcher: number, directory: number): number {
  return syscall3(sys.inotify_add_watch, watcher, cString(`/proc/self/fd/${directory}`), watchMask | IN.ONLYDIR);
}

/** inotify_rm_watch(2). Returns 0 or -errno. */
export function unwatchDirectory(watcher: number, watch: number): number {
  return syscall3(sys.inotify_rm_watch, watcher, watch);
}

const watchBufferBytes = 16 * 1024;

/**
 * Reads pending events and calls `changed(watch, name, mask)` for each; the name is empty for the directory itself,
 * and watch is -1 with IN.Q_OVERFLOW when events were lost. Returns false when nothing was pending.
 */
export function readChanges(watcher: number, changed: (watch: number, name: string, mask: number) => void): boolean {
  const place = scratch(watchBufferBytes);
  const result = syscall3(sys.read, watcher, place.address, watchBufferBytes);
  if (result <= 0) return false;
  const end = place.offset + result;
  const events: Array<[number, string, number]> = [];
  for (let at = place.offset; at + 16 <= end; ) {
    const length = place.data.getUint32(at + 12, true);
    let nameEnd = at + 16;
    while (nameEnd < at + 16 + length && place.bytes[nameEnd] !== 0) nameEnd++;
    const name = decodePathText(place.bytes, at + 16, nameEnd);
    events.push([place.data.getInt32(at, true), name, place.data.getUint32(at + 4, true)]);
    at += 16 + length;
  }
  // Only now: what `changed` does may use the scratch memory again.
  for (const [watch, name, mask] of events) changed(watch, name, mask);
  return true;
}
