// The exports, read back by readers of the tests' own, after the published formats.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { meterSkip, temporary } from '../../meter/support.test.js';
import type { Journey } from '../path.js';
import { exchange, messagesOf, ownAddress } from '../support.test.js';
import { traceJourneys } from '../tracer.js';
import { pcapngBlocks } from './pcapng.js';
import { type TraceEvent, traceOf } from './trace-export.js';

const sizes = [10, 200, 3000, 200_000];

async function measured(under: string[] = []): Promise<Journey[]> {
  const tracer = traceJourneys({ headers: true, connection: ownAddress });
  try {
    const run = await exchange(sizes, { inSender: under, inReceiver: under });
    tracer.close();
    return messagesOf(tracer, run);
  } finally {
    tracer.close();
  }
}

const journeys = meterSkip === false ? await measured() : [];

test('the trace keeps to the Trace Event Format: spans end in the order in which they nest', {
  skip: meterSkip,
}, () => {
  const trace = JSON.parse(JSON.stringify(traceOf(journeys, 'a test'))) as ReturnType<typeof traceOf>;
  assert.deepEqual(Object.keys(trace), ['traceEvents', 'displayTimeUnit', 'otherData']);
  const open = new Map<string, TraceEvent[]>();
  const lasts = new Map<string, number>();
  for (const event of trace.traceEvents) {
    assert.equal(typeof event.name, 'string');
    for (const number of [event.pid, event.tid, event.ts]) assert.ok(Number.isFinite(number) && number >= 0);
    if (event.ph === 'M') assert.equal(typeof event.args?.['name'], 'string');
    else if (event.ph === 'X') assert.ok(event.dur! >= 0 && event.cat === 'call');
    else {
      const key = `${event.pid} ${event.cat} ${event.id}`;
      assert.match(event.id!, /^0x[0-9a-f]+$/);
      const stack = open.get(key) ?? [];
      open.set(key, stack);
      if (event.ph === 'b') stack.push(event);
      else if (event.ph === 'e') assert.equal(stack.pop()?.name, event.name);
      if (event.ph !== 'n') {
        assert.ok(event.ts >= (lasts.get(key) ?? 0), 'spans are in the order of time');
        lasts.set(key, event.ts);
      }
    }
  }
  for (const stack of open.values()) assert.deepEqual(stack, []);
  assert.equal(open.size, sizes.length);
  const names = new Set(trace.traceEvents.filter(({ ph }) => ph === 'M').map(({ name }) => name));
  assert.deepEqual(names, new Set(['process_name', 'thread_name']));
});

interface Packet {
  readonly name: string;
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly comment: string;
}

/** Reads a capture file after draft-ietf-opsawg-pcapng: blocks, their options, nothing left over. */
function readCapture(file: Uint8Array): Packet[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const packets: Packet[] = [];
  const interfaces: string[] = [];
  for (let at = 0; at < file.length; ) {
    const [type, total] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    assert.equal(total % 4, 0);
    assert.equal(view.getUint32(at + total - 4, true), total);
    const options = (from: number) => {
      const found = new Map<number, Uint8Array>();
      for (let place = from; ; ) {
        const [code, length] = [view.getUint16(place, true), view.getUint16(place + 2, true)];
        found.set(code, file.subarray(place + 4, place + 4 + length));
        place += 4 + ((length + 3) & ~3);
        if (code === 0) {
          assert.equal(place, at + total - 4, 'the options end where the block does');
          return found;
        }
      }
    };
    const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);
    if (at === 0) {
      assert.deepEqual([type, view.getUint32(8, true)], [0x0a0d0d0a, 0x1a2b3c4d]);
      assert.equal(text(options(24).get(4)), 'clearway journey');
    } else if (type === 1) {
      assert.equal(view.getUint16(at + 8, true), 101);
      const given = options(at + 16);
      assert.deepEqual([...given.get(9)!], [9]);
      interfaces.push(text(given.get(2)));
    } else {
      assert.equal(type, 6);
      const captured = view.getUint32(at + 20, true);
      packets.push({
        name: interfaces[view.getUint32(at + 8, true)]!,
        timeNs: (BigInt(view.getUint32(at + 12, true)) << 32n) | BigInt(view.getUint32(at + 16, true)),
        bytes: file.subarray(at + 28, at + 28 + captured),
        length: view.getUint32(at + 24, true),
        comment: text(options(at + 28 + ((captured + 3) & ~3)).get(1)),
      });
    }
    at += total;
  }
  return packets;
}

