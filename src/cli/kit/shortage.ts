// What the host is short of when a command cannot start, and what gives more of it, in one sentence: descriptors, threads,
// memory, a current directory. The error may be anybody's: a system call's, the module loader's, a worker's. Not here: limits that are asked
// for before anything fails (serve/start-limits.ts).

import { readFileSync } from 'node:fs';

/** The soft limit that /proc shows for this process, in brackets; nothing where it cannot be read. */
function limitNow(name: string): string {
  try {
    const value = new RegExp(`^${name} +(\\S+)`, 'm').exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return value === undefined ? '' : ` (${value})`;
  } catch {
    return '';
  }
}

const sentences: Readonly<Record<string, () => string>> = {
  EMFILE: () =>
    `the limit on open files${limitNow('Max open files')} is too low: give it 1024 with ulimit -n 1024, LimitNOFILE=1024 in the ` +
    'systemd unit or docker run --ulimit nofile=1024, or take fewer --workers',
  ENFILE: () => 'the whole host has no open file left: raise it with sudo sysctl fs.file-max=1000000',
  EAGAIN: () =>
    `no thread can be started: the limit on processes${limitNow('Max processes')} is too low: raise it with ulimit -u, TasksMax= in ` +
    'the systemd unit or docker run --pids-limit, or take fewer --workers',
  ENOMEM: () =>
    `memory is short: raise the limit on address space${limitNow('Max address space')} with ulimit -v unlimited, or on memory with ` +
    'MemoryMax= in the systemd unit or docker run --memory, or take fewer --workers',
};

/** What an error says of the host's limits, as a sentence; undefined when it is another kind of error. */
export function shortageSentence(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, message, syscall, hint } = error as NodeJS.ErrnoException & { hint?: unknown };
  // Whoever made it knows better what is short: locked memory (io_uring), huge pages.
  if (typeof hint === 'string') return undefined;
  // A release was taken away under the shell that starts the next one.
  if (syscall === 'uv_cwd')
    return 'the current directory is not there any more: change to one that is (cd), and try again';
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return sentences['ENOMEM']?.();
  // Node says of a worker's thread only the name: `Worker initialization failure: EMFILE`.
  const name =
    sentences[code ?? ''] === undefined ? /^(?:Worker initialization failure: )?(E[A-Z]+)$/.exec(message)?.[1] : code;
  return sentences[name ?? '']?.();
}
