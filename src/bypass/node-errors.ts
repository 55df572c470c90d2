// Errors as applications of Node's net and dgram know them: `code`, `errno`, `syscall`, `address` and `port`, and a message that begins as theirs do. Not here: what the host
// refuses at the start (xdp/xdp-error.ts), what was said that cannot be (bypass-refusal.ts).

import { errnoName, errnoWords } from '../kernel/errno.js';
import { shown } from '../text/shown.js';

/** What failed on a socket of our own TCP/IP. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  /** `ECONNREFUSED` and its kin. */
  readonly code: string;
  /** Negative, as Node has it. */
  readonly errno: number;
  readonly syscall: string;
  readonly address?: string;
  readonly port?: number;

  /** @param errno positive. @param where the other end, or our own for what is listened at */
  constructor(errno: number, syscall: string, where?: { readonly host: string; readonly port: number }, hint?: string) {
    const code = errnoName(errno);
    const at = where === undefined ? '' : ` ${where.host.includes(':') ? `[${where.host}]` : where.host}:${where.port}`;
    super(`${syscall} ${code}${at}: ${errnoWords(errno)}${hint === undefined ? '' : `; ${hint}`}`);
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
    if (where === undefined) return;
    this.address = where.host;
    this.port = where.port;
  }
}

/** An error of a call that cannot be, with a code of Node's (`ERR_SOCKET_BAD_PORT`). */
export function misuse(Kind: ErrorConstructor, code: string, message: string): Error {
  return Object.assign(new Kind(message), { code });
}

/** A port that is given: a whole number, or digits. @param least 0 where any free one may be meant @throws RangeError ERR_SOCKET_BAD_PORT */
export function portOf(value: unknown, least: 0 | 1): number {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (Number.isInteger(port) && (port as number) >= least && (port as number) <= 65_535) return port as number;
  throw misuse(RangeError, 'ERR_SOCKET_BAD_PORT', `a port is ${least} to 65535, not ${shown(value)}`);
}
