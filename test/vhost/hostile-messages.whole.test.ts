// Front ends that send what no front end should, to a disk's real socket: headers in pieces, descriptors where none belong, requests that nobody offered,
// answers that are not read, a second front end meanwhile, and no descriptors left to accept another. Memory and rings have files of their own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { sendWithDescriptors } from '../../src/kernel/pass-descriptors.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Flag, headerBytes, Request } from '../../src/vhost/protocol.js';
import { ask, type Disk, descriptorsOf, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const features = { indirect: true, eventIndex: true };
const replyAck = 1n << 3n;

/** A message as bytes. */
function bytesOf(request: number, payload: Uint8Array = new Uint8Array(0), flags: number = Flag.version): Uint8Array {
  const bytes = new Uint8Array(headerBytes + payload.length);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, request, true);
  data.setUint32(4, flags, true);
  data.setUint32(8, payload.length, true);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** Sends bytes as they are. Returns how many were taken. */
function sendBytes(guest: FrontEnd, memory: Region, bytes: Uint8Array, fds: readonly number[] = []): number {
  memory.bytes.set(bytes);
  return sendWithDescriptors(guest.channel.fd, memory.address, bytes.length, fds);
}

/** The next front end is served. */
async function servesNext(disk: Disk): Promise<void> {
  const guest = new FrontEnd(disk.socket);
  await guest.start(features);
  assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
  guest.close();
}

const residentKiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

describe('hostile messages', { timeout: 240_000 }, () => {
  test('a header byte by byte, and several messages in one write, are served', async () => {
    const disk = await startDisk('auto');
    const guest = new FrontEnd(disk.socket);
    const memory = new Region(65_536);
    for (const byte of bytesOf(Request.getQueueNum)) {
      assert.equal(sendBytes(guest, memory, Uint8Array.of(byte)), 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await guest.channel.answer(Request.getQueueNum);
    const both = [bytesOf(Request.getFeatures), bytesOf(Request.getQueueNum)];
    sendBytes(guest, memory, Uint8Array.from(both.flatMap((each) => [...each])));
    await guest.channel.answer(Request.getFeatures);
    const { payload } = await guest.channel.answer(Request.getQueueNum);
    assert.equal(payload.getBigUint64(0, true), 4n);
    guest.close();
    memory.unmap();
    disk.child.kill('SIGKILL');
  });

  test('what was not offered is answered with a refusal where it can be, and leaves nothing', async () => {
    const disk = await startDisk('auto');
    await servesNext(disk);
    await until('it has gone', () => disk.said().includes('has gone'));
    const idle = descriptorsOf(disk.child.pid!);
    const event = createEventDescriptor();
    const guest = new FrontEnd(disk.socket);
    guest.send(Request.setProtocolFeatures, [replyAck]);
    // POSTCOPY_ADVISE, LISTEN and END, SET_VRING_ENDIAN, in-band kicks, shared objects, device state, numbers that mean two things or none.
    for (const request of [28, 29, 30, 23, 35, 41, 42, 43, 44, 77, 255, 2 ** 31, 2 ** 32 - 1])
      assert.equal(await guest.acknowledged(request, []), 1n, `request ${request}`);
    for (let count = 0; count < 20; count++) {
      assert.equal(await guest.acknowledged(Request.setOwner, [], new Array(8).fill(event)), 1n);
      assert.equal(await guest.acknowledged(77, [], new Array(8).fill(event)), 1n);
    }
    assert.equal(await guest.acknowledged(Request.setVringKick, [0n], [event, event]), 1n);
    assert.equal(await guest.acknowledged(Request.setVringKick, [0n]), 1n, 'no kick, and nothing that says so');
    assert.equal(
      await guest.acknowledged(Request.setVringCall, [0x100n], [event]),
      1n,
      'a call, and it is said that there is none',
    );
    assert.equal(await guest.acknowledged(Request.setFeatures, [1n << 63n]), 1n);
    assert.equal(await guest.ask(Request.getQueueNum), 4n, 'it goes on');
    assert.ok(descriptorsOf(disk.child.pid!) <= idle + 1, 'nothing that came is kept');
    guest.close();
    closeDescriptor(event);
    await servesNext(disk);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('2,000 refusals: not as many sentences', async () => {
    const disk = await startDisk('auto');
    const guest = new FrontEnd(disk.socket);
    guest.send(Request.setProtocolFeatures, [replyAck]);
    for (let count = 0; count < 2000; count++) assert.equal(await guest.acknowledged(77, []), 1n);
    await until('the rest is counted', () => disk.said().includes('more sentences like these are left out'));
    assert.ok(disk.said().split('\n').length < 150);
    guest.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('253 descriptors with one message: hung up on, and none is kept', async () => {
    const disk = await startDisk('auto');
    await servesNext(disk);
    await until('it has gone', () => disk.said().includes('has gone'));
    const idle = descriptorsOf(disk.child.pid!);
    const event = createEventDescriptor();
    const memory = new Region(4096);
    for (let count = 0; count < 3; count++) {
      const guest = new FrontEnd(disk.socket);
      sendBytes(guest, memory, bytesOf(Request.setMemoryTable, new Uint8Array(8)), new Array(253).fill(event));
      assert.equal(await guest.answer(), undefined);
      guest.close();
    }
    await until('none is kept', () => descriptorsOf(disk.child.pid!) <= idle);
    closeDescriptor(event);
    memory.unmap();
    await servesNext(disk);
    disk.child.kill('SIGKILL');
  });

  test('configuration beyond all bounds: an answer without bytes, or none', async () => {
    const disk = await startDisk('auto');
    const config = (offset: number, size: number, bytes: number): Uint8Array => {
      const payload = new Uint8Array(12 + bytes);
      const data = new DataView(payload.buffer);
      data.setUint32(0, offset, true);
      data.setUint32(4, size, true);
      return payload;
    };
    const guest = new FrontEnd(disk.socket);
    for (const [offset, size, bytes] of [
      [2 ** 32 - 16, 16, 16],
      [0, 2 ** 32 - 1, 0],
      [0, 64, 8],
      [0, 257, 257],
      [250, 16, 16],
    ] as const) {
      guest.raw(Request.getConfig, Flag.version, config(offset, size, bytes));
      assert.equal((await guest.answer())!.getUint32(4, true), 0, `${size} bytes at ${offset}`);
    }
    guest.raw(Request.getConfig, Flag.version, config(200, 56, 56));
    assert.equal((await guest.answer())!.byteLength, 68);
    guest.close();
    disk.child.kill('SIGKILL');
  });

  test('a front end that reads no answers is not read from: no memory grows, and others wait for nothing but it', async () => {
    const disk = await startDisk('auto');
    await servesNext(disk);
    const before = residentKiB(disk.child.pid!);
    const guest = new FrontEnd(disk.socket);
    const memory = new Region(65_536);
    const many = 1000;
    const block = new Uint8Array(headerBytes * many);
    for (let count = 0; count < many; count++) block.set(bytesOf(Request.getFeatures), count * headerBytes);
    let sent = 0;
    // Until the socket takes no more: what the disk does not read stays with the kernel.
    for (let full = 0, tries = 0; full < 20 && tries < 400; tries++) {
      const taken = sendBytes(guest, memory, block.subarray(sent % block.length));
      if (taken > 0) sent += taken;
      else {
        full++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    assert.ok(sent > 10_000, `${sent} bytes`);
    assert.ok(residentKiB(disk.child.pid!) - before < 32 * 1024);
    guest.close();
    memory.unmap();
    await servesNext(disk);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('a second front end waits and disturbs nobody; without descriptors to accept it the disk tries again', async (t) => {
    const disk = await startDisk('auto');
    const first = new FrontEnd(disk.socket);
    await first.start(features);
    const second = new FrontEnd(disk.socket);
    second.send(Request.getQueueNum, []);
    for (let count = 0; count < 20; count++)
      assert.equal((await ask(first, { type: 0, sector: BigInt(count), room: 512 })).status, 0);
    first.close();
    assert.equal((await second.answer())!.getBigUint64(0, true), 4n, 'its turn has come');
    const limit = (files: number): boolean =>
      spawnSync('prlimit', ['--pid', `${disk.child.pid}`, `--nofile=${files}:`]).status === 0;
    if (!limit(8)) {
      t.diagnostic('prlimit is not there: that part is left out');
    } else {
      second.close();
      const third = new FrontEnd(disk.socket);
      third.send(Request.getQueueNum, []);
      await until('it is said', () => /cannot be let in/.test(disk.said()));
      assert.ok(existsSync(disk.socket));
      limit(1024);
      assert.equal((await third.answer())!.getBigUint64(0, true), 4n, 'it is let in');
      assert.equal(disk.said().match(/cannot be let in/g)!.length, 1, 'said once');
      third.close();
    }
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
