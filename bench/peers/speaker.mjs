// Peer: the library `speaker`, fed with the samples of a WAV of 48 kHz, 16 bits, stereo by a stream. Usage: speaker.mjs FILE DEVICE GARBAGE(0|1): whether this process collects garbage, as our player's
// does when it is measured beside it.
import { createReadStream } from 'node:fs';
import Speaker from 'speaker';

const [file, device, garbage] = process.argv.slice(2);
const speaker = new Speaker({ channels: 2, bitDepth: 16, sampleRate: 48_000, device });
createReadStream(file, { start: 44 }).pipe(speaker);

/** 20 ms of garbage, then the event loop has a turn: the same as our player's `--inject gc`. */
function churn() {
  const until = performance.now() + 20;
  let kept = [];
  while (performance.now() < until) {
    kept.push(new Array(256).fill(kept.length));
    if (kept.length > 20_000) kept = [];
  }
  setImmediate(churn);
}
if (garbage === '1') speaker.once('open', () => setImmediate(churn));
