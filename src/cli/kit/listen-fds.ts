// Sockets that systemd, or whoever speaks its protocol, passed to this process (sd_listen_fds(3)): LISTEN_FDS of them from
// descriptor 3 on, if LISTEN_PID is this process. Not here: what the sockets are (serve/listening.ts).

import { closeOnExec } from '../../kernel/socket.js';
import { UsageError } from './usage.js';

/** The first descriptor that is passed (SD_LISTEN_FDS_START). */
const firstDescriptor = 3;
/** More are a mistake. */
const mostDescriptors = 1000;

/** What was passed. */
export interface PassedSockets {
  readonly fds: readonly number[];
  /** What the operator should know: sockets were passed, but to another process. */
  readonly note: string | undefined;
}

/**
 * Takes over what was passed: the variables go from the environment, and programs that are started do not get the descriptors.
 * @throws UsageError, in a sentence, where the variables or a descriptor make no sense
 */
export function takePassedSockets(
  environment: NodeJS.ProcessEnv = process.env,
  processId = process.pid,
): PassedSockets {
  const { LISTEN_FDS: count, LISTEN_PID: passedTo } = environment;
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDNAMES']) delete environment[name];
  if (count === undefined || passedTo === undefined) return { fds: [], note: undefined };
  if (passedTo !== String(processId)) {
    const why = `sockets were passed to process ${JSON.stringify(passedTo)} (LISTEN_PID), not to this one, and are not used`;
    return { fds: [], note: `${why}: start clearway itself, not through another program such as npm` };
  }
  if (!/^\d{1,4}$/.test(count) || Number(count) > mostDescriptors) {
    throw new UsageError(`LISTEN_FDS is ${JSON.stringify(count)}, and must be a number from 0 to ${mostDescriptors}`);
  }
  const fds = Array.from({ length: Number(count) }, (_, index) => firstDescriptor + index);
  for (const fd of fds) {
    try {
      closeOnExec(fd);
    } catch {
      throw new UsageError(`LISTEN_FDS is ${count}, but descriptor ${fd} is not open: pass as many sockets as it says`);
    }
  }
  return { fds, note: undefined };
}
