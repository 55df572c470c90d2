// The `why` sentences of the dashboard: looks at the host every few seconds while somebody watches, and lets the rules of
// `clearway why` speak. The rules and what they look at are in why/ (rules.ts, gather.ts).

import type { Reading } from '../meter/meter.js';
import { formatBytes } from '../text/units.js';
import type { Reason } from '../why/evidence.js';
import { Watch } from '../why/gather.js';
import { explain } from '../why/rules.js';

/** Looking asks the programs `ip` and `ss`, some ten milliseconds. */
const everyMs = 5000;

/** One sentence for a reason: what happened, what would stop it, and what that saves. */
export function whySentence({ says, savesBytes, remedy, certainty }: Reason): string {
  const saves = savesBytes === 0 ? 'Saves time, no copy' : `Saves ${formatBytes(savesBytes)} (${certainty})`;
  return `${says}. ${saves}: ${remedy}`;
}

/** Tells why bytes were copied since it was made. */
export class WhyTeller {
  private readonly watch: Watch;
  private sentences: readonly string[] = [];
  private toldMs = Number.NEGATIVE_INFINITY;

  /**
   * @param namespace path of the network namespace of what is watched.
   * @param root the process whose descendants are watched; undefined: none by name.
   * @throws SystemError where the namespace cannot be entered.
   */
  constructor(namespace: string, root: number | undefined) {
    this.watch = new Watch(namespace, root);
  }

  /** The sentences for a reading. They are renewed every five seconds. */
  tell(timeMs: number, reading: Reading): readonly string[] {
    if (timeMs - this.toldMs >= everyMs) {
      this.toldMs = timeMs;
      this.sentences = this.look(reading);
    } else this.watch.sample();
    return this.sentences;
  }

  private look(reading: Reading): readonly string[] {
    const evidence = this.watch.end(reading);
    const watched = new Set(evidence.processes.map(({ processId }) => processId));
    // The host's other processes hold notices too.
    const unreadNotices = evidence.unreadNotices.filter(({ processId }) => watched.has(processId));
    return explain({ ...evidence, unreadNotices }).reasons.map(whySentence);
  }
}
