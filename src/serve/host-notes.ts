// What this host refuses and serve goes on without: found out by asking, said once at the start. `clearway doctor` asks
// more, and says what would give it.

import { existsSync } from 'node:fs';
import { Errno, errnoName } from '../kernel/errno.js';
import { createWatcher } from '../kernel/event.js';
import { openat2Refusal, statxRefusal } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';

/** How files are opened beneath the root on this host: by the kernel's walk, or by ours. */
export function opensBy(): 'openat2' | 'walk' {
  return openat2Refusal() === 0 ? 'openat2' : 'walk';
}

/** One sentence for each thing that is missing and has a substitute. */
export function hostNotes(): string[] {
  const notes: string[] = [];
  const openat2 = openat2Refusal();
  if (openat2 !== 0) {
    notes.push(
      `openat2 is refused here (${errnoName(openat2)}): files are opened beneath the root by Clearway itself, one folder at a time, ` +
        'which is as safe and slower; clearway doctor says how to allow openat2',
    );
  }
  const statx = statxRefusal();
  if (statx !== 0) notes.push(`statx is refused here (${errnoName(statx)}): fstat is used instead`);
  const watcher = createWatcher();
  if (watcher >= 0) closeDescriptor(watcher);
  else {
    const fix = watcher === -Errno.EMFILE ? 'sudo sysctl fs.inotify.max_user_instances=1024' : 'allow inotify_init1';
    notes.push(
      `inotify gives ${errnoName(-watcher)}: changes of files cannot be watched, so every request checks its file; to avoid that: ${fix}`,
    );
  }
  if (!existsSync('/proc/self/fd')) {
    notes.push(
      'there is no /proc here: changes of files cannot be watched, so every request checks its file; to avoid that: mount /proc',
    );
  }
  return notes;
}
