// Errors as people read them: a stable code, the call that failed, plain words, and what to do.

import { errnoName, errnoWords } from './errno.js';

/** A system call failed. `code` is the errno's name (`ENOENT`), `call` the system call, `hint` what to do about it. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;
  readonly errno: number;
  readonly call: string;
  readonly hint: string | undefined;

  /** @param errno positive errno. @param call the system call's name. @param subject what it was called on. */
  constructor(errno: number, call: string, subject?: string, hint?: string) {
    const code = errnoName(errno);
    const what = subject === undefined ? call : `${call} ${subject}`;
    super(`${what}: ${errnoWords(errno)} (${code})${hint === undefined ? '' : `; ${hint}`}`);
    this.code = code;
    this.errno = errno;
    this.call = call;
    this.hint = hint;
  }
}

/** This host cannot do what was asked; the message says what is missing and `hint` what would give it. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly code = 'CLEARWAY_UNSUPPORTED';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(`${message}; ${hint}`);
    this.hint = hint;
  }
}

/**
 * What a thread says that did not find its own file: a bundler took the code of the application and of this library into one file,
 * and the threads' files are not beside it. Any other error is given back as it is.
 */
export function explainMissingFile(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') return error;
  return new UnsupportedError(
    error.message.split('\n')[0]!,
    'was clearway bundled? Its threads and its native library are files of their own: leave it out of the bundle (esbuild --external:clearway)',
  );
}

/** Passes a system call's result through; throws {@link SystemError} when it is `-errno`. */
export function check(result: number, call: string, subject?: string, hint?: string): number {
  if (result < 0) throw new SystemError(-result, call, subject, hint);
  return result;
}
