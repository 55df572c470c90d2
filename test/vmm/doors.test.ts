// One image, three doors: that of Linux and that of PVH under our own monitor (docs/vm.md), whose guest then behaves as it does by our own: it answers, ends with its status, and a
// trap is said. On a host without virtualisation by hardware KVM interprets what runs at CPL 0, which is the way from these doors to the program.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { viewMemory } from '../../src/kernel/ffi.js';
import type { Pieces } from '../../src/memory/domain.js';
import { MmioTransport } from '../../src/virtio/mmio.js';
import { Guest } from '../../src/vmm/guest.js';
import { readImage } from '../../src/vmm/image-file.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { patient } from '../support/patience.js';
import { enterByLinux, enterByPvh } from './foreign-doors.js';
import { buildImage, missingTools } from './image-tool.js';
import { guestsRefused, imageOf } from './support.js';

const doors = { Linux: enterByLinux, PVH: enterByPvh };
/** Signals have handlers on the main thread alone. */
const handler = (): void => {};

/** A client of one stream: it asks, and hears. */
class Client implements StreamOwner {
  device!: VsockDevice;
  isOpen = false;
  heard = '';

  accepted(): void {
    this.isOpen = true;
  }

  refused(): void {}
  over(): void {}
  tookBytes(): number {
    return 0;
  }

  writable(): void {}

  lent(_port: number, pieces: Pieces, token: number): boolean {
    for (let index = 0; index < pieces.count; index++)
      this.heard += Buffer.from(viewMemory(pieces.addresses[index]!, pieces.lengths[index]!)).toString('latin1');
    this.device.giveBack(token);
    return true;
  }
}

describe('an image by the doors of other monitors', { skip: guestsRefused(), timeout: patient(240_000) }, async () => {
  if (guestsRefused() !== false) return;
  process.on('SIGURG', handler);
  const kicker = new Worker(new URL('door-kicker.js', import.meta.url));
  const [shared] = (await once(kicker, 'message')) as [SharedArrayBuffer];
  after(async () => {
    await kicker.terminate();
    process.off('SIGURG', handler);
  });

  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  after(() => rmSync(folder, { recursive: true }));
  const gccImage = (name: string): string => join(folder, name);
  const byGcc = missingTools();
  if (byGcc === undefined) await buildImage('probe', gccImage('probe'), 'gcc');

  /** A guest that is about to be entered, what it said, and how it is run for a while. */
  const start = (enter: typeof enterByLinux, path: string, words: string, devices: number) => {
    const bytes = readFileSync(path);
    const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const image = readImage(bytes);
    const said: number[] = [];
    const options = { memoryBytes: 64 * 1024 ** 2, commandLine: '', devices };
    const guest = new Guest(image, options, shared, (byte) => said.push(byte));
    const clock = `tsc_khz=${guest.machine.tscKhz} now=${Math.floor(Date.now() / 1000)}`;
    const stanza = devices > 0 ? 'virtio_mmio.device=4K@0xd0000000:5' : '';
    enter(guest.machine, image, file, `${stanza} ${clock} ${words}`);
    const runUntil = (isDone: () => boolean): void => {
      for (const endMs = performance.now() + patient(20_000); !isDone(); )
        if (guest.run() === 'over' || performance.now() > endMs) break;
    };
    return { guest, said: (): string => Buffer.from(said).toString('latin1'), runUntil };
  };

  const ways = Object.entries(doors).flatMap(
    ([door, enter]) =>
      [
        [door, enter, imageOf],
        [`${door}, by wasm2c and gcc`, enter, gccImage],
      ] as const,
  );
  for (const [door, enter, fileOf] of ways) {
    const skip = fileOf === gccImage && (byGcc ?? false);

    test(`${door}: it ends with its status`, { skip }, () => {
      const { guest, said, runUntil } = start(enter, fileOf('probe'), 'do=1', 0);
      runUntil(() => false);
      assert.deepEqual(guest.end, { why: 'it ended with status 7', status: 7 }, said());
      assert.match(said(), /probe: begun/);
      guest.close();
    });

    test(`${door}: a trap is said`, { skip }, () => {
      const { guest, said, runUntil } = start(enter, fileOf('probe'), 'do=3', 0);
      runUntil(() => false);
      assert.equal(guest.end?.status, 126, said());
      assert.match(said(), /page fault at 0x[0-9a-f]+, writing 0x[0-9a-f]+ \(outside of linear memory\)/);
      guest.close();
    });

    if (fileOf === gccImage) continue;
    test(`${door}: the store answers`, () => {
      const { guest, said, runUntil } = start(enter, fileOf('kv'), 'maxmemory=16M maxclients=100', 1);
      const client = new Client();
      const device = new VsockDevice(guest.domain, 3, client, () => {});
      client.device = device;
      guest.add(new MmioTransport(device, guest.domain));
      runUntil(() => said().includes('kv: port 6379'));
      assert.match(said(), /kv: port 6379/);
      device.open(1024, 6379);
      const look = (isDone: () => boolean): void =>
        runUntil(() => {
          device.turn();
          device.publish();
          return isDone();
        });
      look(() => client.isOpen);
      const request = Buffer.from('SET a 41\r\nINCR a\r\nGET a\r\n');
      assert.equal(device.send(1024, request, 0, request.length), request.length);
      look(() => client.heard.length >= 18);
      assert.equal(client.heard, '+OK\r\n:42\r\n$2\r\n42\r\n');
      guest.close();
    });
  }

  for (const map of [0x3fff_f001, 0x4000_0000, 0x1_0000_0000])
    test(`PVH: there is no memory by a map at 0x${map.toString(16)}, which cannot be read there`, () => {
      const enter: typeof enterByLinux = (...told) => enterByPvh(...told, map);
      const { guest, said, runUntil } = start(enter, imageOf('probe'), 'do=1', 0);
      runUntil(() => false);
      assert.match(said(), /there is too little memory/);
      assert.equal(guest.end?.status, 126);
      guest.close();
    });
});
