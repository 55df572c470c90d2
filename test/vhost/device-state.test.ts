// How a device says that it stands: whether somebody is there, what was agreed on, each ring with what was taken and what waits, on both layouts, also
// where a guest writes what makes no sense; and the page of devices that shows it, over a real disk.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import type { DevicesFrame, DevicesHello } from '../../src/dashboard/device-dashboard.js';
import { ask, makeImage, spawnDisk, startDisk } from '../support/disks.js';
import { startNets } from '../support/in-process-nets.js';
import { guestBits, headerOf, hostBits, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { layouts } from '../support/virtqueues.js';

const page = new URL('../../src/dashboard/page/devices.html', import.meta.url);

describe('how a device stands', { timeout: 240_000 }, () => {
  for (const layout of layouts) {
    test(`${layout}: nobody, then each ring: what waits, what was taken and given back, around its end`, async () => {
      const nets = startNets(1, { echo: true }, { mtu: 9000 });
      assert.deepEqual(nets.state(), { frontEnd: undefined, features: [], memoryBytes: 0, queues: [] });
      const options = { bits: hostBits | guestBits | NetBit.mergeable, size: 16, buffers: 10, layout } as const;
      const guest = new NetGuest(nets.sockets[0]!, options);
      await guest.start();
      await until('both rings run', () => nets.state().queues.length === 2);
      const { frontEnd, features, memoryBytes, queues } = nets.state();
      assert.equal(frontEnd!.processId, process.pid);
      assert.deepEqual(features.slice(0, 3), [layout, 'indirect', 'mergeable buffers']);
      assert.match(features.join(', '), /checksums and TCP segmentation and UDP segmentation undone in what it sends/);
      assert.equal(memoryBytes, 4 * 1024 * 1024);
      const names = queues.map(({ name, size, isEnabled }) => [name, size, isEnabled]);
      assert.deepEqual(names, [
        ['pair 0, room for packets', 16, true],
        ['pair 0, what it sends', 16, true],
      ]);
      // More than once around: each packet is sent, comes back into a buffer, which is posted again.
      for (let count = 0; count < 50; count++) {
        await guest.send(headerOf(wholeHeader), new Uint8Array(100).fill(2), []);
        await guest.receive();
        const [receive, transmit] = nets.state().queues;
        assert.equal(receive!.taken + receive!.waiting, 10, `${count}: ${JSON.stringify(receive)}`);
        assert.equal((receive!.used + receive!.taken) % 16, receive!.next);
        assert.deepEqual([transmit!.taken, transmit!.waiting, transmit!.next], [0, 0, transmit!.used]);
        assert.equal(transmit!.next, (count + 1) % 16);
      }
      guest.close();
      await until('nobody is there', () => nets.state().frontEnd === undefined);
      assert.deepEqual(nets.state().queues, []);
      await nets.close();
    });
  }

  test('an index that makes no sense is held to the size of its ring', async () => {
    const nets = startNets(1, { echo: true });
    const guest = new NetGuest(nets.sockets[0]!, { bits: 0n, size: 16, buffers: 2 });
    await guest.start();
    await until('both rings run', () => nets.state().queues.length === 2);
    const { places } = guest.front.queues[0]!;
    const { data } = guest.front.memory;
    for (const [place, index] of [
      [places.available, 0xfff0],
      [places.used, 0x8000],
      [places.available, 0],
    ] as const) {
      data.setUint16(place + 2, index, true);
      const [{ taken, waiting, next, used } = {} as never] = nets.state().queues;
      assert.ok(taken >= 0 && waiting >= 0 && taken + waiting <= 16, `${taken} ${waiting}`);
      assert.ok(next < 16 && used < 16);
    }
    guest.close();
    await nets.close();
  });

  test('an address that is taken is said, and nothing is left running, also not the metrics', async () => {
    const { image, socket } = makeImage();
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as AddressInfo;
    const dashboard = `--dashboard=127.0.0.1:${port}`;
    const disk = spawnDisk({ image, socket }, ['--socket', socket, dashboard, '--metrics', '127.0.0.1:0']);
    assert.equal(await disk.ended, 1);
    assert.match(disk.said(), /the dashboard cannot be served at 127\.0\.0\.1:\d+: the address is already in use/);
    assert.ok(!existsSync(socket));
    busy.close();
  });

  test('clearway disk --dashboard: the page is at the address it says, and shows each second what happened', {
    skip: existsSync(page) ? false : 'the page is not built: npm run build',
  }, async () => {
    const disk = await startDisk('auto', '--dashboard');
    await until('the address is said', () => /the dashboard is at\nhttp:\S+\n/.test(disk.said()));
    const url = /the dashboard is at\n(\S+)/.exec(disk.said())![1]!;
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.match(await (await fetch(url)).text(), /Rings as they run/);
    const guest = new FrontEnd(disk.socket);
    await guest.begin({ indirect: true, eventIndex: true }, { layout: 'packed', size: 32 });
    for (let count = 0; count < 3; count++) await ask(guest, { type: 0, sector: 8n, room: 4096 });
    const abort = new AbortController();
    const events = await fetch(new URL('/events', url), { signal: abort.signal });
    let text = '';
    let frame: DevicesFrame | undefined;
    const seen = (): DevicesFrame[] =>
      [...text.matchAll(/event: (?:last|frame)\ndata: (.*)\n\n/g)].map(([, data]) => JSON.parse(data!) as DevicesFrame);
    for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      frame = seen().find(({ devices }) => devices[0]!.start[0] === 3);
      if (frame !== undefined) break;
    }
    abort.abort();
    const hello = JSON.parse(/event: hello\ndata: (.*)\n/.exec(text)![1]!) as DevicesHello;
    assert.match(hello.subject, /^disk \((uring|epoll)\)$/);
    assert.deepEqual(
      hello.measures.slice(0, 3).map(({ words }) => words),
      ['requests', 'read', 'written'],
    );
    const [device] = frame!.devices;
    assert.equal(device!.name, disk.image);
    assert.equal(device!.start[1], 3 * 4096);
    assert.equal(device!.state.frontEnd!.processId, process.pid);
    assert.deepEqual(device!.state.features.slice(0, 3), ['packed', 'event index', 'indirect']);
    assert.deepEqual(device!.state.queues, [
      { name: 'queue 0', size: 32, isEnabled: true, next: 9, used: 9, taken: 0, waiting: 0 },
    ]);
    assert.deepEqual(device!.reasons, [['requests', 'read', 3]]);
    assert.deepEqual(frame!.copied, {});
    guest.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
