// `clearway disk` over its real socket, driven by a front end of the tests' own, on both engines: every byte right, errors as the specification
// has them, features, resets, and front ends that misbehave: refused in a sentence, with nothing left behind, while the next one is served.

import assert from 'node:assert/strict';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { F } from '../../src/kernel/constants.js';
import { createEventDescriptor, signalEvent } from '../../src/kernel/event.js';
import { cachedPages, dropCached } from '../../src/kernel/file.js';
import { addSeals, sealsOf } from '../../src/kernel/seals.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Flag, Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines } from '../conformance/serve/servers.js';
import { ask, descriptorsOf, diskBytes, sharedMappingsOf, sleepsOf, startDisk } from '../support/disks.js';
import { until, untilSaid } from '../support/until.js';
import { FrontEnd, shrinkableFile } from '../support/vhost-front-end.js';

const plain = { indirect: true, eventIndex: false };

for (const engine of engines) {
  describe(`a disk, ${engine}`, { skip: engineRefused(engine), timeout: 240_000 }, () => {
    test('reads, writes, flushes, its id, holes and zeros: the file is what the guest wrote', async () => {
      for (const features of [plain, { indirect: true, eventIndex: true }]) {
        const disk = await startDisk(engine, '--id', 'serial-1');
        const guest = new FrontEnd(disk.socket);
        await guest.start(features, 2, 16, (1n << 9n) | (1n << 13n) | (1n << 14n));
        const before = readFileSync(disk.image);
        const read = await ask(guest, { type: 0, sector: 8n, room: 4096 });
        assert.deepEqual([read.status, read.written], [0, 4097]);
        assert.ok(Buffer.from(read.data).equals(before.subarray(4096, 8192)));
        const bytes = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31) & 0xff);
        assert.deepEqual((await ask(guest, { type: 1, sector: 128n, write: bytes, queue: 1 })).status, 0);
        assert.equal((await ask(guest, { type: 4, sector: 0n })).status, 0);
        assert.ok(readFileSync(disk.image).subarray(65_536, 131_072).equals(bytes));
        const id = await ask(guest, { type: 8, sector: 0n, room: 20 });
        assert.equal(Buffer.from(id.data).toString('latin1'), 'serial-1'.padEnd(20, '\0'));
        assert.equal(id.written, 21);
        const roomy = await ask(guest, { type: 8, sector: 0n, room: 4096 });
        assert.deepEqual([roomy.status, roomy.written], [0, 20], 'no more than was written');
        const range = (sector: bigint, sectors: number, flags: number): Uint8Array => {
          const view = new DataView(new ArrayBuffer(16));
          view.setBigUint64(0, sector, true);
          view.setUint32(8, sectors, true);
          view.setUint32(12, flags, true);
          return new Uint8Array(view.buffer);
        };
        const blocks = statSync(disk.image).blocks;
        assert.equal((await ask(guest, { type: 11, sector: 0n, write: range(2048n, 2048, 0) })).status, 0);
        assert.equal((await ask(guest, { type: 13, sector: 0n, write: range(256n, 8, 1) })).status, 0);
        assert.equal((await ask(guest, { type: 13, sector: 0n, write: range(264n, 8, 0) })).status, 0);
        assert.ok(statSync(disk.image).blocks < blocks, 'the host has room again');
        const after = readFileSync(disk.image);
        assert.ok(after.subarray(2048 * 512, 4096 * 512).every((byte) => byte === 0));
        assert.ok(after.subarray(256 * 512, 272 * 512).every((byte) => byte === 0));
        assert.ok(after.subarray(272 * 512, 1024 * 512).equals(before.subarray(272 * 512, 1024 * 512)));
        for (const [type, write, status] of [
          [11, range(0n, 8, 1), 2],
          [11, range(0n, 8, 2), 2],
          [13, range(0n, 8, 2), 2],
          [11, range(8191n, 2, 0), 1],
          [11, range(2n ** 63n, 1, 0), 1],
          [11, range(0n, 2 ** 32 - 1, 0), 1],
          [11, range(0n, 8, 0).subarray(0, 15), 1],
          [11, new Uint8Array(32), 2],
          [11, new Uint8Array(0), 1],
          [99, new Uint8Array(0), 2],
        ] as const)
          assert.equal((await ask(guest, { type, sector: 0n, write })).status, status, `${type} ${write}`);
        guest.close();
        disk.child.kill('SIGTERM');
        assert.equal(await disk.ended, 0);
        assert.ok(!existsSync(disk.socket), 'the socket is gone');
      }
    });

    test('sectors and lengths that are not there are errors, and nothing is written', async () => {
      const disk = await startDisk(engine, '--readonly');
      const guest = new FrontEnd(disk.socket);
      await guest.start(plain);
      const before = readFileSync(disk.image);
      for (const sector of [8192n, 8191n, 2n ** 53n + 1n, 2n ** 55n, 2n ** 63n, 2n ** 64n - 1n])
        assert.deepEqual(
          await ask(guest, { type: 0, sector, room: 1024 }).then(({ status, written }) => [status, written]),
          [1, 1],
        );
      for (const room of [511, 513, 1]) assert.equal((await ask(guest, { type: 0, sector: 0n, room })).status, 1);
      assert.equal(
        (await ask(guest, { type: 1, sector: 0n, write: new Uint8Array(512) })).status,
        1,
        'it is read only',
      );
      assert.equal((await ask(guest, { type: 0, sector: 8190n, room: 1024 })).status, 0, 'the last two');
      assert.ok(readFileSync(disk.image).equals(before));
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    for (const options of [[], ['--direct']])
      test(`hundreds of random requests against a model, any framing, several at once ${options}`, async () => {
        const disk = await startDisk(engine, ...options);
        const model = readFileSync(disk.image);
        const guest = new FrontEnd(disk.socket, 64 * 1024 * 1024);
        await guest.start({ indirect: true, eventIndex: true }, 1, 128, 1n << 9n);
        const random = randomSource(7);
        const { driver } = guest.queues[0]!;
        const under: Map<number, () => void> = new Map();
        const slots = Array.from({ length: 8 }, () => guest.take(40_960));
        const free = [...slots];
        for (let count = 0; count < 500; count++) {
          const isWrite = random() < 0.5;
          const sectors = 1 + Math.floor(random() * 32);
          // Requests under way may not touch each other's sectors: their order is the guest's affair.
          const zone = slots.indexOf(free[free.length - 1] ?? -1);
          if (zone >= 0) {
            const place = free.pop()!;
            const sector = zone * 300 + Math.floor(random() * 260);
            send(guest, place, { isWrite, sector, sectors, random }, (check) => {
              under.set(check.id, () => {
                check.done(model);
                free.push(place);
              });
            });
          }
          if (free.length === 0 || random() < 0.3) {
            const id = await guest.back(0);
            under.get(id)!();
            under.delete(id);
          }
        }
        while (under.size > 0) {
          const id = await guest.back(0);
          under.get(id)!();
          under.delete(id);
        }
        assert.equal(driver.fault, undefined);
        assert.ok(readFileSync(disk.image).equals(model));
        guest.close();
        disk.child.kill('SIGKILL');
      });

    test('--direct: what is aligned leaves nothing in the page cache, and the rest is right as well', async (t) => {
      const disk = await startDisk(engine, '--direct');
      const file = openSync(disk.image, 'r');
      const before = readFileSync(disk.image);
      fsyncSync(file);
      dropCached(file);
      if (cachedPages(file, 0, diskBytes) !== 0) return t.skip('the page cache cannot be emptied or asked here');
      const guest = new FrontEnd(disk.socket);
      await guest.start(plain, 1, 16, 1n << 9n);
      const bytes = Uint8Array.from({ length: 8192 }, (_, index) => (index * 13) & 0xff);
      assert.equal((await ask(guest, { type: 1, sector: 64n, write: bytes })).status, 0);
      const read = await ask(guest, { type: 0, sector: 56n, room: 16_384 });
      assert.ok(Buffer.from(read.data.subarray(0, 4096)).equals(before.subarray(28_672, 32_768)));
      assert.ok(Buffer.from(read.data.subarray(4096, 12_288)).equals(bytes));
      assert.equal(cachedPages(file, 0, diskBytes), 0);
      assert.equal((await ask(guest, { type: 1, sector: 65n, write: bytes.subarray(0, 512) })).status, 0);
      assert.ok(readFileSync(disk.image).subarray(33_280, 33_792).equals(bytes.subarray(0, 512)));
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
      closeSync(file);
    });

    test('the metrics count what was asked, and no byte of it was copied in user space', async () => {
      const disk = await startDisk(engine, '--metrics', '127.0.0.1:0');
      const guest = new FrontEnd(disk.socket);
      await guest.start(plain);
      for (let count = 0; count < 3; count++) await ask(guest, { type: 0, sector: 0n, room: 4096 });
      await ask(guest, { type: 1, sector: 0n, write: new Uint8Array(1024) });
      await ask(guest, { type: 0, sector: 2n ** 40n, room: 512 });
      await until('the address is said', () => /http:\S+/.test(disk.said()));
      // A device that is still awake when it is asked needs no kick; one that nobody needed is counted too.
      guest.queues[0]!.kickNow();
      const metrics = async (): Promise<string> => (await fetch(/http:\S+/.exec(disk.said())![0])).text();
      const figure = (text: string, name: string): number =>
        Number(new RegExp(`^clearway_virtio_${name}_total\\S* (\\d+)$`, 'm').exec(text)![1]);
      await until('a kick is counted', async () => figure(await metrics(), 'kicks') > 0);
      const text = await metrics();
      const rows = new Map(text.split('\n').map((line) => [line.replaceAll(disk.image, 'D'), line] as const));
      for (const row of [
        'clearway_disk_requests_total{device="D",type="read"} 4',
        'clearway_disk_requests_total{device="D",type="write"} 1',
        'clearway_disk_errors_total{device="D"} 1',
        'clearway_disk_bytes_total{device="D",direction="read"} 12288',
        'clearway_disk_bytes_total{device="D",direction="written"} 1024',
        'clearway_disk_requests_under_way{device="D"} 0',
        'clearway_disk_request_duration_seconds_count{device="D"} 5',
        'clearway_vhost_front_ends_total{device="D"} 1',
        'clearway_vhost_front_end_connected{device="D"} 1',
      ]) {
        assert.ok(rows.has(row), `${row}\n${text}`);
      }
      // Each of the five was kicked for, or found without.
      const [kicks, saved] = [figure(text, 'kicks'), figure(text, 'kicks_saved')];
      assert.ok(kicks <= guest.queues[0]!.kicks && saved <= 5 && kicks + saved >= 5, `${kicks} kicks, ${saved} saved`);
      assert.match(text, /clearway_disk_longest_request_seconds\S* \d/);
      assert.match(text, /clearway_copied_bytes_total/);
      assert.doesNotMatch(text, /clearway_copied_bytes_total\S* [1-9]/);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('messages that are none: refused, nothing is left, and the next front end is served', async () => {
      const disk = await startDisk(engine);
      const first = new FrontEnd(disk.socket);
      await first.ask(Request.getFeatures);
      first.close();
      await until('the first has gone', () => disk.said().includes('has gone'));
      const idle = descriptorsOf(disk.child.pid!);
      const foreign = new Region(4096, { kind: 'memfd' });
      const event = createEventDescriptor();
      const region = (guest: bigint, length: bigint, user: bigint, offset: bigint) => [guest, length, user, offset];
      const table = (...regions: readonly (readonly bigint[])[]) => [BigInt(regions.length), ...regions.flat()];
      const [base, user] = [2n ** 32n, 2n ** 46n];
      const cases: readonly (readonly [string, (guest: FrontEnd) => void])[] = [
        ['version', (guest) => guest.raw(Request.getFeatures, 2, new Uint8Array(0))],
        ['size', (guest) => guest.raw(Request.getFeatures, 1, new Uint8Array(0), [], 5000)],
        ['size of 2^32 - 1', (guest) => guest.raw(Request.setMemoryTable, 1, new Uint8Array(0), [], 2 ** 32 - 1)],
        ['a short payload', (guest) => guest.raw(Request.setVringNum, 1, new Uint8Array(4))],
        ['an unknown request', (guest) => guest.send(77, [])],
        ['descriptors where none belong', (guest) => guest.send(Request.setOwner, [], [foreign.fd, event, foreign.fd])],
        ['two descriptors for one kick', (guest) => guest.send(Request.setVringKick, [0n], [event, event])],
        ['a kick without one', (guest) => guest.send(Request.setVringKick, [0n])],
        ['a kick that is a file', (guest) => guest.send(Request.setVringKick, [0n], [foreign.fd])],
        ['features that were not offered', (guest) => guest.send(Request.setFeatures, [1n << 63n])],
        ['protocol features that were not offered', (guest) => guest.send(Request.setProtocolFeatures, [1n << 8n])],
        [
          'nine regions',
          (guest) =>
            guest.send(Request.setMemoryTable, table(...Array.from({ length: 9 }, () => region(0n, 1n, 0n, 0n)))),
        ],
        ['2^32 - 1 regions', (guest) => guest.send(Request.setMemoryTable, [2n ** 32n - 1n])],
        [
          'more regions than descriptors',
          (guest) => guest.send(Request.setMemoryTable, table(region(base, 4096n, user, 0n))),
        ],
        ['queue 255', (guest) => guest.send(Request.setVringNum, [255n | (16n << 32n)])],
        ['queue 2^31', (guest) => guest.send(Request.setVringEnable, [(2n ** 31n) | (1n << 32n)])],
        ['a queue of 3', (guest) => guest.send(Request.setVringNum, [0n | (3n << 32n)])],
        ['a queue of 0', (guest) => guest.send(Request.setVringNum, [0n])],
        ['a queue of 65,536', (guest) => guest.send(Request.setVringNum, [65_536n << 32n])],
        [
          'capacity written',
          (guest) =>
            guest.raw(
              Request.setConfig,
              1,
              Uint8Array.from([0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, ...new Array(8).fill(1)]),
            ),
        ],
      ];
      for (const [name, misbehave] of cases) {
        const guest = new FrontEnd(disk.socket);
        misbehave(guest);
        assert.equal(await guest.answer(), undefined, `${name}: the device hangs up`);
        guest.close();
        const told = new FrontEnd(disk.socket);
        told.send(Request.setProtocolFeatures, [1n << 3n]);
        assert.equal(await told.ask(Request.getQueueNum), 4n, `${name}: the next one is served`);
        told.close();
      }
      await until('nothing is left', () => descriptorsOf(disk.child.pid!) <= idle);
      for (const fd of [event]) closeDescriptor(fd);
      foreign.unmap();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('memory that is none, or may become shorter, is refused where it is asked for', async () => {
      const disk = await startDisk(engine);
      const [sealable, shrinkable] = [shrinkableFile(65_536, true), shrinkableFile(65_536, false)];
      const event = createEventDescriptor();
      const guest = new FrontEnd(disk.socket);
      guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 15n)]);
      assert.ok((await guest.ask(Request.getMaxMemorySlots)) >= 32n);
      const add = (start: bigint, length: bigint, user: bigint, offset: bigint, fd = guest.memory.fd) =>
        guest.acknowledged(Request.addMemoryRegion, [0n, start, length, user, offset], [fd]);
      const [base, user] = [BigInt(guest.guest(0)), BigInt(guest.user(0))];
      assert.equal(await add(base, 65_536n, user, 0n), 0n);
      for (const [name, ...region] of [
        ['empty', base * 2n, 0n, user * 2n, 0n],
        ['overlapping for the guest', base + 4096n, 65_536n, user + 2n ** 30n, 0n],
        ['overlapping for its front end', base * 2n, 65_536n, user + 4096n, 0n],
        ['past its file', base * 2n, 2n ** 40n, user + 2n ** 30n, 0n],
        ['begun past its file', base * 2n, 4096n, user + 2n ** 30n, 2n ** 40n],
        ['within a page', base * 2n, 4096n, user + 2n ** 30n, 100n],
        ['wrapping', 2n ** 64n - 4096n, 8192n, user + 2n ** 30n, 0n],
        ['of 2^63 bytes', base * 2n, 2n ** 63n, user + 2n ** 30n, 0n],
      ] as const) {
        assert.equal(await add(region[0], region[1], region[2], region[3]), 1n, name);
      }
      assert.equal(await add(base * 2n, 4096n, user + 2n ** 30n, 0n, event), 1n, 'an eventfd');
      assert.equal(await add(base * 2n, 65_536n, user + 2n ** 30n, 0n, shrinkable), 1n, 'may become shorter');
      const remove = (start: bigint) => guest.acknowledged(Request.removeMemoryRegion, [0n, start, 65_536n, user, 0n]);
      assert.equal(await remove(base + 4096n), 1n, 'a region that is not there');
      // QEMU before 8.0 adds a region, and takes it away, once for each pair of queues.
      assert.equal(await add(base, 65_536n, user, 0n), 0n, 'the same again');
      assert.equal(await add(base, 65_536n, user, 0n, sealable), 1n, 'the same place, of another file');
      assert.equal(await remove(base), 0n);
      assert.equal(await add(base + 4096n, 4096n, user + 4096n, 4096n), 0n, 'where it was there is room');
      assert.equal(await remove(base), 0n, 'as often as it was added');
      assert.equal(await remove(base), 1n, 'and no more');
      assert.equal(await guest.acknowledged(Request.setMemoryTable, [1n, base, 65_536n, user, 0n], [shrinkable]), 1n);
      // It can be sealed still, and is.
      assert.equal(await add(base * 2n, 65_536n, user + 2n ** 30n, 0n, sealable), 0n);
      assert.ok(addSeals(sealable, F.SEAL_SHRINK) === 0 && sealsOf(sealable) === F.SEAL_SHRINK);
      guest.close();
      // QEMU passes none at all, and says nothing, of a guest whose memory is not shared.
      const without = new FrontEnd(disk.socket);
      without.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 15n)]);
      for (const queue of [0n, 1n]) {
        assert.equal(await without.acknowledged(Request.setVringEnable, [queue | (1n << 32n)]), 0n);
      }
      assert.doesNotMatch(disk.said(), /passed no memory/, 'nothing else is there of a queue either');
      for (const queue of [0, 1]) without.startQueue(queue, 16, plain);
      await until('it is said', () => disk.said().includes('passed no memory'));
      assert.equal(disk.said().split('passed no memory').length, 2, 'once');
      await untilSaid(disk.said, /passed no memory.*memory-backend-memfd.*share=on/);
      without.close();
      for (const fd of [event, sealable, shrinkable]) closeDescriptor(fd);
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('requests that make no sense: given back, the queue goes on; a broken queue is stopped until it is reset', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(plain, 1, 16, 1n << 9n);
      const { driver } = guest.queues[0]!;
      const place = guest.take(8192);
      guest.memory.data.setUint32(place, 0, true);
      const own = (offset: number, length: number) => ({ address: guest.guest(place + offset), length });
      const outside = { address: 0x10, length: 512 };
      for (const [name, readable, writable] of [
        ['no status', [own(0, 16)], []],
        ['a short header', [own(0, 15)], [own(4096, 1)]],
        ['no header', [], [own(4096, 1)]],
        ['a status outside', [own(0, 16)], [own(4096, 512), { address: 0x10, length: 1 }]],
        ['data outside', [own(0, 16)], [outside, own(4096, 1)]],
        ['beyond 2^53', [own(0, 16)], [{ address: 2 ** 53 + 4096, length: 512 }, own(4096, 1)]],
        ['a header outside', [{ address: 0x10, length: 16 }], [own(4096, 1)]],
        ['readable data to read into', [own(0, 16), own(100, 512)], [own(4096, 1)]],
      ] as const) {
        assert.ok(driver.add(readable, writable) >= 0, name);
        guest.publish(0);
        await guest.back(0);
        assert.ok(driver.written <= 1, `${name}: ${driver.written} written`);
      }
      assert.equal((await ask(guest, { type: 0, sector: 0n, room: 512 })).status, 0, 'the queue goes on');
      // An index that jumps.
      const { places, kick } = guest.queues[0]!;
      const index = places.available + 2;
      guest.memory.data.setUint16(index, (guest.memory.data.getUint16(index, true) + 100) & 0xffff, true);
      signalEvent(kick);
      await until('it is said', () => disk.said().includes('makes no sense (available index)'));
      // Kicks of a broken queue cost nothing but themselves, and it is reset by a fresh start.
      for (let count = 0; count < 100; count++) signalEvent(kick);
      guest.send(Request.getVringBase, [0n]);
      assert.ok((await guest.answer()) !== undefined);
      guest.startQueue(0, 16, plain);
      assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      assert.equal(await guest.acknowledged(Request.resetDevice, []), 0n);
      guest.startQueue(0, 16, plain);
      assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('an idle disk wakes up for nothing; 1,000 front ends that come and go leave no descriptor and no mapping', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(plain);
      await ask(guest, { type: 0, sector: 0n, room: 512 });
      const pid = disk.child.pid!;
      const open = descriptorsOf(pid);
      assert.ok(sharedMappingsOf(pid) > 0);
      // What was begun with the start is over after a moment, or a few where others use the machine.
      let slept = {};
      await until('no thread wakes up', async () => {
        const before = sleepsOf(pid);
        await new Promise((resolve) => setTimeout(resolve, 1500));
        slept = sleepsOf(pid);
        return isDeepStrictEqual(slept, before);
      });
      guest.close();
      for (let count = 0; count < 1000; count++) {
        const next = new FrontEnd(disk.socket, 4096 * 64);
        if (count % 3 === 0) next.raw(Request.getFeatures, Flag.version, new Uint8Array(0));
        if (count % 3 === 1) await next.start(plain);
        next.close();
      }
      const last = new FrontEnd(disk.socket);
      assert.equal(await last.ask(Request.getQueueNum), 4n);
      last.close();
      await until(`${descriptorsOf(pid)} descriptors`, () => descriptorsOf(pid) < open);
      assert.equal(sharedMappingsOf(pid), 0);
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });
  });
}

