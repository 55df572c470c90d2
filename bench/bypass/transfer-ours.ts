// One end of a stream of TCP through our own TCP/IP, with the streams that applications have (clearway/bypass): it connects, and sends so many bytes of a pattern, or takes them
// and compares each. The same pattern as stream.c. transfer-ours DEVICE ADDRESS/LENGTH ADDRESS/LENGTH HOST PORT send|receive BYTES

import { once } from 'node:events';
import { openBypass, type StackStream } from '../../src/bypass/index.js';

const period = 1_048_573;
const chunk = 262_144;

function makePattern(): Buffer {
  const pattern = Buffer.alloc(period + chunk);
  let state = 12;
  for (let index = 0; index < period; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pattern[index] = state & 0xff;
  }
  pattern.copy(pattern, period, 0, chunk);
  return pattern;
}

async function send(stream: StackStream, pattern: Buffer, bytes: number): Promise<number> {
  stream.resume();
  for (let done = 0; done < bytes; ) {
    const part = Math.min(chunk, bytes - done);
    const from = done % period;
    done += part;
    if (!stream.write(pattern.subarray(from, from + part))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');
  return bytes;
}

async function receive(stream: StackStream, pattern: Buffer, bytes: number): Promise<number> {
  let done = 0;
  stream.on('data', (part: Buffer) => {
    const from = done % period;
    if (!part.equals(pattern.subarray(from, from + part.length)))
      throw new Error(`another byte than was sent, between ${done} and ${done + part.length}`);
    done += part.length;
  });
  await once(stream, 'end');
  if (done !== bytes) throw new Error(`${done} bytes came, not ${bytes}`);
  return done;
}

const [device = '', four = '', six = '', host = '', port = '', role = '', bytes = ''] = process.argv.slice(2);
const pattern = makePattern();
const network = openBypass({ device, addresses: [four, six] });
const stream = network.connect(Number(port), host);
await once(stream, 'connect');
const start = performance.now();
const done = await (role === 'send' ? send : receive)(stream, pattern, Number(bytes));
const seconds = (performance.now() - start) / 1000;
const figures = network.figures();
console.log(
  JSON.stringify({
    seconds,
    bytes: done,
    resent: figures['tcpRetransmitted'],
    figures: Object.fromEntries(Object.entries(figures).filter(([name, value]) => value > 0 && name.startsWith('tcp'))),
  }),
);
if (role === 'receive') {
  stream.end();
  await once(stream, 'close');
}
network.close();