/** Reads the capture of the exchange's journeys, with what holds for each. Returns the packets with bytes that were new, and those sent again. */
function checkedCapture(journeys: readonly Journey[], path: string): { fresh: Packet[]; again: Packet[] } {
  const parts = [...pcapngBlocks(journeys, 'a test', 1_700_000_000_000_000_000n)];
  const file = Uint8Array.from(parts.flatMap((part) => [...part]));
  writeFileSync(path, file);
  const packets = readCapture(file);
  assert.equal(
    packets.length,
    journeys.reduce((sum, journey) => sum + journey.packets, 0),
  );
  packets.forEach(({ name, timeNs, bytes, length, comment }, k) => {
    assert.equal(name, 'lo');
    assert.ok(timeNs > 1_700_000_000_000_000_000n && (k === 0 || timeNs >= packets[k - 1]!.timeNs));
    assert.equal(bytes[0], 0x45);
    assert.equal(bytes[9], 6);
    assert.equal(bytes.length, 20 + (bytes[32]! >>> 4) * 4, 'headers and nothing else');
    assert.equal((bytes[2]! << 8) | bytes[3]!, length, 'the length is that of the IP header');
    assert.match(
      comment,
      /^clearway message \d+ at driver( \(sent again\))?, .* after its beginning\n[^\n]+\nread after .*entered > queued/,
    );
  });
  const isAgain = ({ comment }: Packet): boolean => /^clearway message \d+ at driver \(sent again\),/.test(comment);
  const [fresh, again] = [packets.filter((packet) => !isAgain(packet)), packets.filter(isAgain)];
  assert.equal(
    again.length,
    journeys.reduce((sum, journey) => sum + journey.packetsAgain, 0),
  );
  assert.equal(
    payloadOf(fresh),
    sizes.reduce((sum, size) => sum + size, 0),
    'each byte once',
  );
  return { fresh, again };
}

const payloadOf = (packets: readonly Packet[]): number =>
  packets.reduce((sum, { bytes, length }) => sum + length - bytes.length, 0);

test('the capture holds the headers of every packet once, and its message in the comment', { skip: meterSkip }, () => {
  const path = temporary('journeys.pcapng');
  const { fresh, again } = checkedCapture(journeys, path);
  const other = spawnSync('capinfos', ['-c', '-M', path], { encoding: 'utf8' });
  if (other.status === 0)
    assert.match(other.stdout, new RegExp(`Number of packets: +${fresh.length + again.length}\\b`));
});

const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const skipLoss =
  meterSkip ||
  (!has('ip', '-V') && 'needs the ip command (iproute2)') ||
  (!has('nft', '--version') && 'needs the nft command (nftables)');

test('a segment that was lost is in the capture as often as it was sent, and named where it was sent again', {
  skip: skipLoss,
}, async () => {
  const name = `clearway-export-${process.pid}`;
  const within = ['ip', 'netns', 'exec', name];
  const run = (...words: string[]) => {
    const { status, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' });
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  };
  try {
    run('ip', 'netns', 'add', name);
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    run(...within, 'nft', 'add table ip loss');
    run(...within, 'nft', 'add chain ip loss input { type filter hook input priority 0 ; }');
    // The second long segment, once.
    run(...within, 'nft', 'add rule ip loss input ip length gt 10000 numgen inc mod 1000000 == 1 drop');
    const lossy = await measured(within);
    const { again } = checkedCapture(lossy, temporary('lossy.pcapng'));
    assert.ok(again.length >= 1);
    assert.ok(lossy.at(-1)!.packetsAgain >= 1, 'of the message of 200,000 bytes');
  } finally {
    spawnSync('ip', ['netns', 'delete', name]);
  }
});