/** Sends one random request in a framing of its own, and says how it is checked. */
function send(
  guest: FrontEnd,
  place: number,
  { isWrite, sector, sectors, random }: { isWrite: boolean; sector: number; sectors: number; random: () => number },
  started: (check: { readonly id: number; done(model: Buffer): void }) => void,
): void {
  const { bytes, data } = guest.memory;
  const length = sectors * 512;
  data.setUint32(place, isWrite ? 1 : 0, true);
  data.setBigUint64(place + 8, BigInt(sector), true);
  const from = place + 64 + Math.floor(random() * 100);
  const status = place + 32;
  const written = Uint8Array.from({ length }, () => Math.floor(random() * 256));
  if (isWrite) bytes.set(written, from);
  const cut = (start: number, total: number) => {
    const pieces: { address: number; length: number }[] = [];
    for (let done = 0; done < total; ) {
      const here = pieces.length > 3 ? total - done : 1 + Math.floor(random() * (total - done));
      pieces.push({ address: guest.guest(start + done), length: here });
      done += here;
    }
    return pieces;
  };
  const header = cut(place, 16);
  const payload = cut(from, length);
  const end = { address: guest.guest(status), length: 1 };
  const id = guest.queues[0]!.driver.add(
    isWrite ? [...header, ...payload] : header,
    isWrite ? [end] : [...payload, end],
  );
  assert.ok(id >= 0);
  guest.publish(0);
  started({
    id,
    done: (model) => {
      assert.equal(bytes[status], 0);
      if (isWrite) model.set(written, sector * 512);
      else
        assert.ok(
          model.subarray(sector * 512, sector * 512 + length).equals(bytes.subarray(from, from + length)),
          `sector ${sector}`,
        );
    },
  });
}
