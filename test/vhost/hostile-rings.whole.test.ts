// Front ends that set queues up as no front end should, at a disk's real socket: sizes, places and rings that make no sense, kicks and calls that are
// full, blocked, gone or of no queue; and memory that is taken away beneath a ring. The disk goes on, and its processor rests afterwards.

import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { EFD, O } from '../../src/kernel/constants.js';
import { epollCreate } from '../../src/kernel/epoll.js';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { syscall3 } from '../../src/kernel/ffi.js';
import { scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines } from '../conformance/serve/servers.js';
import { ask, type Disk, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const features = { indirect: true, eventIndex: false };
const ringBits = (1n << 32n) | (1n << 30n) | (1n << 28n);

/** Times that threads of a process went to sleep. */
function sleeps(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => readFileSync(`${tasks}/${task}/status`, 'utf8'))
    .reduce((sum, status) => sum + Number(/voluntary_ctxt_switches:\s+(\d+)/.exec(status)![1]), 0);
}

/** Nothing runs in a disk: it neither spins nor wakes up over and over. */
async function rests({ child }: Disk, why: string): Promise<void> {
  const busy = (): number =>
    readdirSync(`/proc/${child.pid}/task`)
      .map((task) => Number(readFileSync(`/proc/${child.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
      .reduce((sum, each) => sum + each, 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [before, slept] = [busy(), sleeps(child.pid!)];
  await new Promise((resolve) => setTimeout(resolve, 300));
  // A thread that spins has run for most of that, on any machine that lets it run at all.
  assert.ok(busy() - before < 200e6, `${why}: ${(busy() - before) / 1e6} ms`);
  assert.ok(sleeps(child.pid!) - slept < 300, why);
}

/** Both ends of a pipe. */
function makePipe(): [read: number, write: number] {
  const place = scratch(8);
  assert.equal(syscall3(sys.pipe2, place.address, O.CLOEXEC), 0);
  return [place.data.getInt32(place.offset, true), place.data.getInt32(place.offset + 4, true)];
}

/** An eventfd at its maximum, on which a write waits. */
function fullEvent(): number {
  const fd = syscall3(sys.eventfd2, 0, EFD.CLOEXEC);
  const place = scratch(8);
  place.data.setBigUint64(place.offset, 2n ** 64n - 2n, true);
  assert.equal(syscall3(sys.write, fd, place.address, 8), 8);
  return fd;
}

/** A front end with its memory passed, and acknowledgements. */
function setUp(disk: Disk): FrontEnd {
  const guest = new FrontEnd(disk.socket);
  guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 15n)]);
  guest.send(Request.setFeatures, [ringBits]);
  guest.send(Request.setMemoryTable, guest.table(), [guest.memory.fd]);
  return guest;
}

for (const engine of engines) {
  describe(`hostile queues, ${engine}`, { skip: engineRefused(engine), timeout: 240_000 }, () => {
    test('numbers of queues and of entries that are not', async () => {
      const disk = await startDisk(engine);
      const guest = setUp(disk);
      const event = createEventDescriptor();
      for (const index of [4n, 255n, 2n ** 31n, 2n ** 32n - 1n]) {
        for (const request of [Request.setVringNum, Request.setVringBase, Request.setVringEnable])
          assert.equal(await guest.acknowledged(request, [index | (1n << 32n)]), 1n, `${request} of queue ${index}`);
        assert.equal(await guest.acknowledged(Request.setVringAddr, [index, 0n, 0n, 0n, 0n]), 1n);
        assert.equal(await guest.acknowledged(Request.setVringKick, [index], [event]), 1n);
        assert.equal(await guest.acknowledged(Request.setVringCall, [index], [event]), 1n);
      }
      for (const size of [0n, 3n, 32_769n, 65_535n, 65_536n, 2n ** 31n, 2n ** 32n - 1n])
        assert.equal(await guest.acknowledged(Request.setVringNum, [size << 32n]), 1n, `${size} entries`);
      guest.send(Request.setFeatures, [ringBits | (1n << 34n)]);
      assert.equal(await guest.acknowledged(Request.setVringNum, [3n << 32n]), 0n, 'packed: any size');
      assert.equal(await guest.acknowledged(Request.setVringNum, [32_769n << 32n]), 1n);
      assert.equal(await guest.acknowledged(Request.setVringEnable, [2n << 32n]), 1n, 'enabled with 2');
      closeDescriptor(event);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('places of rings that are none: the queue does not start, and that is said', async () => {
      const disk = await startDisk(engine);
      const guest = setUp(disk);
      const event = createEventDescriptor();
      const place = guest.take(65_536);
      const user = (offset: number): bigint => BigInt(guest.user(offset));
      const end = user(guest.memory.byteLength);
      const right = [user(place), user(place + 4096), user(place + 8192)] as const;
      const [descriptors, used, available] = right;
      let said = 0;
      for (const [name, where] of [
        ['0', [0n, 0n, 0n]],
        ['outside', [2n ** 46n, used, available]],
        ["the guest's address", [BigInt(guest.guest(place)), used, available]],
        ['descriptors past the end', [end - 128n, used, available]],
        ['the used ring past the end', [descriptors, end - 64n, available]],
        ['the available ring past the end', [descriptors, used, end - 8n]],
        ['misaligned descriptors', [descriptors + 8n, used, available]],
        ['misaligned used ring', [descriptors, used + 2n, available]],
        ['misaligned available ring', [descriptors, used, available + 1n]],
        ['wrapping', [2n ** 64n - 16n, used, available]],
        ['beyond 2^53', [2n ** 60n, used, available]],
      ] as const) {
        assert.equal(await guest.acknowledged(Request.setVringNum, [16n << 32n]), 0n, name);
        guest.send(Request.setVringAddr, [0n, where[0], where[1], where[2], 0n]);
        guest.send(Request.setVringKick, [0n], [event]);
        await guest.acknowledged(Request.setVringEnable, [1n << 32n]);
        said++;
        const told = (): number =>
          disk.said().match(/lies outside of the guest's memory, or is not aligned/g)?.length ?? 0;
        await until(`it is said of ${name}`, () => told() >= said);
        assert.equal(told(), said, `${name}: once`);
        guest.send(Request.getVringBase, [0n]);
        assert.ok((await guest.answer()) !== undefined);
      }
      // All parts in one place: what comes of it is the guest's own affair.
      guest.memory.bytes.fill(0xff, place, place + 4096);
      guest.send(Request.setVringAddr, [0n, descriptors, descriptors, descriptors, 0n]);
      guest.send(Request.setVringKick, [0n], [event]);
      assert.equal(await guest.acknowledged(Request.setVringEnable, [1n << 32n]), 0n);
      await rests(disk, 'rings over one another');
      guest.send(Request.getVringBase, [0n]);
      assert.ok((await guest.answer()) !== undefined);
      guest.send(Request.setFeatures, [ringBits | (1n << 34n)]);
      guest.send(Request.setVringBase, [(0x8010_8010n << 32n) | 0n]);
      guest.send(Request.setVringAddr, [0n, descriptors, used, available, 0n]);
      guest.send(Request.setVringKick, [0n], [event]);
      assert.equal(await guest.acknowledged(Request.setVringEnable, [1n << 32n]), 0n);
      await until('it is said', () => /begins outside of itself/.test(disk.said()));
      closeDescriptor(event);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('calls that are full and wait, or that nobody reads; kicks whose writer is gone, or that are files', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(features);
      guest.send(Request.setProtocolFeatures, [1n << 3n]);
      const full = fullEvent();
      assert.equal(await guest.acknowledged(Request.setVringCall, [0n], [full]), 0n);
      await untilDone(guest);
      const [read, write] = makePipe();
      closeDescriptor(read);
      assert.equal(await guest.acknowledged(Request.setVringCall, [0n], [write]), 0n);
      await untilDone(guest);
      for (const fd of [full, write]) closeDescriptor(fd);
      const file = openSync(disk.image, 'r');
      assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [file]), 1n, 'a file');
      closeSync(file);
      const [end, gone] = makePipe();
      closeDescriptor(gone);
      assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [end]), 0n);
      closeDescriptor(end);
      await rests(disk, 'a kick whose writer is gone');
      assert.equal(await guest.ask(Request.getQueueNum), 4n);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('kicks that are ready without end, that cannot be watched, or not be read', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(features);
      guest.send(Request.setProtocolFeatures, [1n << 3n]);
      const [read, write] = makePipe();
      const others = [epollCreate(), openSync(disk.image, O.PATH), openSync(`/proc/self/fd/${read}`, O.PATH), write];
      for (const device of ['/dev/zero', '/dev/null', '/dev/urandom']) others.push(openSync(device, 'r'));
      for (const [number, fd] of others.entries()) {
        assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [fd]), 1n, `number ${number}`);
        closeDescriptor(fd);
      }
      await rests(disk, 'kicks that are none');
      assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [read]), 0n, 'a pipe will do');
      closeDescriptor(read);
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('a kick before memory, none at all, and GET_VRING_BASE: the count that was taken, and then silence', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      guest.send(Request.setProtocolFeatures, [1n << 3n]);
      guest.send(Request.setFeatures, [ringBits]);
      guest.startQueue(0, 16, features);
      guest.queues[0]!.kickNow();
      assert.equal(await guest.acknowledged(Request.setMemoryTable, guest.table(), [guest.memory.fd]), 0n);
      for (let count = 0; count < 5; count++)
        assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      guest.send(Request.getVringBase, [0n]);
      assert.equal((await guest.answer())!.getUint32(4, true), 5);
      const { driver } = guest.queues[0]!;
      const place = guest.take(8192);
      driver.add([{ address: guest.guest(place), length: 16 }], [{ address: guest.guest(place + 4096), length: 513 }]);
      guest.queues[0]!.publish();
      guest.queues[0]!.kickNow();
      await rests(disk, 'a queue that was stopped');
      assert.equal(driver.takeBack(), -1, 'it is not answered');
      guest.send(Request.getVringBase, [0n]);
      assert.equal((await guest.answer())!.getUint32(4, true), 5, 'it stays where it stood');
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

    test('memory is taken away beneath a ring: it stops, starts when it is there again; slots that are all in use', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(features);
      guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 15n)]);
      const region = [0n, ...guest.table().slice(1)];
      assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      assert.equal(await guest.acknowledged(Request.removeMemoryRegion, region), 0n);
      guest.queues[0]!.kickNow();
      await rests(disk, 'a ring without memory');
      const small = new Region(4096, { kind: 'memfd' });
      for (let slot = 0; slot < 32; slot++) {
        const at = 2n ** 40n + BigInt(slot) * 8192n;
        assert.equal(await guest.acknowledged(Request.addMemoryRegion, [0n, at, 4096n, at, 0n], [small.fd]), 0n);
      }
      const more = [0n, 2n ** 41n, 4096n, 2n ** 41n, 0n];
      assert.equal(
        await guest.acknowledged(Request.addMemoryRegion, more, [small.fd]),
        1n,
        'more than there are slots',
      );
      const file = openSync(disk.image, 'r');
      assert.equal(await guest.acknowledged(Request.addMemoryRegion, more, [file]), 1n, 'a file that may only be read');
      closeSync(file);
      assert.equal(
        await guest.acknowledged(Request.setMemoryTable, guest.table(), [small.fd, small.fd]),
        1n,
        'two for one',
      );
      assert.equal(await guest.acknowledged(Request.setMemoryTable, guest.table(), [guest.memory.fd]), 0n);
      guest.queues[0]!.kickNow();
      assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0, 'it goes on');
      small.unmap();
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });
  });
}

/** Asks for a sector without a call that says when it is done. */
async function untilDone(guest: FrontEnd): Promise<void> {
  const { driver } = guest.queues[0]!;
  const place = guest.take(8192, 4096);
  guest.memory.data.setUint32(place, 0, true);
  guest.memory.data.setBigUint64(place + 8, 1n, true);
  assert.ok(
    driver.add([{ address: guest.guest(place), length: 16 }], [{ address: guest.guest(place + 4096), length: 513 }]) >=
      0,
  );
  guest.queues[0]!.publish();
  for (let tries = 0; driver.takeBack() < 0; tries++) {
    assert.ok(tries < 2000, 'it came back');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(guest.memory.bytes[place + 4096 + 512], 0);
}
