// Layouts of the structures that pass between this process and the kernel: field name -> offset and size in bytes, and
// the total size. `layouts` is this architecture's table, `layoutsByArchitecture` holds both (the test needs both).
// It is data only: nothing here reads or writes memory.

import * as file from './layouts-file.js';
import * as socket from './layouts-socket.js';
import * as sound from './layouts-sound.js';
import * as uring from './layouts-uring.js';
import * as xdp from './layouts-xdp.js';

/** Where a field sits in its structure, and how wide it is, in bytes. */
export interface FieldLayout {
  readonly offset: number;
  readonly size: number;
}

/** A structure: its whole size in bytes, and its fields. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldLayout>>;
}

const common = { ...file, ...socket, ...sound, ...uring, ...xdp };

/** Every layout, by architecture (Node's `process.arch`). */
export const layoutsByArchitecture = {
  x64: {
    ...common,
    /** fstat's and newfstatat's result. */
    stat: {
      size: 144,
      fields: {
        st_dev: { offset: 0, size: 8 },
        st_ino: { offset: 8, size: 8 },
        st_nlink: { offset: 16, size: 8 },
        st_mode: { offset: 24, size: 4 },
        st_uid: { offset: 28, size: 4 },
        st_gid: { offset: 32, size: 4 },
        st_rdev: { offset: 40, size: 8 },
        st_size: { offset: 48, size: 8 },
        st_blksize: { offset: 56, size: 8 },
        st_blocks: { offset: 64, size: 8 },
        st_atime: { offset: 72, size: 8 },
        st_atime_nsec: { offset: 80, size: 8 },
        st_mtime: { offset: 88, size: 8 },
        st_mtime_nsec: { offset: 96, size: 8 },
        st_ctime: { offset: 104, size: 8 },
        st_ctime_nsec: { offset: 112, size: 8 },
      },
    },
    /** epoll's event: packed on x64 only. */
    epoll_event: {
      size: 12,
      fields: {
        events: { offset: 0, size: 4 },
        data: { offset: 4, size: 8 },
      },
    },
  },
  arm64: {
    ...common,
    /** fstat's and newfstatat's result. */
    stat: {
      size: 128,
      fields: {
        st_dev: { offset: 0, size: 8 },
        st_ino: { offset: 8, size: 8 },
        st_nlink: { offset: 20, size: 4 },
        st_mode: { offset: 16, size: 4 },
        st_uid: { offset: 24, size: 4 },
        st_gid: { offset: 28, size: 4 },
        st_rdev: { offset: 32, size: 8 },
        st_size: { offset: 48, size: 8 },
        st_blksize: { offset: 56, size: 4 },
        st_blocks: { offset: 64, size: 8 },
        st_atime: { offset: 72, size: 8 },
        st_atime_nsec: { offset: 80, size: 8 },
        st_mtime: { offset: 88, size: 8 },
        st_mtime_nsec: { offset: 96, size: 8 },
        st_ctime: { offset: 104, size: 8 },
        st_ctime_nsec: { offset: 112, size: 8 },
      },
    },
    /** epoll's event: packed on x64 only. */
    epoll_event: {
      size: 16,
      fields: {
        events: { offset: 0, size: 4 },
        data: { offset: 8, size: 8 },
      },
    },
  },
} as const;

/** Widens the numbers, so that code written against one architecture's table compiles against both. */
type Widened<T> = { readonly [Key in keyof T]: T[Key] extends number ? number : Widened<T[Key]> };

/** Every layout on this architecture: `layouts.io_uring_sqe.fields.user_data.offset`. */
export const layouts: Widened<typeof layoutsByArchitecture.x64> =
  process.arch === 'arm64' ? layoutsByArchitecture.arm64 : layoutsByArchitecture.x64;
