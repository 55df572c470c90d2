// What an errno of the file system means to whoever asked for the file, in one table for every door (serve, clearway/node);
// and saying each cause once a second. Not here: finding files, and the words of answers.

import { Errno, errnoName, errnoWords } from '../kernel/errno.js';

/** The status of an answer for a file that could not be opened or looked at. */
export type TroubleStatus = 403 | 404 | 500 | 503;

/**
 * What says that nothing that can be served has this name. ENXIO and ENODEV are what opening a socket or the special file of a
 * device that is not there gives; ELOOP and EXDEV a link that leads nowhere or out of the root.
 */
const notThere: ReadonlySet<number> = new Set([
  Errno.ENOENT,
  Errno.ENOTDIR,
  Errno.ENAMETOOLONG,
  Errno.ELOOP,
  Errno.EXDEV,
  Errno.ENXIO,
  Errno.ENODEV,
]);

const notAllowed: ReadonlySet<number> = new Set([Errno.EACCES, Errno.EPERM]);

/** The host is short of something, or was interrupted: the same request may be answered in a moment. */
const shortOf: ReadonlySet<number> = new Set([
  Errno.EAGAIN,
  Errno.EBUSY,
  Errno.EINTR,
  Errno.EMFILE,
  Errno.ENFILE,
  Errno.ENOBUFS,
  Errno.ENOMEM,
]);

/**
 * The status that a positive errno of open(2), stat(2) or read(2) calls for. Whatever is not known to say "not there" is the
 * server's trouble (500), never 404: caches keep a 404, and a file server that died comes back.
 */
export function statusOfTrouble(errno: number): TroubleStatus {
  if (notThere.has(errno)) return 404;
  if (notAllowed.has(errno)) return 403;
  return shortOf.has(errno) ? 503 : 500;
}

/** Why a path leads to nothing, and the errno where the file system is in trouble. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly status: TroubleStatus;
  readonly errno?: number;
}

/** What one site makes of errnos. */
export class Troubles {
  readonly #tell: ((errno: number, path: string) => void) | undefined;
  #errno = 0;

  /** @param tell is told of what is not known to be missing. */
  constructor(tell: ((errno: number, path: string) => void) | undefined) {
    this.#tell = tell;
  }

  /** The status that an errno calls for; said, if it is not that nothing is there. */
  statusOf(errno: number, path: string): TroubleStatus {
    const status = statusOfTrouble(errno);
    if (status < 500) return status;
    this.#errno = errno;
    this.#tell?.(errno, path);
    return status;
  }

  /** That there is nothing, with the last errno where that is why. */
  nothing(status: TroubleStatus): Nothing {
    return status < 500 ? { kind: 'nothing', status } : { kind: 'nothing', status, errno: this.#errno };
  }
}

const sayEveryMs = 1000;

/** What gives more of what the host is short of. */
const remedies: ReadonlyMap<number, string> = new Map([
  [
    Errno.EMFILE,
    '; raise the limit on open files: ulimit -n, LimitNOFILE= in the systemd unit, docker run --ulimit nofile=',
  ],
  [Errno.ENFILE, '; the whole host has no open file left: raise it with sudo sysctl fs.file-max=1000000'],
]);

/** That a file was not opened, and why, in a sentence. @param path of the file, beneath the root. */
export function troubleWords(errno: number, path: string): string {
  const why = `${errnoWords(errno)} (${errnoName(errno)})${remedies.get(errno) ?? ''}`;
  return `cannot open ${JSON.stringify(path.slice(0, 200))}: ${why}`;
}

/** Says each cause once a second, however many requests run into it. */
export class TroubleTeller {
  readonly #say: (message: string) => void;
  /** By errno: there are some 130 of them. */
  readonly #saidMs = new Map<number, number>();

  constructor(say: (message: string) => void) {
    this.#say = say;
  }

  /** Says it, unless the same errno was said within the second. */
  tell(errno: number, message: string, nowMs: number): void {
    if (nowMs - (this.#saidMs.get(errno) ?? Number.NEGATIVE_INFINITY) < sayEveryMs) return;
    this.#saidMs.set(errno, nowMs);
    this.#say(message);
  }
}
