// What the specification says that a block device MUST do (VIRTIO 1.4, section 5.2), one test a statement, against `clearway disk`. Zoned devices and
// metrics of lifetime are not offered. Not here: queues (test/virtio/normative.test.ts), requests that make no sense (disk.whole.test.ts).

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { syscall6 } from '../../src/kernel/ffi.js';
import { scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines } from '../conformance/serve/servers.js';
import { ask, type Disk, diskBytes, startDisk } from '../support/disks.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const Bit = { readOnly: 5n, flush: 9n, wce: 11n, discard: 13n, writeZeroes: 14n, zoned: 17n } as const;
const bit = (number: bigint): bigint => 1n << number;
const queue = { indirect: true, eventIndex: false };
const writebackAt = 32;

/** Pages of the image that are written and not on its disk yet (cachestat(2)); undefined where the kernel does not say. */
function dirtyPages(image: string): number | undefined {
  const file = openSync(image, 'r');
  const { data, offset, address } = scratch(16 + 40);
  data.setBigUint64(offset, 0n, true);
  data.setBigUint64(offset + 8, BigInt(diskBytes), true);
  const result = syscall6(sys.cachestat, file, address, address + 16, 0);
  closeSync(file);
  return result < 0 ? undefined : data.getUint32(offset + 24, true);
}

/** A range of a discard, or of zeros. */
function range(sector: bigint, sectors: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, sector, true);
  view.setUint32(8, sectors, true);
  view.setUint32(12, flags, true);
  return new Uint8Array(view.buffer);
}

/** The configuration space. */
async function configOf(guest: FrontEnd): Promise<DataView> {
  const payload = new Uint8Array(12 + 96);
  new DataView(payload.buffer).setUint32(4, 96, true);
  guest.raw(Request.getConfig, 1, payload);
  const answer = (await guest.answer())!;
  return new DataView(answer.buffer, answer.byteOffset + 12, 96);
}

function setWriteback(guest: FrontEnd, value: number): void {
  const payload = new Uint8Array(12 + 1);
  const view = new DataView(payload.buffer);
  view.setUint32(0, writebackAt, true);
  view.setUint32(4, 1, true);
  payload[12] = value;
  guest.raw(Request.setConfig, 1, payload);
}

async function withDisk(
  engine: string,
  features: bigint,
  options: readonly string[],
  run: (guest: FrontEnd, disk: Disk) => Promise<void>,
): Promise<void> {
  const disk = await startDisk(engine, ...options);
  const guest = new FrontEnd(disk.socket);
  await guest.start(queue, 1, 16, features);
  await run(guest, disk);
  guest.close();
  disk.child.kill('SIGTERM');
  assert.equal(await disk.ended, 0);
}

const write = (guest: FrontEnd) => ask(guest, { type: 1, sector: 8n, write: new Uint8Array(4096).fill(0x77) });

const all = bit(Bit.flush) | bit(Bit.wce) | bit(Bit.discard) | bit(Bit.writeZeroes);

