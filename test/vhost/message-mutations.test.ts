// Messages of vhost-user at random, from a seed: of any number, length and order, most of them nearly right, with descriptors of every kind. The session
// throws nothing, ends when it is told to, and keeps no descriptor and no mapping. CLEARWAY_MESSAGES says how many (40,000). Not here: what each
// message is answered (session.ts), rings (test/fault/disk-mutations.test.ts).

import assert from 'node:assert/strict';
import { openSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { closeDescriptor, duplicateDescriptor } from '../../src/kernel/socket.js';
import { unixStreamPair } from '../../src/kernel/socket-pair.js';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Loop } from '../../src/transport/loop.js';
import { BlockDevice } from '../../src/vhost/block/block-device.js';
import { Flag, forms, Request } from '../../src/vhost/protocol.js';
import { Session } from '../../src/vhost/session.js';
import { openDescriptors } from '../support/open-descriptors.js';

const messages = Number(process.env['CLEARWAY_MESSAGES'] ?? 40_000);
const memoryBytes = 1 << 20;
const guest = 0x1_0000_0000n;
const user = 0x7f00_0000_0000n;
const requests = [...Object.values(Request), 0, 23, 28, 35, 41, 44, 77, 2 ** 32 - 1];
const name = 'clearway-mutated';

/** Words that messages are made of. */
const words: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 8n, 9n, 16n, 96n, 128n, 256n, 4096n, 0x100n, 0x101n, 0x1_0000_0000n, 0x10_0000_0001n],
  ...[guest, guest + 4096n, guest + BigInt(memoryBytes), user, user + 4096n, user + 8192n, user + BigInt(memoryBytes)],
  ...[BigInt(memoryBytes), BigInt(memoryBytes) - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 0x8000_8000n],
  ...[(1n << 32n) | (1n << 30n) | (1n << 28n), (1n << 34n) | (1n << 32n) | (1n << 30n), (1n << 33n) | (1n << 32n)],
  ...[0b1000n, (1n << 12n) | 0b1001n, 0xffffn, (256n << 16n) | 1n],
];

/** Lines of this process's mappings that are of the guest's memory. */
const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split(`/memfd:${name}`).length - 1;

test(`${messages} messages at random`, { skip: platformIsLinux ? false : 'needs Linux', timeout: 600_000 }, () => {
  const random = randomSource(23);
  const any = (below: number): number => Math.floor(random() * below);
  const engine = new FakeEngine();
  const loop = new Loop(engine, () => 0);
  const file = {
    ...{ path: 'mad.raw', isReadOnly: false, sectors: 4096, alignment: undefined, isLost: false },
    ...{ fd: -1, descriptorFor: () => -1, measure: () => false },
    ...{ isLocked: true, lock: () => true, unlock: () => {} },
  };
  const device = new BlockDevice(loop, file, { queues: 2, id: 'mad' });
  const host = {
    answer: (_request: number, _payload: Uint8Array, fd = -1) => void (fd >= 0 && closeDescriptor(fd)),
    watchKick: () => true,
    look: (vring: Parameters<typeof device.kicked>[0]) => device.kicked(vring),
    askForRange: () => any(2) === 0,
    say: () => {},
    talkBack: (fd: number) => void (fd >= 0 && closeDescriptor(fd)),
    tell: () => any(2) === 0,
    end: (why: string) => {
      wasEnded = why;
    },
  };
  /** Why a session was ended by a message that had waited. */
  let wasEnded: string | undefined;
  const memory = new Region(memoryBytes, { kind: 'memfd', name });
  const [left, right] = unixStreamPair();
  const templates = [memory.fd, memory.fd, memory.fd, createEventDescriptor(), openSync('/dev/null', 'r+'), left];
  const turn = (): void => {
    loop.turn(0);
    for (const operation of [...engine.files.pending]) engine.files.end(operation, 0);
  };
  const before = [openDescriptors(/./).length, mappings()];
  const reasons = new Set<string>();
  let session = new Session(device, host);
  const end = (): void => {
    let isOver = false;
    session.close(() => {
      isOver = true;
    });
    for (let count = 0; count < 300 && !isOver; count++) turn();
    assert.ok(isOver, 'it ends');
    session = new Session(device, host);
  };
  /** What QEMU would say, so that there is something to mutate. */
  const begin = (): void => {
    const say = (request: number, payload: readonly bigint[], ...fds: number[]): void => {
      const view = new DataView(new ArrayBuffer(payload.length * 8));
      for (const [index, word] of payload.entries()) view.setBigUint64(index * 8, word, true);
      session.handle(request, Flag.version, view, fds, () => {});
    };
    const features = (1n << 32n) | (1n << 30n) | (1n << 28n) | (any(2) === 0 ? 1n << 34n : 0n);
    say(Request.setProtocolFeatures, [0b1000n | (1n << 12n) | (1n << 15n) | 1n]);
    say(Request.setFeatures, [features]);
    say(Request.setMemoryTable, [1n, guest, BigInt(memoryBytes), user, 0n], duplicateDescriptor(memory.fd));
    for (const queue of [0n, 1n]) {
      say(Request.setVringNum, [queue | (16n << 32n)]);
      say(Request.setVringAddr, [queue, user, user + 8192n, user + 4096n, 0n]);
      say(Request.setVringKick, [queue], createEventDescriptor());
      say(Request.setVringEnable, [queue | (1n << 32n)]);
    }
  };
  for (let done = 0; done < messages; done++) {
    if (done % 50 === 0) {
      end();
      if (any(4) > 0) begin();
    }
    if (any(4) === 0) memory.data.setUint32(any(4000) * 4, any(2 ** 32), true);
    if (!session.isReady) {
      turn();
      continue;
    }
    const request = requests[any(requests.length)]!;
    const form = forms.get(request);
    const right = form?.fds === 'regions' ? 40 : (form?.bytes ?? 8);
    const length = any(8) === 0 ? any(400) : right;
    const view = new DataView(new ArrayBuffer(length));
    for (let at = 0; at + 8 <= length; at += 8) {
      view.setBigUint64(at, any(12) === 0 ? BigInt(any(2 ** 32)) : words[any(words.length)]!, true);
    }
    if (form?.fds === 'regions' && length >= 8 && any(8) > 0) view.setBigUint64(0, 1n, true);
    const usual = form === undefined || form.fds === 'none' ? 0 : 1;
    const count = any(10) === 0 ? any(5) : usual;
    const fds = Array.from({ length: count }, () => duplicateDescriptor(templates[any(templates.length)]!));
    const flags = Flag.version | (any(2) === 0 ? Flag.needReply : 0);
    const now = session.handle(request, flags, view, fds, () => {});
    assert.deepEqual(fds, [], 'it takes what came with it');
    turn();
    const why = now ?? wasEnded;
    wasEnded = undefined;
    if (why === undefined) continue;
    reasons.add(why.replaceAll(/\d+/g, 'N'));
    // The channel would end it here.
    end();
  }
  end();
  assert.deepEqual([openDescriptors(/./).length, mappings()], before);
  assert.ok(reasons.size > 15, [...reasons].join('\n'));
  for (const fd of [...templates.slice(3), right]) closeDescriptor(fd);
  memory.unmap();
  device.close();
  loop.close();
});
