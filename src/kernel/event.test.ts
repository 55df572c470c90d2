import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { EFD, EPOLL, EPOLL_CTL, IN } from './constants.js';
import { epollControl, epollCreate, epollWait } from './epoll.js';
import { Errno } from './errno.js';
import * as event from './event.js';
import { platformIsLinux, syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor } from './socket.js';

const skip = platformIsLinux ? false : 'needs Linux';
const base = fs.mkdtempSync(join(tmpdir(), 'clearway-event-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

/** True when the descriptor has input now. */
function hasInput(fd: number): boolean {
  const epoll = epollCreate();
  assert.equal(epollControl(epoll, EPOLL_CTL.ADD, fd, EPOLL.IN, fd, 0), 0);
  const ready = epollWait(epoll, scratch(64).address, 4, 0);
  closeDescriptor(epoll);
  return ready === 1;
}

describe('event descriptors', { skip }, () => {
  test('signals add up to one wake-up, and clearing takes them all', () => {
    const fd = event.createEventDescriptor();
    assert.ok(!hasInput(fd));
    event.clearEvent(fd);
    for (let signals = 0; signals < 3; signals++) event.signalEvent(fd);
    assert.ok(hasInput(fd));
    event.clearEvent(fd);
    assert.ok(!hasInput(fd));
    closeDescriptor(fd);
  });
});

describe('an event of somebody else', { skip }, () => {
  const fill = (1n << 64n) - 2n;
  const write = (fd: number, value: bigint): number => {
    const { data, offset, address } = scratch(8);
    data.setBigUint64(offset, value, true);
    return syscall3(sys.write, fd, address, 8);
  };

  for (const [name, flags] of [
    ['that waits', 0],
    ['that does not wait', EFD.NONBLOCK],
  ] as const)
    test(`${name}: one is added, and when it is full nobody waits`, () => {
      const fd = syscall3(sys.eventfd2, 0, EFD.CLOEXEC | flags);
      for (let count = 1; count <= 200; count++) assert.ok(event.signalOther(fd) >= 0);
      assert.equal(event.takeEventCount(fd), 200);
      assert.equal(write(fd, fill), 8);
      for (let count = 0; count < 3; count++) event.signalOther(fd);
      assert.ok(event.takeEventCount(fd) >= Number(fill));
      event.signalOther(fd);
      assert.equal(event.takeEventCount(fd), 1);
      closeDescriptor(fd);
    });

  test('that waits, and that another thread fills all the time: this one is never held', async () => {
    const fd = syscall3(sys.eventfd2, 0, EFD.CLOEXEC);
    // Waits itself in its write wherever it was signalled before it.
    const filler = new Worker(new URL('../../test/support/event-filler.js', import.meta.url), { workerData: fd });
    await once(filler, 'message');
    let filled = 0;
    for (let count = 0; count < 50_000; count++) {
      event.signalOther(fd);
      if (event.clearOther(fd) < 0) continue;
      filled++;
    }
    assert.ok(filled > 0);
    filler.postMessage('end');
    const ended = once(filler, 'exit');
    const timer = setInterval(() => event.clearOther(fd), 1);
    await ended;
    clearInterval(timer);
    closeDescriptor(fd);
  });

  test('a pipe that is full, and one without a reader', () => {
    const { data, offset, address } = scratch(8);
    assert.equal(syscall3(sys.pipe2, address, 0), 0);
    const [reader, writer] = [data.getInt32(offset, true), data.getInt32(offset + 4, true)];
    let result = 8;
    for (let count = 0; count < 100_000 && result === 8; count++) result = event.signalOther(writer);
    // Before Linux 6.4 nothing is written to a pipe that waits.
    assert.ok(result === -Errno.EAGAIN || result === -Errno.EOPNOTSUPP, `${result}`);
    closeDescriptor(reader);
    assert.ok([-Errno.EPIPE, -Errno.EOPNOTSUPP].includes(event.signalOther(writer)));
    closeDescriptor(writer);
  });
});

describe('watching a directory', { skip }, () => {
  function watching(): { path: string; watcher: number; watch: number; changes: () => string[]; end: () => void } {
    const path = fs.mkdtempSync(join(base, 'watched-'));
    const watcher = event.createWatcher();
    const directory = fs.openSync(path, 'r');
    const watch = event.watchDirectory(watcher, directory);
    fs.closeSync(directory);
    assert.ok(watch >= 0, `watch: ${watch}`);
    const changes = (): string[] => {
      const found: string[] = [];
      while (
        event.readChanges(watcher, (from, name, mask) => {
          assert.equal(from, watch);
          const kinds = [
            'MODIFY',
            'ATTRIB',
            'MOVED_FROM',
            'MOVED_TO',
            'CREATE',
            'DELETE',
            'DELETE_SELF',
            'MOVE_SELF',
            'IGNORED',
          ] as const;
          for (const kind of kinds) if ((mask & IN[kind]) !== 0) found.push(`${kind} ${name}`);
        })
      );
      return found;
    };
    return { path, watcher, watch, changes, end: () => closeDescriptor(watcher) };
  }

  test('what comes, goes or changes is told by name', () => {
    const { path, watcher, watch, changes, end } = watching();
    assert.deepEqual(changes(), []);
    fs.writeFileSync(join(path, 'a'), 'x');
    assert.deepEqual(changes(), ['CREATE a', 'MODIFY a']);
    fs.renameSync(join(path, 'a'), join(path, 'ünïcødé'));
    assert.deepEqual(changes(), ['MOVED_FROM a', 'MOVED_TO ünïcødé']);
    fs.chmodSync(join(path, 'ünïcødé'), 0o600);
    fs.rmSync(join(path, 'ünïcødé'));
    assert.deepEqual(
      changes().filter((change) => !change.startsWith('ATTRIB')),
      ['DELETE ünïcødé'],
    );
    assert.equal(event.unwatchDirectory(watcher, watch), 0);
    assert.deepEqual(changes(), ['IGNORED ']);
    fs.writeFileSync(join(path, 'b'), 'x');
    assert.deepEqual(changes(), []);
    end();
  });

  test("the directory's own end is told with an empty name", () => {
    const { path, changes, end } = watching();
    fs.renameSync(path, `${path}-moved`);
    assert.deepEqual(changes(), ['MOVE_SELF ']);
    fs.rmdirSync(`${path}-moved`);
    assert.ok(changes().includes('DELETE_SELF '));
    end();
  });

  test('more changes than one read takes all come, with long names', () => {
    const { path, changes, end } = watching();
    const names = Array.from({ length: 300 }, (_, index) => `${index}-${'n'.repeat(200)}`);
    for (const name of names) fs.closeSync(fs.openSync(join(path, name), 'w'));
    assert.deepEqual(
      changes(),
      names.map((name) => `CREATE ${name}`),
    );
    end();
  });

  test('a handler may make system calls of its own', () => {
    const { path, watcher, end } = watching();
    for (let index = 0; index < 20; index++) fs.writeFileSync(join(path, `${index}`), '');
    const names: string[] = [];
    event.readChanges(watcher, (_watch, name) => {
      names.push(name);
      for (let calls = 0; calls < 10; calls++) scratch(8192).bytes.fill(255, 0, 65536);
    });
    assert.deepEqual(
      names,
      Array.from({ length: 20 }, (_, index) => `${index}`),
    );
    end();
  });

  test('only directories are watched', () => {
    const watcher = event.createWatcher();
    const fd = fs.openSync(process.execPath, 'r');
    assert.equal(event.watchDirectory(watcher, fd), -Errno.ENOTDIR);
    assert.ok(event.watchDirectory(watcher, -1) < 0);
    assert.equal(
      event.readChanges(watcher, () => assert.fail('nothing happened')),
      false,
    );
    fs.closeSync(fd);
    closeDescriptor(watcher);
  });
});
