// JACK from the player's side: whether a server answers, and joining the pump's ports to those by which sound leaves the computer. The player joins them, in its own process, while the pump is already in its cycles:
// there it would take the time in which the server waits for the pump. Not here: the pump's side (jack-sink.ts).

import { setTimeout as sleep } from 'node:timers/promises';
import { connectPorts, loadJack, openClient, playbackPorts } from './jack-library.js';

/** The pump's client, by its process: known to both without a word. */
export function jackClientName(pid: number): string {
  return `clearway-${pid}`;
}

/** The pump's ports. */
export function jackPortName(channel: number): string {
  return `out_${channel + 1}`;
}

/** Asks whether a server answers, and for its rate and period. Undefined where none does, or the library is not here. */
export function findJackServer(): { readonly rate: number; readonly periodFrames: number } | undefined {
  const jack = loadJack();
  if (jack === undefined) return undefined;
  const client = openClient(jack, `clearway-asks-${process.pid}`);
  if (client === 0n) return undefined;
  const found = { rate: Number(jack.sampleRate(client)), periodFrames: Number(jack.bufferSize(client)) };
  jack.clientClose(client);
  return found;
}

/** For servers that tell of a new client's ports a little later (PipeWire): ever longer, about 2.5 s in all. Each that is refused by jackd is a line in its log. */
const pausesMs = [5, 10, 20, 40, 80, 160, 320, 640, 1280] as const;

/**
 * Joins the ports of a pump, in order; mono goes to the first two. A port without a partner stays alone: the user may join it.
 * @param isActive whether the pump is in its cycles, asked before each try, as ports of a client that is not are refused; undefined: it has ended, or has another client now
 * @returns the names of the ports that are joined, none where there are none or the server is gone
 */
export async function connectJack(
  pumpPid: number,
  channels: number,
  isActive: () => boolean | undefined = () => true,
): Promise<string[]> {
  const jack = loadJack();
  if (jack === undefined) return [];
  const client = openClient(jack, `clearway-connects-${process.pid}`);
  if (client === 0n) return [];
  try {
    const targets = playbackPorts(jack, client);
    const wanted = channels === 1 ? targets.slice(0, 2) : targets.slice(0, channels);
    const joined: string[] = [];
    let pauses = 0;
    for (const [index, target] of wanted.entries()) {
      const source = `${jackClientName(pumpPid)}:${jackPortName(channels === 1 ? 0 : index)}`;
      for (;;) {
        const active = isActive();
        if (active === undefined) return joined;
        if (active && connectPorts(jack, client, source, target)) break;
        const pauseMs = pausesMs[pauses++];
        if (pauseMs === undefined) return joined;
        await sleep(pauseMs);
      }
      joined.push(target);
    }
    return joined;
  } finally {
    jack.clientClose(client);
  }
}
