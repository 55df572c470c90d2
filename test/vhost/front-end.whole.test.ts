// The front end against two back ends that share no code: every byte right, features as they were agreed on, queues that are stopped and go on, and
// a back end that is killed under load and started again: no request is lost, and no byte is wrong.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { BlockFeature, BlockRequest, BlockStatus } from '../../src/vhost/block/numbers.js';
import { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import { bitsOf, Feature, hasBit } from '../../src/vhost/protocol.js';
import { backEndAbsence, backEnds, TestDisk } from '../support/back-ends.js';

const diskBytes = 4 * 1024 * 1024;
const sectorBytes = 512;
const blockBits = bitsOf(BlockFeature.flush, BlockFeature.discard, BlockFeature.writeZeroes, BlockFeature.multiQueue);
const kinds = [
  { name: 'flags', bits: 0n },
  { name: 'event index', bits: bitsOf(Feature.eventIndex) },
  { name: 'tables', bits: bitsOf(Feature.indirect, Feature.eventIndex) },
  { name: 'packed', bits: bitsOf(Feature.packed, Feature.eventIndex) },
  { name: 'packed, tables', bits: bitsOf(Feature.packed, Feature.indirect) },
];

/** Writes and reads at random on several queues at once, each in sectors of its own, and holds what comes back against `model`. */
async function roam(disks: readonly BlockDriver[], model: Buffer, requests: number, seed: number): Promise<void> {
  const zone = model.length / disks.length / 4;
  await Promise.all(
    disks.flatMap((disk, queue) =>
      [0, 1, 2, 3].map(async (lane) => {
        const random = randomSource(seed + queue * 10 + lane);
        const start = (queue * 4 + lane) * zone;
        for (let count = 0; count < requests; count++) {
          const slot = disk.take();
          const bytes = sectorBytes * (1 + Math.floor(random() * 16));
          const at = start + sectorBytes * Math.floor(random() * ((zone - bytes) / sectorBytes));
          const data = disk.bytesOf(slot).subarray(0, bytes);
          const isWrite = random() < 0.5;
          if (isWrite) for (let index = 0; index < bytes; index += 8) data[index] = Math.floor(random() * 256);
          const type = isWrite ? BlockRequest.write : BlockRequest.read;
          assert.equal(await disk.run(slot, type, at / sectorBytes, bytes), BlockStatus.ok);
          if (isWrite) model.set(data, at);
          else assert.ok(model.subarray(at, at + bytes).equals(data), `${bytes} bytes at ${at}`);
          disk.release(slot);
        }
      }),
    ),
  );
}

for (const backEnd of backEnds) {
  describe(`a front end and ${backEnd}`, { skip: backEndAbsence(backEnd), timeout: 240_000 }, () => {
    for (const { name, bits } of kinds) {
      test(`${name}: reads, writes, flush, id, discard and zeros, on two queues`, async (context) => {
        const disk = new TestDisk(backEnd, diskBytes);
        await disk.start();
        const frontEnd = await FrontEnd.connect(disk.socket);
        try {
          if (hasBit(bits, Feature.packed) && !hasBit(frontEnd.offered, Feature.packed)) {
            context.skip('it offers no packed queues');
            return;
          }
          assert.equal(frontEnd.queueNumber, 2);
          assert.equal((await frontEnd.readConfig(0, 8)).getBigUint64(0, true), BigInt(diskBytes / sectorBytes));
          await frontEnd.start({ features: bits | blockBits, queues: 2, size: 64 });
          const indirect = hasBit(frontEnd.features, Feature.indirect);
          const drivers = frontEnd.queues.map(
            (queue) => new BlockDriver(queue, frontEnd.memory, { depth: 8, bytes: 16 * sectorBytes, indirect }),
          );
          const model = Buffer.from(disk.bytes);
          await roam(drivers, model, 40, 1);
          const [driver] = drivers as [BlockDriver];
          const slot = driver.take();
          const id = driver.bytesOf(slot).subarray(0, 20).fill(0xaa);
          assert.equal(await driver.run(slot, BlockRequest.id, 0, 20), BlockStatus.ok);
          if (backEnd === 'clearway') assert.equal(Buffer.from(id).toString('latin1'), 'disk.raw'.padEnd(20, '\0'));
          for (const [type, sector] of [
            [BlockRequest.discard, 1024],
            [BlockRequest.writeZeroes, 2048],
          ] as const) {
            assert.ok(driver.askRange(slot, type, sector, 64));
            assert.equal(await driver.answerOf(slot), BlockStatus.ok);
            model.fill(0, sector * sectorBytes, (sector + 64) * sectorBytes);
          }
          assert.equal(await driver.run(slot, BlockRequest.flush, 0, 0), BlockStatus.ok);
          assert.equal(await driver.run(slot, BlockRequest.read, diskBytes / sectorBytes, 512), BlockStatus.failed);
          assert.equal(await driver.run(slot, 99, 0, 0), BlockStatus.unsupported);
          assert.ok(readFileSync(disk.image).equals(model));
          // Stopped, a queue has nothing under way, and goes on where it was.
          const position = await frontEnd.stopQueue(0);
          await frontEnd.resumeQueue(0, position);
          assert.equal(await driver.run(slot, BlockRequest.read, 0, 512), BlockStatus.ok);
          assert.equal(
            drivers.reduce((sum, { faults }) => sum + faults, 0),
            0,
          );
          assert.ok(frontEnd.queues.every(({ kicks, interrupts }) => kicks > 0 && interrupts > 0));
        } finally {
          frontEnd.close();
          await disk.kill();
        }
      });
    }

    for (const { name, bits } of kinds.filter((kind) => ['event index', 'packed'].includes(kind.name))) {
      test(`${name}: killed under load and started again: no request is lost, and no byte is wrong`, async (context) => {
        const disk = new TestDisk(backEnd, diskBytes);
        await disk.start();
        const frontEnd = await FrontEnd.connect(disk.socket);
        try {
          if (hasBit(bits, Feature.packed) && !hasBit(frontEnd.offered, Feature.packed)) {
            context.skip('it offers no packed queues');
            return;
          }
          await frontEnd.start({ features: blockBits | bits, queues: 2, size: 64 });
          const drivers = frontEnd.queues.map(
            (queue) => new BlockDriver(queue, frontEnd.memory, { depth: 8, bytes: 16 * sectorBytes }),
          );
          const model = Buffer.from(disk.bytes);
          for (let life = 0; life < 4; life++) {
            const work = roam(drivers, model, 150, 100 * life);
            await new Promise((resolve) => setTimeout(resolve, 10 + 10 * life));
            await disk.kill();
            await disk.start();
            // One that notes what is under way goes on; the other is asked again.
            assert.equal(await frontEnd.reconnect(10_000), backEnd === 'clearway' ? 'resumed' : 'asked again');
            await work;
          }
          assert.ok(readFileSync(disk.image).equals(model));
          assert.equal(
            drivers.reduce((sum, { faults }) => sum + faults, 0),
            0,
          );
        } finally {
          frontEnd.close();
          await disk.kill();
        }
      });
    }
  });
}
