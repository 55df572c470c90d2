// Where the front ends of a disk come from: a socket that was handed over, listening or connected, or one that the disk connects to, again and again.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { acceptNonBlocking, closeDescriptor } from '../../src/kernel/socket.js';
import { unixStreamPair } from '../../src/kernel/socket-pair.js';
import { listenUnix } from '../../src/kernel/unix-socket.js';
import { Request } from '../../src/vhost/protocol.js';
import { ask, makeImage, runDisk, spawnDisk } from '../support/disks.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';
import { FrontEnd, shrinkableFile } from '../support/vhost-front-end.js';

const features = { indirect: true, eventIndex: true };

async function readOnce(guest: FrontEnd): Promise<void> {
  await guest.start(features);
  assert.equal((await ask(guest, { type: 0, sector: 3n, room: 512 })).status, 0);
}

/** The next front end's side of a connection that a disk makes. */
async function nextOf(listening: number): Promise<number> {
  let fd = -1;
  await until('the disk connects', () => {
    fd = acceptNonBlocking(listening);
    return fd >= 0;
  });
  return fd;
}

describe('where front ends come from', { timeout: 240_000 }, () => {
  test('--fd of a socket that listens: one front end after another; its file is not ours', async () => {
    const place = makeImage();
    const listening = listenUnix(place.socket);
    const disk = spawnDisk(place, ['--fd', '3'], [listening]);
    closeDescriptor(listening);
    for (let count = 0; count < 3; count++) {
      const guest = new FrontEnd(place.socket);
      await readOnce(guest);
      guest.close();
    }
    await untilSaid(disk.said, /on descriptor 3/);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
    assert.ok(existsSync(place.socket));
    rmSync(place.socket);
  });

  test('--fd of a socket that is connected: one front end, and the process ends with it', async () => {
    const place = makeImage();
    const [ours, theirs] = unixStreamPair();
    const disk = spawnDisk(place, ['--fd=3'], [theirs]);
    closeDescriptor(theirs);
    const guest = new FrontEnd(ours);
    await readOnce(guest);
    guest.close();
    assert.equal(await disk.ended, 0, disk.said());
    assert.match(disk.said(), /the front end has gone/);
  });

  test('--connect: tried until somebody listens, said once, and again when the front end has gone', async () => {
    const place = makeImage();
    const disk = spawnDisk(place, ['--connect', place.socket]);
    await until('it is said', () => disk.said().includes('it is tried until one does'));
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(disk.said().match(/it is tried/g)!.length, 1, disk.said());
    await untilSaid(disk.said, /server=on,wait=off/);
    const listening = listenUnix(place.socket);
    for (let count = 0; count < 2; count++) {
      const guest = new FrontEnd(await nextOf(listening));
      await readOnce(guest);
      guest.close();
    }
    closeDescriptor(listening);
    await until('it tries again', () => disk.said().match(/it is tried/g)!.length === 2);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('one that comes again and again with memory that is refused is said once, then counted; another memory is news', async () => {
    const place = makeImage();
    const disk = await runDisk(place.image, place.socket, []);
    const shrinkable = shrinkableFile(65_536, false);
    const refused = async (bytes: bigint): Promise<void> => {
      const guest = new FrontEnd(place.socket, 65_536);
      guest.send(Request.setProtocolFeatures, [1n << 3n]);
      assert.equal(await guest.acknowledged(Request.setMemoryTable, [1n, 0n, bytes, 0n, 0n], [shrinkable]), 1n);
      guest.close();
    };
    const count = (pattern: RegExp): number => disk.said().match(pattern)?.length ?? 0;
    for (let visit = 0; visit < 20; visit++) await refused(4096n);
    const good = new FrontEnd(place.socket);
    await readOnce(good);
    good.close();
    await until('both are said to have gone', () => count(/the front end has gone/g) === 2);
    assert.equal(count(/passed memory that is of a file that may become shorter/g), 1, disk.said());
    assert.equal(count(/a front end connected/g), 2, disk.said());
    assert.match(disk.said(), /it came 19 more times, and each time it was the same/);
    closeDescriptor(shrinkable);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('what is no place is refused in a sentence', async () => {
    const event = createEventDescriptor();
    for (const [options, fds, sentence] of [
      [['--fd', '3'], [event], /descriptor 3 is no Unix stream socket that listens or is connected/],
      [['--fd', '99'], [], /descriptor 99 is no Unix stream socket/],
      [['--fd', '1'], [], /must be the number of a descriptor from 3 on/],
      [['--fd', 'x'], [], /must be the number of a descriptor/],
      [['--fd', '3', '--fd', '3'], [], /descriptor 3 is given twice/],
      [['--fd', '3', '--connect', 'x.sock'], [], /files: 1, sockets: 2/],
      [[], [], /files: 1, sockets: 0/],
    ] as const) {
      const disk = spawnDisk(makeImage(), options, fds);
      assert.notEqual(await disk.ended, 0);
      assert.match(disk.said(), sentence);
    }
    closeDescriptor(event);
  });
});

test('started as management programs start back ends, by the conventions of QEMU', async () => {
  const { image, socket } = makeImage();
  const child = spawn(process.execPath, [
    program,
    'disk',
    `--blk-file=${image}`,
    '--read-only',
    `--socket-path=${socket}`,
  ]);
  after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('it is offered', () => said.includes('QEMU, add') || child.exitCode !== null);
  await untilSaid(() => said, /read only/);
  child.kill('SIGTERM');
  assert.equal(await ended, 0, said);
});

test('what kind of device it is, as management programs ask', () => {
  for (const [command, type] of [
    ['disk', 'block'],
    ['net', 'net'],
  ] as const) {
    const { stdout, status } = spawnSync(process.execPath, [program, command, '--print-capabilities']);
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout.toString()) as { type: string }).type, type);
  }
});
