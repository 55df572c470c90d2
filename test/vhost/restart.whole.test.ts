// A disk whose process is killed in the middle of writes, and started again, many times: its guest goes on, every request comes back once, and no byte
// is wrong; on split and packed queues, by the requests in flight that its front end keeps. Without them a split queue goes on where its
// ring stands. And front ends that are killed: the next one is served.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines } from '../conformance/serve/servers.js';
import { ask, type Disk, runDisk, startDisk } from '../support/disks.js';
import { until, untilSaid } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { layouts } from '../support/virtqueues.js';

const features = { indirect: true, eventIndex: true };
const sectorBytes = 512;
/** Requests under way at once, each in sectors of its own: their order is the guest's affair. */
const slotCount = 6;
const slotSectors = 64;

/** A load of writes: each slot writes its sectors over and over, each time other bytes, and reads them back now and then. */
class Load {
  readonly #guest: FrontEnd;
  readonly #random: () => number;
  /** What the image has when everything is done. */
  readonly model: Buffer;
  readonly #places: readonly number[];
  /** What is under way by its id, and what is to be held against it when it comes back. */
  readonly #under = new Map<number, { readonly slot: number; readonly isWrite: boolean; readonly sector: number }>();
  readonly #free: number[];
  #serial = 0;
  done = 0;

  constructor(guest: FrontEnd, image: Buffer, seed: number) {
    this.#guest = guest;
    this.model = image;
    this.#random = randomSource(seed);
    this.#places = Array.from({ length: slotCount }, () => guest.take(4096 + 16 * sectorBytes));
    this.#free = this.#places.map((_, slot) => slot);
  }

  get underWay(): number {
    return this.#under.size;
  }

