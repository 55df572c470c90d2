// Packets that a guest sends many at once to a tap: on io_uring one system call writes all of a turn. Each arrives, whole and in order, and one that
// the kernel refuses keeps none from its place. Not here: one packet after the other (net-tap.whole.test.ts).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import type { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { NetDriver } from '../../src/vhost/front-end/net-driver.js';
import { netHeaderBytes } from '../../src/vhost/net/net-header.js';
import { bitsOf, Feature } from '../../src/vhost/protocol.js';
import { engineRefused, engines } from '../conformance/serve/servers.js';
import { guestBits, headerOf, hostBits } from '../support/net-guest.js';
import { NetNamespace, namespacesRefused } from '../support/net-namespace.js';
import { arp, type Ends, udp } from '../support/net-packets.js';
import { until } from '../support/until.js';
import { startDevices } from '../support/vhost-process.js';
import { layouts } from '../support/virtqueues.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-bursts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const packets = 2000;
/** What comes out of the tap: how many in order, and how many that are not what they should be, written to a file. */
const listener = (file: string): string => `const s = require('dgram').createSocket('udp4');
  let [wrong, next] = [0, 0];
  s.on('message', (m) => {
    const number = m.readUInt32LE(0);
    if (number !== next || m.subarray(4).some((byte) => byte !== number % 256)) wrong++;
    next = number + 1;
    require('fs').writeFileSync('${file}', next + ' ' + wrong);
  });
  s.bind(7001, '10.77.0.1', () => console.log('listens'));`;

describe('bursts of packets to a tap', { skip: namespacesRefused(), timeout: 240_000 }, () => {
  for (const engine of engines)
    for (const layout of layouts)
      test(`${engine}, ${layout}`, { skip: engineRefused(engine) }, async () => {
        const space = new NetNamespace();
        const socket = join(folder, `${engine}-${layout}.sock`);
        const args = ['net', '--socket', socket, '--tap', 'tap0', '--engine', engine, '--metrics', '127.0.0.1:0'];
        const net = await startDevices(args, [socket], space.launcher);
        space.bringUp('tap0', '10.77.0.1/24');
        space.ip('neighbour', 'add', '10.77.0.2', 'lladdr', '52:54:00:00:00:01', 'dev', 'tap0');
        const came = join(folder, `${engine}-${layout}.came`);
        await space.node(listener(came));
        const [{ address }] = JSON.parse(space.ip('-j', 'link', 'show', 'dev', 'tap0')) as [{ address: string }];
        const ends: Ends = {
          ...{ fromMac: '52:54:00:00:00:01', toMac: address, from: '10.77.0.2', to: '10.77.0.1' },
          ...{ fromPort: 7000, toPort: 7001 },
        };
        const frontEnd = await FrontEnd.connect(socket);
        const features = hostBits | guestBits | bitsOf(Feature.eventIndex);
        await frontEnd.start({
          features: features | (layout === 'packed' ? bitsOf(Feature.packed) : 0n),
          ...{ queues: 2, size: 256 },
        });
        const [receive, transmit] = frontEnd.queues as [FrontQueue, FrontQueue];
        const options = { depth: 128, bytes: 2048, mergeable: false };
        const driver = new NetDriver(receive, transmit, frontEnd.memory, options);
        const random = randomSource(21);
        const put = (packet: Uint8Array, header?: Uint8Array): boolean => {
          const slot = driver.take();
          if (slot < 0) return false;
          if (header !== undefined) driver.bytesOf(slot).set(header);
          driver.bytesOf(slot).set(packet, netHeaderBytes);
          assert.ok(driver.send(slot, packet.length));
          return true;
        };
        // A packet of ARP that is to be cut as TCP over IPv6: the kernel refuses it.
        const gso = { flags: 1, gso: 4, headerLength: 54, gsoSize: 100, checksumStart: 34, checksumOffset: 16 };
        const wrong = arp('52:54:00:00:00:01', '10.77.0.2', '10.77.0.1', 400);
        let refused = 0;
        for (let number = 0; number < packets; ) {
          for (let burst = 1 + Math.floor(random() * 128); burst > 0 && number < packets; burst--) {
            const payload = Buffer.alloc(4 + Math.floor(random() * 1400), number % 256);
            payload.writeUInt32LE(number);
            if (!put(udp(ends, payload))) break;
            number++;
            if (random() < 0.02 && put(wrong, headerOf(gso))) refused++;
          }
          driver.publish();
          // No more than the listener's socket has room for.
          await until(`${number} came`, () => existsSync(came) && readFileSync(came, 'utf8') === `${number} 0`);
        }
        assert.ok(refused > 0);
        await until('the address is said', () => /http:\S+/.test(net.said()));
        const read = `fetch('${/http:\S+/.exec(net.said())![0]}').then((r) => r.text()).then(console.log)`;
        const [command, ...words] = [...space.launcher, process.execPath, '-e', read];
        // One that is refused behind the last that came may be under way still.
        await until(`${refused} refused and ${packets} sent are counted`, () => {
          const metrics = execFileSync(command!, words, { encoding: 'utf8' });
          return [`reason="refused"[^\\n]* ${refused}\\n`, `packets_total[^\\n]* ${packets}\\n`].every((row) =>
            new RegExp(row).test(metrics),
          );
        });
        frontEnd.close();
        assert.equal(await net.end(), 0, net.said());
        space.remove();
      });
});