for (const engine of engines) {
  describe(`virtio-blk, ${engine}`, { skip: engineRefused(engine), timeout: 240_000 }, () => {
    test('5.2.5.2 SHOULD always offer FLUSH, and MUST where it offers CONFIG_WCE; no ZONED; RO where nothing is written', async () => {
      for (const options of [[], ['--readonly']]) {
        await withDisk(engine, 0n, options, async (guest) => {
          const offered = await guest.ask(Request.getFeatures);
          assert.notEqual(offered & bit(Bit.flush), 0n);
          assert.equal(offered & bit(Bit.zoned), 0n);
          assert.equal((offered & bit(Bit.readOnly)) !== 0n, options.length > 0);
          if (options.length > 0) assert.equal(offered & (bit(Bit.wce) | bit(Bit.discard) | bit(Bit.writeZeroes)), 0n);
        });
      }
    });

    test('5.2.5.2 MUST initialize padding to 0, and zoned characteristics too where ZONED was not accepted', async () => {
      await withDisk(engine, all, [], async (guest) => {
        const config = await configOf(guest);
        assert.equal(config.getBigUint64(0, true), BigInt(diskBytes / 512));
        for (const at of [33, 57, 58, 59, ...Array.from({ length: 24 }, (_, index) => 72 + index)]) {
          assert.equal(config.getUint8(at), 0, `byte ${at}`);
        }
      });
    });

    test('5.2.5.2 MUST initialize writeback to 0 where CONFIG_WCE is negotiated and FLUSH is not', async () => {
      await withDisk(engine, bit(Bit.wce), [], async (guest, disk) => {
        assert.equal((await configOf(guest)).getUint8(writebackAt), 0);
        guest.close();
        const next = new FrontEnd(disk.socket);
        await next.start(queue, 1, 16, all);
        assert.equal((await configOf(next)).getUint8(writebackAt), 1, 'the next guest can flush');
        next.close();
      });
    });

    test('5.2.6.2 MUST answer a write with IOERR where RO is offered, and MUST NOT write any data', async () => {
      await withDisk(engine, 0n, ['--readonly'], async (guest, disk) => {
        const before = readFileSync(disk.image);
        for (const request of [
          { type: 1, sector: 8n, write: new Uint8Array(4096) },
          { type: 11, sector: 0n, write: range(0n, 8, 0) },
          { type: 13, sector: 0n, write: range(0n, 8, 0) },
        ]) {
          assert.equal((await ask(guest, request)).status, 1);
        }
        assert.ok(readFileSync(disk.image).equals(before));
      });
    });

    test('5.2.6.2 MUST answer UNSUPP to unknown flags, to a discard with unmap, and to what is not offered', async () => {
      await withDisk(engine, all, [], async (guest, disk) => {
        const before = readFileSync(disk.image);
        for (const [type, flags] of [
          [11, 1],
          [11, 2],
          [11, 2 ** 31],
          [13, 2],
          [13, 3],
          [13, 2 ** 31],
        ] as const) {
          assert.equal(
            (await ask(guest, { type, sector: 0n, write: range(0n, 8, flags) })).status,
            2,
            `${type} ${flags}`,
          );
        }
        // Secure erase, the commands of zones, lifetime.
        for (const type of [14, 15, 16, 18, 20, 22, 24, 26, 10]) {
          assert.equal((await ask(guest, { type, sector: 0n, room: 512 })).status, 2, `${type}`);
        }
        assert.ok(readFileSync(disk.image).equals(before));
      });
    });

    test('5.2.6.2 after a write zeroes command reads MUST return zeroes, with and without unmap', async () => {
      await withDisk(engine, all, [], async (guest) => {
        for (const [flags, sector] of [
          [0, 64n],
          [1, 128n],
        ] as const) {
          assert.equal((await ask(guest, { type: 13, sector: 0n, write: range(sector, 16, flags) })).status, 0);
          const { data } = await ask(guest, { type: 0, sector, room: 8192 });
          assert.ok(data.every((byte) => byte === 0));
        }
      });
    });

    test('5.2.6.2 stable writes MUST be committed before they complete, others before a flush does', async (t) => {
      let tells = false;
      await withDisk(engine, all, [], async (guest, disk) => {
        await ask(guest, { type: 4, sector: 0n });
        assert.equal((await write(guest)).status, 0);
        tells = (dirtyPages(disk.image) ?? 0) > 0;
        if (!tells) return;
        assert.equal((await ask(guest, { type: 4, sector: 0n })).status, 0);
        assert.equal(dirtyPages(disk.image), 0, 'after a flush');
        setWriteback(guest, 0);
        assert.equal((await configOf(guest)).getUint8(writebackAt), 0);
        assert.equal((await write(guest)).status, 0);
        assert.equal(dirtyPages(disk.image), 0, 'writeback is 0');
        setWriteback(guest, 1);
        assert.equal((await write(guest)).status, 0);
        assert.ok(dirtyPages(disk.image)! > 0, 'writeback is 1 again');
      });
      if (!tells) return t.skip('the kernel does not say which pages are dirty here');
      await withDisk(engine, 0n, [], async (guest, disk) => {
        // What the image was made of is not the guest's.
        await ask(guest, { type: 4, sector: 0n });
        assert.equal((await write(guest)).status, 0);
        assert.equal(dirtyPages(disk.image), 0, 'FLUSH was offered, and neither it nor CONFIG_WCE negotiated');
      });
    });
  });
}
