// A guest that writes nonsense into its own rings, descriptors and headers, thousands of times from a seed, on a switch beside guests that behave: the
// process lives, messages are answered, the others' packets arrive whole, a queue that is reset works again, and nothing spins afterwards.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Request } from '../../src/vhost/protocol.js';
import { patterned } from '../conformance/serve/servers.js';
import { startNets } from '../support/in-process-nets.js';
import { guestBits, headerOf, hostBits, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import { macBytes } from '../support/net-packets.js';
import { type Layout, layouts } from '../support/virtqueues.js';

const size = 16;
const turns = (count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count;
    const next = (): void => void (--left > 0 ? setImmediate(next) : resolve());
    setImmediate(next);
  });

/** Values that a hostile guest likes. */
const odd = [
  0, 1, 2, 3, 4, 7, 11, 12, 13, 16, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0xffff_fff0, 0xffff_ffff, 0x1000_0000,
];

/** Spoils a few places of a guest's rings, and of its packets. */
function spoil(guest: NetGuest, random: () => number): void {
  const { data } = guest.front.memory;
  const pick = (most: number): number => Math.floor(random() * most);
  for (let count = 1 + pick(6); count > 0; count--) {
    const { descriptors, used, available } = guest.front.queues[pick(2)]!.places;
    const value = random() < 0.7 ? odd[pick(odd.length)]! : pick(2 ** 32);
    // What ends a queue at once is rare, so that others are reached.
    const kind = random() < 0.03 ? 2 : [0, 1, 3, 4, 4][pick(5)];
    if (kind === 0) data.setUint32(descriptors + pick(size * 4) * 4, value, true);
    else if (kind === 1) data.setUint16(descriptors + pick(size * 8) * 2, value & 0xffff, true);
    else if (kind === 2) data.setUint16(available + pick(2) * 2, value & 0xffff, true);
    else if (kind === 3) data.setUint16(used + pick(2) * 2, value & 0xffff, true);
    else data.setUint16(guest.sendAt + pick(64) * 2, value & 0xffff, true);
  }
}

async function startHostile(socket: string, layout: Layout, eventIndex: boolean): Promise<NetGuest> {
  const bits = hostBits | guestBits | NetBit.mergeable;
  const rings = { indirect: true, eventIndex };
  const guest = new NetGuest(socket, {
    bits,
    rings,
    layout,
    size,
    buffers: 12,
    bufferBytes: 1024,
    memoryBytes: 1024 * 1024,
  });
  await guest.start();
  return guest;
}

/** Makes requests of pieces of any kind available, some of them with tables elsewhere, and kicks. */
function attack(guest: NetGuest, random: () => number): void {
  const { driver } = guest.front.queues[1]!;
  const pieces = 1 + Math.floor(random() * 4);
  driver.add(
    Array.from({ length: pieces }, (_, index) => ({
      address: guest.front.guest(guest.sendAt + index * 16),
      length: Math.floor(random() * (random() < 0.1 ? 70_000 : 600)),
    })),
    random() < 0.1 ? [{ address: guest.front.guest(guest.sendAt), length: 64 }] : [],
  );
  spoil(guest, random);
  guest.kick(1);
  if (random() < 0.3) guest.kick(0);
}

describe('a hostile guest on a switch', { timeout: 240_000 }, () => {
  for (const layout of layouts) {
    test(`${layout}: thousands of random states of rings and headers harm nobody`, async () => {
      const nets = startNets(3, {});
      const [one, two] = [1, 2].map((index) => new NetGuest(nets.sockets[index]!, { bits: NetBit.mergeable }));
      for (const guest of [one!, two!]) await guest.start();
      const [macOne, macTwo] = ['52:54:00:00:00:02', '52:54:00:00:00:03'];
      const exchange = async (from: NetGuest, to: NetGuest, mac: string, target: string, round: number) => {
        const content = patterned(400).map((byte) => byte ^ round);
        const packet = Buffer.concat([macBytes(target), macBytes(mac), Buffer.from([0x88, 0xb5]), content]);
        await from.send(headerOf(wholeHeader), packet);
        // What the hostile one sends to all comes as well.
        for (let count = 0; count < 500; count++) if ((await to.receive()).packet.equals(packet)) return;
        assert.fail(`round ${round}: a packet between the others is lost`);
      };
      const random = randomSource(layout === 'split' ? 11 : 12);
      for (let round = 0; round < 150; round++) {
        const hostile = await startHostile(nets.sockets[0]!, layout, round % 2 === 1);
        for (let count = 0; count < 20; count++) {
          attack(hostile, random);
          await turns(2);
        }
        assert.ok((await hostile.front.ask(Request.getFeatures)) > 0n, 'messages are answered');
        // Nobody else's buffers are full of what it sent.
        while (one!.takeAny() >= 0 || two!.takeAny() >= 0);
        for (const guest of [one!, two!]) guest.refill();
        await exchange(one!, two!, macOne!, macTwo!, round);
        await exchange(two!, one!, macTwo!, macOne!, round);
        for (const queue of [0n, 1n]) {
          hostile.front.send(Request.getVringBase, [queue]);
          assert.ok((await hostile.front.answer()) !== undefined, 'a queue ends, whatever became of it');
        }
        hostile.close();
      }
      const { faults, sentDropped, sentPackets } = nets.counts(0);
      const reasons = Object.keys({ ...faults, ...sentDropped });
      assert.ok(reasons.length >= 10 && sentPackets > 100, `${sentPackets} packets went; reasons: ${reasons}`);
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 500_000, `${user + system} \u00b5s of CPU in a second of nothing`);
      for (const guest of [one!, two!]) guest.close();
      await nets.close();
    });
  }
});