  /** Sends as many as there is room for. */
  send(): void {
    for (const slot of this.#free.splice(0)) {
      const { bytes, data } = this.#guest.memory;
      const place = this.#places[slot]!;
      const isWrite = this.#random() < 0.7;
      const sectors = 1 + Math.floor(this.#random() * 16);
      const sector = slot * slotSectors + Math.floor(this.#random() * (slotSectors - sectors));
      const length = sectors * sectorBytes;
      data.setUint32(place, isWrite ? 1 : 0, true);
      data.setBigUint64(place + 8, BigInt(sector), true);
      bytes[place + 16] = 0xaa;
      if (isWrite) {
        this.#serial++;
        for (let at = 0; at < length; at += 4) data.setUint32(place + 4096 + at, this.#serial * 65_536 + at, true);
        bytes.subarray(place + 4096, place + 4096 + length).forEach((byte, at) => {
          this.model[sector * sectorBytes + at] = byte;
        });
      }
      const piece = (offset: number, bytesOf: number) => ({
        address: this.#guest.guest(place + offset),
        length: bytesOf,
      });
      const head = piece(0, 16);
      const body = [piece(4096, length >> 1), piece(4096 + (length >> 1), length >> 1)];
      const id = this.#guest.queues[0]!.driver.add(
        isWrite ? [head, ...body] : [head],
        isWrite ? [piece(16, 1)] : [...body, piece(16, 1)],
      );
      assert.ok(id >= 0);
      this.#under.set(id, { slot, isWrite, sector });
    }
    this.#guest.publish(0);
  }

  /** Takes back what is done, and holds it against the model. */
  look(): void {
    const { driver } = this.#guest.queues[0]!;
    for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) {
      const request = this.#under.get(id);
      assert.ok(request !== undefined, `request ${id} came back twice`);
      this.#under.delete(id);
      const place = this.#places[request.slot]!;
      const { bytes } = this.#guest.memory;
      assert.equal(bytes[place + 16], 0, 'status');
      if (!request.isWrite) {
        const length = driver.written - 1;
        const start = request.sector * sectorBytes;
        assert.ok(
          this.model.subarray(start, start + length).equals(bytes.subarray(place + 4096, place + 4096 + length)),
        );
      }
      this.#free.push(request.slot);
      this.done++;
    }
    assert.equal(driver.fault, undefined);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Kills a disk at once, wherever it is, and runs it again. */
async function again(disk: Disk, options: readonly string[]): Promise<Disk> {
  disk.child.kill('SIGKILL');
  assert.equal(await disk.ended, 'SIGKILL');
  return runDisk(disk.image, disk.socket, options);
}

for (const engine of engines) {
  describe(`a disk that is killed, ${engine}`, { skip: engineRefused(engine), timeout: 240_000 }, () => {
    for (const layout of layouts) {
      test(`${layout}: in the middle of writes, again and again: nothing is lost, twice or wrong`, async () => {
        const options = ['--engine', engine];
        let disk = await startDisk(engine);
        const guest = new FrontEnd(disk.socket);
        const size = layout === 'split' ? 32 : 33;
        await guest.begin(features, { layout, size, hasInflight: true, deviceBits: 1n << 9n });
        const load = new Load(guest, readFileSync(disk.image), 5);
        for (let kills = 0; kills < 6; kills++) {
          const end = Date.now() + 30 + kills * 23;
          while (Date.now() < end) {
            load.send();
            load.look();
            await pause(0);
          }
          load.send();
          disk = await again(disk, options);
          await guest.reconnect(disk.socket);
          await until(`${load.underWay} come back: ${disk.said()}`, () => {
            load.look();
            return load.underWay === 0;
          });
          assert.ok(!/not believed|no sense/.test(disk.said()), disk.said());
          await until('it is said how the queue runs', () =>
            disk
              .said()
              .includes(
                `the guest runs queues of ${size} entries, ${layout}, event index, indirect, requests in flight kept; 8 MiB`,
              ),
          );
        }
        assert.ok(load.done > 20, `${load.done} were done`);
        assert.ok(load.model.equals(readFileSync(disk.image)), 'the file is what the guest wrote');
        guest.close();
        disk.child.kill('SIGTERM');
        assert.equal(await disk.ended, 0);
      });
    }

    test('split, without memory of requests in flight: it goes on where its ring stands', async () => {
      let disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.start(features, 1, 16);
      for (let count = 0; count < 5; count++)
        assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      disk = await again(disk, ['--engine', engine]);
      // Its front end says 0.
      await guest.reconnect(disk.socket);
      for (let count = 0; count < 5; count++)
        assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      guest.close();
      disk.child.kill('SIGKILL');
    });

    test('packed, without it: it works, and it is said that an end by force is not survived', async () => {
      const disk = await startDisk(engine);
      const guest = new FrontEnd(disk.socket);
      await guest.begin(features, { layout: 'packed', size: 7 });
      for (let count = 0; count < 20; count++)
        assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
      await until('it is said', () => disk.said().includes('do not outlive an end of this process'));
      guest.send(Request.getVringBase, [0n]);
      const base = (await guest.answer())!.getUint32(4, true);
      // 20 requests of 3 descriptors in a queue of 7: 60 slots, which are 8 turns and 4.
      assert.equal(base, 0x8004_8004);
      guest.close();
      disk.child.kill('SIGKILL');
    });

    test('front ends that are gone in the middle of requests: the next one is served', async () => {
      const disk = await startDisk(engine);
      for (let count = 0; count < 10; count++) {
        const guest = new FrontEnd(disk.socket);
        await guest.begin(features, {
          layout: layouts[count % 2]!,
          size: 32,
          hasInflight: count % 3 > 0,
          deviceBits: 1n << 9n,
        });
        const load = new Load(guest, readFileSync(disk.image), count + 1);
        load.send();
        if (count % 4 === 0) await pause(1);
        guest.close();
      }
      const last = new FrontEnd(disk.socket);
      await last.start(features);
      assert.equal((await ask(last, { type: 0, sector: 1n, room: 512 })).status, 0);
      await untilSaid(disk.said, /a front end connected again, after \d+\.\d s/);
      last.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });
  });
}
