// Terminals that go away while a command runs (a window that is closed, a connection that breaks): what is said into them is lost without a word, since SIGHUP says what is to become of the command, and the process
// ends with its own status. Not here: signals (signals.ts).

import { closeSync, constants, fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

const standardStreams = [0, 1, 2] as const;
/** Linux: major 1, minor 3. */
const nullDevice = 0x103;

/**
 * Sees to it that the end of the process is its own. Node sets terminals back to how they were when it began (src/node.cc, ResetStdio) and ends itself by SIGABRT or SIGSEGV where one of them does not
 * take that, being gone; a descriptor that is closed it leaves alone. Called once, before anything runs.
 */
export function outliveTerminals(): void {
  const terminals = standardStreams.filter((each) => mayBeTerminal(each) && isatty(each));
  if (terminals.length === 0) return;
  process.on('exit', () => {
    for (const each of terminals) {
      if (isatty(each)) continue;
      try {
        closeSync(each);
      } catch {
        // It was closed before.
      }
    }
  });
}

/** False for pipes, files and /dev/null: Node's module of terminals brings its sockets along, which no other start needs. */
function mayBeTerminal(fd: number): boolean {
  try {
    const { rdev, mode } = fstatSync(fd);
    return (mode & constants.S_IFMT) === constants.S_IFCHR && rdev !== nullDevice;
  } catch {
    // It is closed.
    return false;
  }
}

/** Whether an error of a standard stream says that its terminal is gone. */
export function isTerminalGone(error: NodeJS.ErrnoException, stream: { readonly isTTY?: boolean }): boolean {
  return error.code === 'EIO' && stream.isTTY === true;
}
