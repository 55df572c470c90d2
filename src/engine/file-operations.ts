// Operations on files that end later, for devices whose requests are many at once: a disk that is slow, or full, holds nobody else up.
// An operation is begun with a token and ends in one `moved` event (EngineEvents). Not here: sending files to sockets (engine.ts).

/** See the file's head. Iovecs, and the memory that they lead to, stay as they are until the event. */
export interface FileOperations {
  /** preadv(2): its event has the bytes, 0 at the end of the file, or -errno. */
  read(token: number, file: number, iovecs: number, count: number, offset: number): void;
  /** pwritev2(2); `flags` are of RWF. Its event has the bytes or -errno. */
  write(token: number, file: number, iovecs: number, count: number, offset: number, flags: number): void;
  /** fdatasync(2). Its event has 0 or -errno. */
  sync(token: number, file: number): void;
  /** fallocate(2); `mode` is of FALLOC_FL. Its event has 0 or -errno. */
  allocate(token: number, file: number, mode: number, offset: number, length: number): void;
}
