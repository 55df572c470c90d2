// The entry of the feeder's thread: it gives the feeder its turns, and commands their way to it. Not here: what it does (feeder.ts).

import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Feeder } from './feeder.js';
import type { FeederCommand, FeederStart } from './messages.js';

async function run(): Promise<void> {
  const port = parentPort!;
  const feeder = new Feeder(workerData as FeederStart, (says) => port.postMessage(says));
  let isOver = false;
  let wake: (() => void) | undefined;
  port.on('message', (command: FeederCommand) => {
    feeder.obey(command);
    if (command.kind === 'close') isOver = true;
    wake?.();
  });
  while (!isOver) {
    const ms = await feeder.step();
    if (isOver) break;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await Promise.race([ms === 0 ? nextTurn() : pause(ms), woken]);
  }
  port.close();
}

void run();
