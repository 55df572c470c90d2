// A terminal of a test's own (a pair of /dev/ptmx): what programs write to, and its other side, that of whoever reads and types. For tests alone.

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { syscall3 } from '../../src/kernel/ffi.js';
import { scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { readNow } from './read-now.js';

/** What {@link openTerminal} gives. */
export interface TerminalPair {
  /** To be written with waiting, as a shell hands it to programs. */
  readonly fd: number;
  /** Takes what there is to read. */
  read(): string;
  /** Types: `stop` (Ctrl-S) and `go` (Ctrl-Q). */
  type(key: 'stop' | 'go'): void;
  close(): void;
}

const unlockTerminal = 0x4004_5431;
const terminalNumber = 0x8004_5430;

/** Opens one. @throws Error where the host has none */
export function openTerminal(): TerminalPair {
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
  const other = openSync('/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK);
  try {
    const place = scratch(4);
    place.data.setInt32(place.offset, 0, true);
    if (syscall3(sys.ioctl, other, unlockTerminal, place.address) < 0) throw new Error('the terminal stays locked');
    if (syscall3(sys.ioctl, other, terminalNumber, place.address) < 0) throw new Error('the terminal has no number');
    const fd = openSync(`/dev/pts/${place.data.getInt32(place.offset, true)}`, O_RDWR | O_NOCTTY);
    return {
      fd,
      read: () => readNow(other),
      type: (key) => void writeSync(other, key === 'stop' ? '\x13' : '\x11'),
      close: () => {
        closeSync(fd);
        closeSync(other);
      },
    };
  } catch (error) {
    closeSync(other);
    throw error;
  }
}

/** Why there is none on this host; false: there is. */
export function terminalsRefused(): string | false {
  try {
    openTerminal().close();
    return false;
  } catch (error) {
    return `no terminal can be opened: ${(error as Error).message}`;
  }
}
