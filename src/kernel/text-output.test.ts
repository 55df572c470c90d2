// Texts to readers of every kind that stand still: nobody waits, what is taken comes whole and in order, and what is opened keeps its flags.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fullPipe } from '../../test/support/full-pipe.js';
import { patient } from '../../test/support/patience.js';
import { readNow } from '../../test/support/read-now.js';
import { openTerminal, terminalsRefused } from '../../test/support/terminal-pair.js';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import { MAP, mapMemory, PROT, unmapMemory } from './memory.js';
import { closeDescriptor, setNonBlocking } from './socket.js';
import { unixStreamPair } from './socket-pair.js';
import { TextOutput } from './text-output.js';
import { closeUnwaiting, openUnwaiting, type UnwaitingOutput, writeUnwaiting } from './unwaiting-output.js';

/** O_NONBLOCK of what is opened. */
const isNonBlocking = (fd: number): boolean => {
  const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return (Number.parseInt(flags, 8) & 0o4000) !== 0;
};

const lineOf = (index: number): string => `${index} ${'x'.repeat((index * 37) % 3000)}\n`;

/** What a reader of a terminal reads comes a moment later, and has line ends of two characters. */
const moment = new Int32Array(new SharedArrayBuffer(4));
const plain = (text: string): string => text.replaceAll('\r\n', '\n');

/** Looks again and again, with moments in between. */
function until(isSo: () => boolean, what: () => string): void {
  for (const endMs = performance.now() + patient(20_000); !isSo(); Atomics.wait(moment, 0, 0, 1))
    assert.ok(performance.now() < endMs, what());
}

/** Puts lines until none is taken. Returns how many were. */
function putUntilFull(output: TextOutput): number {
  for (let index = 0; ; index++) {
    assert.ok(index < 10_000, 'it is never full');
    const result = output.put(lineOf(index));
    if (result === 0) continue;
    assert.equal(result, -Errno.EAGAIN);
    return index;
  }
}

const skip = platformIsLinux ? false : 'needs Linux';

describe('texts to a reader that stands still', { skip, timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-text-'));
  after(() => rmSync(folder, { recursive: true }));
  let pipes = 0;
  const socket = () => {
    const [fd, other] = unixStreamPair();
    setNonBlocking(fd, false);
    setNonBlocking(other, true);
    const read = (): string => readNow(other);
    const close = (): void => [fd, other].forEach(closeDescriptor);
    return { fd, read, close };
  };
  const pipe = () => {
    const made = fullPipe(join(folder, `pipe${pipes++}`));
    made.read();
    return made;
  };
  const kinds = { pipe, socket, terminal: openTerminal };

  for (const [kind, open] of Object.entries(kinds)) {
    const refused = kind === 'terminal' && terminalsRefused();

    test(`${kind}: what is taken comes whole and in order, later lines behind it`, { skip: refused }, () => {
      const reader = open();
      const output = new TextOutput(reader.fd);
      assert.equal(isNonBlocking(reader.fd), false);
      const count = putUntilFull(output);
      assert.ok(count > 1);
      let said = '';
      const take = (): string => {
        said += reader.read();
        return plain(said);
      };
      until(
        () => take() !== '' && output.put('the last\n') === 0,
        () => `${said.length} bytes`,
      );
      until(
        () => output.flush() <= 0 && take().endsWith('the last\n'),
        () => said.slice(-50),
      );
      assert.equal(plain(said), `${Array.from({ length: count }, (_, index) => lineOf(index)).join('')}the last\n`);
      assert.equal(isNonBlocking(reader.fd), false);
      output.close();
      assert.equal(output.put('more'), -Errno.EBADF);
      reader.close();
    });
  }

  test('a terminal that is stopped takes nothing, and goes on', { skip: terminalsRefused() }, () => {
    const pair = openTerminal();
    const output = new TextOutput(pair.fd);
    pair.type('stop');
    const stopped = (): boolean => output.put('before\n') === -Errno.EAGAIN;
    until(stopped, () => 'it is not stopped');
    assert.ok(stopped());
    pair.type('go');
    until(
      () => output.put('after\n') === 0,
      () => 'it is stopped still',
    );
    let said = '';
    until(
      () => {
        said += pair.read();
        return said.endsWith('after\r\n');
      },
      () => said,
    );
    output.close();
    pair.close();
  });

  test('a reader that has gone, a full disk: said by the result, and not waited for', () => {
    const [fd, other] = unixStreamPair();
    const output = new TextOutput(fd);
    closeDescriptor(other);
    assert.equal(output.put('text\n'), -Errno.EPIPE);
    output.close();
    closeDescriptor(fd);
    const full = openSync('/dev/full', 'w');
    const disk = new TextOutput(full);
    assert.equal(disk.put('text\n'), -Errno.ENOSPC);
    disk.close();
    closeSync(full);
  });

  test('what cannot be opened once more is written without waiting as well: in pieces for which there is room', {
    skip: terminalsRefused(),
  }, () => {
    for (const open of [pipe, openTerminal]) {
      const reader = open();
      const own = openUnwaiting(reader.fd);
      assert.ok(own.isOwn);
      closeUnwaiting(own);
      const output: UnwaitingOutput = { ...own, fd: reader.fd, method: 'write-now', isOwn: false };
      const memory = mapMemory(8192, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
      Buffer.from(memory.buffer).write('abcdefg\n'.repeat(1024));
      let written = 0;
      for (let result = 1; result > 0; written += Math.max(0, result)) {
        result = writeUnwaiting(output, memory.address + (written % 8), 8192 - 8);
        assert.ok(result > 0 || result === -Errno.EAGAIN, `${result}`);
        assert.ok(written < 10_000_000);
      }
      assert.ok(written > 4000, `${written} bytes`);
      let said = '';
      until(
        () => {
          said += reader.read();
          return plain(said).length >= written;
        },
        () => `${said.length} of ${written}`,
      );
      assert.equal(plain(said), 'abcdefg\n'.repeat(Math.ceil(written / 8)).slice(0, written));
      unmapMemory(memory);
      reader.close();
    }
  });

  test('a file is written as it is', () => {
    const path = join(folder, 'file');
    const fd = openSync(path, 'a');
    const output = new TextOutput(fd);
    for (const text of ['one\n', 'tw\u00f6\n']) assert.equal(output.put(text), 0);
    output.close();
    closeSync(fd);
    assert.equal(readFileSync(path, 'utf8'), 'one\ntw\u00f6\n');
  });
});
