// The rounds of taps: back ends are started, one program sends to all of them. Not here: what it does (tap-load.ts), who they are (taps.ts).

import { fileURLToPath } from 'node:url';
import { ended, type Placement, startPinned } from '../host/child.js';
import type { TapPlan, TapResult } from './tap-load.js';
import { startTap, tapAbsence, tapSubjects } from './taps.js';

const load = fileURLToPath(new URL('./tap-load.js', import.meta.url));

/** Measures all of it. @param folder for sockets */
export async function measureTaps(
  program: string,
  plan: Pick<TapPlan, 'rounds' | 'seconds'>,
  folder: string,
  placement: Placement,
): Promise<{ result: TapResult; absent: string[] }> {
  const refused = tapAbsence();
  if (refused !== undefined) return { result: {}, absent: [`taps: ${refused}`] };
  const running: Awaited<ReturnType<typeof startTap>>[] = [];
  const absent: string[] = [];
  try {
    for (const [index, subject] of tapSubjects(program).entries()) {
      try {
        const reason = subject.absence();
        if (reason !== undefined) throw new Error(reason);
        running.push(await startTap(subject, index, folder, placement.server));
      } catch (error) {
        absent.push(`${subject.name}: ${(error as Error).message}`);
      }
    }
    const subjects = running.map(({ name, socket, pid, namespace }) => ({ name, socket, pid, namespace }));
    const child = startPinned(placement.load, process.execPath, [load, JSON.stringify({ ...plan, subjects })]);
    child.stderr?.pipe(process.stderr, { end: false });
    const limitSeconds = plan.rounds * (subjects.length + 1) * (plan.seconds + 2) + 60;
    const { status, stdout } = await ended(child, limitSeconds * 1000);
    if (status !== 0) throw new Error(`the load of taps ended with ${status}`);
    return { result: JSON.parse(stdout) as TapResult, absent };
  } finally {
    for (const { stop } of running) await stop();
  }
}
