// Memory that comes while a machine runs (memory slots): QEMU is given modules one by one; the disk maps each, and lets go of all with the machine. The disk's
// queues are run by QEMU's firmware. Guests of their own: test/vm/.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { startDisk } from '../support/disks.js';
import { isInstalled } from '../support/installed.js';
import { until } from '../support/until.js';
import { QemuMonitor } from '../vm/qemu-monitor.js';

/** Why it cannot run here, or false. */
function refusal(): string | false {
  if (!isInstalled('qemu-system-x86_64')) return 'needs qemu-system-x86_64 (Debian: qemu-system-x86)';
  return process.arch === 'x64' ? false : 'the machine is an x86-64 one';
}

const moduleBytes = 64 * 1024 * 1024;

/** Bytes of memory files of QEMU that a process has mapped. */
function guestBytes(pid: number): number {
  const ranges = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) .*memory-backend-memfd/gm,
  );
  return [...ranges].reduce((sum, [, from, to]) => sum + Number.parseInt(to!, 16) - Number.parseInt(from!, 16), 0);
}

test('memory that comes while a machine runs', { skip: refusal(), timeout: 240_000 }, async () => {
  const disk = await startDisk('auto');
  const pid = disk.child.pid!;
  const monitorPath = disk.socket.replace(/sock$/, 'qmp');
  const machine = spawn('qemu-system-x86_64', [
    ...['-accel', 'tcg', '-m', '64M,slots=4,maxmem=512M', '-display', 'none', '-serial', 'none'],
    ...['-object', 'memory-backend-memfd,id=mem,size=64M,share=on', '-machine', 'memory-backend=mem'],
    ...['-chardev', `socket,id=disk,path=${disk.socket},reconnect=1`, '-device', 'vhost-user-blk-pci,chardev=disk'],
    ...['-qmp', `unix:${monitorPath},server=on,wait=off`],
  ]);
  after(() => machine.kill('SIGKILL'));
  const monitor = await QemuMonitor.connect(monitorPath);
  await until('its queues run', () => disk.said().includes('the guest runs queues'));
  const first = guestBytes(pid);
  assert.ok(first > 0 && first <= moduleBytes, `${first} bytes`);
  for (let module = 1; module <= 3; module++) {
    const backend = { 'qom-type': 'memory-backend-memfd', id: `mem${module}`, size: moduleBytes, share: true };
    await monitor.ask('object-add', backend);
    await monitor.ask('device_add', { driver: 'pc-dimm', id: `dimm${module}`, memdev: `mem${module}` });
    await until(`module ${module} is mapped`, () => guestBytes(pid) === first + module * moduleBytes);
  }
  monitor.close();
  machine.kill('SIGKILL');
  await until('nothing is left', () => guestBytes(pid) === 0);
  disk.child.kill('SIGTERM');
  assert.equal(await disk.ended, 0);
});
