// `clearway net --xdp` as a process: idle, killed, its device taken away; and what is in the way, said with its fix.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { engineRefused, engines, patterned } from '../conformance/serve/servers.js';
import { address, endsTo, macOf, peerMac, ping } from '../support/guest-peer.js';
import { headerOf, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import { arp } from '../support/net-packets.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';
import { VethPair, vethRefused } from '../support/veth-pair.js';
import { computedMs, startDevices } from '../support/vhost-process.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-xdp-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const skip = vethRefused();

describe('clearway net --xdp', { skip, timeout: 240_000 }, () => {
  for (const engine of engines) {
    test(`${engine}: idle it costs no time, nor with a guest without buffers, nor when the device was taken away, which is said once`, {
      skip: engineRefused(engine),
    }, async () => {
      const pair = new VethPair(`${address.peer}/24`);
      const socket = join(folder, `idle-${engine}.sock`);
      const args = ['net', '--socket', socket, '--xdp', pair.device, '--engine', engine];
      const net = await startDevices(args, [socket], pair.space.launcher);
      await untilSaid(
        net.said,
        /joined to near \(MTU 1500\) by AF_XDP: in its driver, with a copy by the kernel \(veth/,
      );
      const guest = new NetGuest(socket, { bits: NetBit.mergeable, buffers: 0 });
      await guest.start();
      await guest.send(headerOf(wholeHeader), arp(macOf(0), address.guest, address.peer));
      const idle = async (what: string): Promise<void> => {
        const before = computedMs(net.pid);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const computed = computedMs(net.pid) - before;
        assert.ok(computed < 100, `${what}: ${computed} ms of 1000`);
      };
      await idle('an answer waits for a buffer');
      pair.space.ip('link', 'delete', pair.device);
      await until('it is said', () => net.said().includes('was taken away'));
      await idle('the device is gone');
      for (let count = 0; count < 10; count++) await guest.send(headerOf(wholeHeader), patterned(60));
      assert.equal(net.said().split('was taken away').length, 2, 'once');
      guest.close();
      assert.equal(await net.end(), 0);
      pair.remove();
    });
  }

  test('killed, it leaves nothing attached, and can be started again', async () => {
    const pair = new VethPair(`${address.peer}/24`);
    pair.bringUpNear('10.77.0.9/24');
    const socket = join(folder, 'killed.sock');
    const args = ['net', '--socket', socket, '--xdp', pair.device];
    const net = await startDevices(args, [socket], pair.space.launcher);
    await untilSaid(net.said, /the host hears nothing on near/);
    assert.match(pair.link, /xdp/);
    assert.match(pair.space.ip('-d', 'link', 'show', pair.device), /promiscuity 1/);
    assert.equal(await net.end('SIGKILL'), 'SIGKILL');
    await until('it is detached', () => !pair.link.includes('xdp'));
    assert.match(pair.space.ip('-d', 'link', 'show', pair.device), /promiscuity 0/);
    rmSync(socket, { force: true });
    const again = await startDevices(args, [socket], pair.space.launcher);
    const guest = new NetGuest(socket, { bits: NetBit.mergeable });
    await guest.start();
    await ping(guest, endsTo(await peerMac(guest)), patterned(56));
    guest.close();
    assert.equal(await again.end(), 0);
    pair.remove();
  });

  test('what keeps it from starting is said with its fix, in a line', async () => {
    const pair = new VethPair(`${address.peer}/24`);
    const startOf = (device: string, launcher: readonly string[] = [], ...more: readonly string[]): string => {
      const socket = join(folder, 'never.sock');
      const words = [...pair.space.launcher, ...launcher, process.execPath, program, 'net', '--socket', socket];
      const all = [...words, '--xdp', device, ...more];
      const { status, stderr } = spawnSync(all[0]!, all.slice(1), { encoding: 'utf8', timeout: 60_000 });
      assert.ok(status === 1 || status === 2, stderr);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      return stderr;
    };
    assert.match(startOf('nobody'), /no network device "nobody".*ip link/);
    assert.match(startOf('lo'), /lo is no Ethernet device: choose one/);
    assert.match(startOf('a/b'), /no network device "a\/b"/);
    assert.match(startOf(pair.device, [], '--mtu', '1501'), /more than near takes \(1500\).*ip link set near mtu 1501/);
    assert.match(startOf(pair.device, [], '--tap', 'tap0'), /one way out/);
    assert.match(startOf(pair.device, ['setpriv', '--reuid=65534', '--clear-groups']), /CAP_NET_RAW.*CAP_BPF/);
    pair.bringUpNear('10.77.0.9/24');
    pair.space.ip('route', 'add', 'default', 'via', address.peer);
    assert.match(startOf(pair.device), /near leads this host to the rest of the world.*ip route del default dev near/);
    pair.space.ip('route', 'del', 'default');
    const socket = join(folder, 'first.sock');
    const first = await startDevices(['net', '--socket', socket, '--xdp', pair.device], [socket], pair.space.launcher);
    assert.match(startOf(pair.device), /another AF_XDP socket has queue 0 of near/);
    assert.equal(await first.end(), 0);
    pair.remove();
  });
});
