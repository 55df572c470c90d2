// Memory and descriptors that a front end passes to end a disk's process, or to keep it busy: huge pages that are not there, or are taken away, regions larger
// than any host, and timers in the place of a kick. Regions that make no sense: disk.whole.test.ts.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { F, MFD } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { cString, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { addSeals } from '../../src/kernel/seals.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { SharedMemoryError, SharedRegion } from '../../src/memory/shared-region.js';
import { Request } from '../../src/vhost/protocol.js';
import { ask, type Disk, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const features = { indirect: true, eventIndex: true };
const pageBytes = 2 * 1024 * 1024;

/** A file in memory, sealed as QEMU seals it. Negative: the host has none of that kind. */
function sealedFile(length: number, flags = 0): number {
  const fd = syscall3(sys.memfd_create, cString('hostile'), MFD.CLOEXEC | MFD.ALLOW_SEALING | flags);
  if (fd < 0) return fd;
  assert.equal(syscall3(sys.ftruncate, fd, length), 0);
  assert.equal(addSeals(fd, F.SEAL_SHRINK | F.SEAL_GROW | F.SEAL_SEAL), 0);
  return fd;
}

/** A kick that wakes without end, and without anybody's doing: every nanosecond. */
function endlessTimer(): number {
  const monotonic = 1;
  const fd = syscall3(sys.timerfd_create, monotonic, 0);
  assert.ok(fd >= 0);
  const place = scratch(32);
  for (const [at, value] of [0n, 1n, 0n, 1n].entries()) place.data.setBigInt64(place.offset + at * 8, value, true);
  assert.equal(syscall6(sys.timerfd_settime, fd, 0, place.address, 0, 0, 0), 0);
  return fd;
}

/** How often the threads of a process went to sleep. */
const switchesOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
    .reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)![1]), 0);

async function servesNext(disk: Disk): Promise<void> {
  const guest = new FrontEnd(disk.socket);
  await guest.start(features);
  assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
  guest.close();
}

describe('hostile memory', { timeout: 240_000 }, () => {
  const huge = sealedFile(2 * pageBytes, MFD.HUGETLB);
  const skip = huge < 0 ? 'this host has no files of huge pages' : false;

  for (const any of [false, true])
    test(`a guest in huge pages that are not there (${any ? 'any memory' : 'by default'})`, { skip }, async () => {
      const disk = await startDisk('auto', ...(any ? ['--memory', 'any'] : []));
      const guest = new FrontEnd(disk.socket);
      guest.send(Request.setProtocolFeatures, [1n << 3n]);
      const table = [1n, 2n ** 32n, BigInt(2 * pageBytes), 2n ** 40n, 0n];
      const isRefused = (await guest.acknowledged(Request.setMemoryTable, table, [huge])) === 1n;
      assert.ok(any || isRefused, 'sealed or not');
      const why = any
        ? /more than there is room for: of huge pages as many have to be free/
        : /is of huge pages, which/;
      await until('it is said why', () => !isRefused || why.test(disk.said()));
      guest.close();
      await servesNext(disk);
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

  test('of 1 TiB only what is looked at is looked after; a window across two views', () => {
    const bytes = 2 ** 40;
    const fd = sealedFile(bytes);
    const before = process.memoryUsage().arrayBuffers;
    const region = new SharedRegion(fd, { offset: 0, length: bytes });
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 30, 'none yet');
    for (const at of [0, 2 ** 30 - 8, bytes / 2, bytes - 16]) {
      const { data, at: place } = region.window(at, 16);
      data.setBigUint64(place, BigInt(at), true);
      data.setBigUint64(place + 8, ~BigInt(at) & (2n ** 64n - 1n), true);
    }
    const { data, at } = region.window(2 ** 30, 8);
    assert.equal(data.getBigUint64(at, true), ~BigInt(2 ** 30 - 8) & (2n ** 64n - 1n));
    region.unmap();
    closeDescriptor(fd);
  });

  test('more memory than the host has, or than is allowed, is refused; in parts too', async () => {
    const bytes = 2 ** 40;
    const file = sealedFile(bytes);
    const describe = async (disk: Disk, parts: number): Promise<readonly (bigint | undefined)[]> => {
      const guest = new FrontEnd(disk.socket);
      guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 15n)]);
      const answers: (bigint | undefined)[] = [];
      for (let part = 0; part < parts; part++) {
        const [at, length] = [(part * bytes) / parts, bytes / parts].map(BigInt) as [bigint, bigint];
        const words = [0n, 2n ** 32n + at, length, 2n ** 44n + at, at];
        answers.push(await guest.acknowledged(Request.addMemoryRegion, words, [file]));
      }
      guest.close();
      return answers;
    };
    const usual = await startDisk('auto');
    assert.deepEqual(await describe(usual, 1), [1n]);
    await until('it is said', () =>
      /makes 1\.0 TiB in all, and .* are allowed \(what this host has/.test(usual.said()),
    );
    await servesNext(usual);
    usual.child.kill('SIGTERM');
    const large = await startDisk('auto', '--max-memory', '768G');
    assert.deepEqual(await describe(large, 4), [0n, 0n, 0n, 1n]);
    await servesNext(large);
    large.child.kill('SIGTERM');
    assert.deepEqual(await Promise.all([usual.ended, large.ended]), [0, 0]);
    closeDescriptor(file);
  });

  test('huge pages are refused whatever their seals', { skip }, () => {
    assert.throws(
      () => new SharedRegion(huge, { offset: 0, length: pageBytes }),
      (error) => error instanceof SharedMemoryError && /is of huge pages/.test(error.message),
    );
  });

  test('a timer is no kick: it would wake the disk without end, and nobody', async () => {
    const disk = await startDisk('auto');
    const guest = new FrontEnd(disk.socket);
    const timer = endlessTimer();
    await guest.start(features);
    assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
    assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [timer]), 1n);
    // Its process sleeps: of what it does not get it takes no time.
    const before = switchesOf(disk.child.pid!);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const switches = switchesOf(disk.child.pid!) - before;
    assert.ok(switches < 50, `it woke up ${switches} times`);
    guest.close();
    closeDescriptor(timer);
    await servesNext(disk);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
