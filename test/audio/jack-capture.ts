// A second client of JACK, for tests: joins itself to whatever Clearway's pump plays, and writes what arrives, interleaved floats, to a file. A process of its own, since it
// blocks in its cycles. Arguments: FILE FRAMES CHANNELS. It ends when it has so many frames, or when nothing came for a second; and says as JSON how many cycles went by without it.

import { writeFileSync } from 'node:fs';
import { type JackLibrary, leaveCyclesToUs, loadJack, openClient } from '../../src/audio/sinks/jack-library.js';
import { viewMemory } from '../../src/kernel/ffi.js';
import { pointerAt, textAt } from '../../src/kernel/foreign.js';
import { cString, scratch } from '../../src/kernel/memory.js';

const [path, wanted, channelCount] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const jack = loadJack()!;
const client = openClient(jack, `capture-${process.pid}`);
if (client === 0n) throw new Error('no server');
const input = 1;
const output = 2;

/** Ports of Clearway's pump. */
function pumpPorts(library: JackLibrary): string[] {
  const list = Number(library.getPorts(client, cString('^clearway-[0-9]+:out_'), 0, output));
  const names: string[] = [];
  for (let at = list; list !== 0; at += 8) {
    const address = pointerAt(at);
    if (address === 0) break;
    names.push(textAt(address));
  }
  if (list !== 0) library.free(list);
  return names.sort();
}

const period = Number(jack.bufferSize(client));
const ports = Array.from({ length: channelCount }, (_, channel) =>
  BigInt(jack.portRegister(client, cString(`in_${channel + 1}`), cString('32 bit float mono audio'), input, 0)),
);
leaveCyclesToUs(jack, client);
if (Number(jack.activate(client)) !== 0) throw new Error('not activated');

const samples = new Float32Array(wanted * channelCount);
let frames = 0;
/** Of them those of the last cycle. */
let lastTaken = 0;
let silentCycles = 0;
let isJoined = false;
let skippedFrames = 0;
let lastFrames = -1;

/**
 * Looks at the server's count of frames: what is more than a period since the last time went by without us. False: it is the cycle of the last time. A wait may come back twice in one, when clients
 * are being joined: the first time perhaps before the pump has filled its ports, which hold what they held a cycle before; the second time is behind it.
 */
function isNewCycle(): boolean {
  const place = scratch(64);
  const [at, ...rest] = [0, 16, 32, 48].map((offset) => place.address + offset);
  if (Number(jack.cycleTimes(client, at!, rest[0]!, rest[1]!, rest[2]!)) !== 0) return true;
  const now = place.data.getUint32(place.offset, true);
  if (now === lastFrames) return false;
  if (lastFrames >= 0 && isJoined) skippedFrames += Math.max(0, ((now - lastFrames) | 0) - period);
  lastFrames = now;
  return true;
}

const mostCycles = Math.ceil((30 * 48_000) / period);
for (let cycle = 0; cycle < mostCycles && frames < wanted; cycle++) {
  if (Number(jack.cycleWait(client)) !== period) break;
  if (!isNewCycle()) frames -= lastTaken;
  lastTaken = 0;
  const planes = ports.map((port) => new Float32Array(viewMemory(Number(jack.portBuffer(port, period)), period * 4)));
  const isSilent = planes.every((plane) => plane.every((sample) => sample === 0));
  // Until the first sound nothing is kept; from then on everything is.
  if (frames > 0 || !isSilent) {
    for (let frame = 0; frame < period && frames < wanted; frame++, frames++, lastTaken++)
      planes.forEach((plane, channel) => {
        samples[frames * channelCount + channel] = plane[frame]!;
      });
  }
  silentCycles = frames > 0 && isSilent ? silentCycles + 1 : 0;
  jack.cycleSignal(client, 0);
  if (silentCycles * period > 48_000) break;
  if (!isJoined) {
    const found = pumpPorts(jack);
    isJoined =
      found.length >= channelCount &&
      ports.every(
        (_, channel) =>
          Number(
            jack.connect(client, cString(found[channel]!), cString(`capture-${process.pid}:in_${channel + 1}`)),
          ) === 0,
      );
  }
}
jack.deactivate(client);
jack.clientClose(client);
process.stdout.write(JSON.stringify({ frames, skippedFrames }));
writeFileSync(path, new Uint8Array(samples.buffer, 0, frames * channelCount * 4));
