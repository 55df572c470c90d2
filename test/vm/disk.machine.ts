// `clearway disk` in real guests, part of `npm run test:vm`: rings of both layouts, event index, indirect descriptors, one queue and
// several, each engine, guests that move, restarts of the guest (its firmware drives the disk first, then Linux), a back end that is killed under load,
// disks that are only read, another kernel. One machine at a time. Not here: the one boot of every run of the tests (disk.whole.test.ts).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { engineRefused } from '../conformance/serve/servers.js';
import { DiskLab, type DiskSetting, disksImpossible, settingName } from './disk-rig.js';

const labs = new Map<string, DiskLab>();
after(() => {
  for (const lab of labs.values()) lab.remove();
});

/** The lab of a series of kernels. */
function labOf(series: string): DiskLab {
  const lab = labs.get(series) ?? new DiskLab(series);
  labs.set(series, lab);
  return lab;
}

const debian = '6.1-cloud';
const timeout = 600_000;
const settings: readonly DiskSetting[] = [false, true].flatMap((packed) => [
  { packed, eventIndex: false, indirect: false, queues: 1, processors: 1 },
  { packed, eventIndex: true, indirect: true, queues: 4, processors: 4 },
  { packed, eventIndex: true, indirect: false, queues: 1, processors: 2, options: ['--engine', 'uring'] },
  { packed, eventIndex: false, indirect: true, queues: 4, processors: 2, options: ['--direct'] },
]);

describe('disks in guests', { skip: disksImpossible() ?? false, concurrency: false }, () => {
  let lab: DiskLab;
  before(() => {
    lab = labOf(debian);
  });

  for (const setting of settings) {
    test(settingName(setting), { timeout }, async (t) => {
      const why = setting.options?.includes('uring') === true && engineRefused('uring');
      if (why !== false) return t.skip(why);
      const rig = await lab.start(setting);
      try {
        await rig.checkOffer();
        await rig.checkFiles();
        await rig.checkRanges();
        await rig.checkGrowth();
        await rig.machine.reboot();
        await rig.checkImage();
        await rig.checkKills(5);
      } finally {
        await rig.end();
      }
    });
  }

  for (const packed of [false, true]) {
    test(`a guest that moves to another QEMU, and on, while it writes, ${packed ? 'packed' : 'split'}`, {
      timeout,
    }, async () => {
      const rings = { packed, eventIndex: true, indirect: true };
      const rig = await lab.start({ ...rings, queues: 2, processors: 2 });
      try {
        await rig.checkMoves(2);
      } finally {
        await rig.end();
      }
    });
  }

  for (const packed of [false, true]) {
    test(`behind the guest's own IOMMU, ${packed ? 'packed' : 'split'}`, { timeout }, async () => {
      const rings = { packed, eventIndex: true, indirect: true };
      const rig = await lab.start({ ...rings, queues: 2, processors: 2, iommu: true });
      try {
        await rig.checkOffer();
        assert.notEqual(await rig.machine.run('ls /sys/kernel/iommu_groups'), '', 'groups');
        await rig.checkFiles();
        await rig.checkRanges();
        await rig.checkKills(3);
      } finally {
        await rig.end();
      }
    });
  }

  test('a disk that is only read', { timeout }, async () => {
    const rig = await lab.start(
      { packed: false, eventIndex: true, indirect: true, queues: 2, processors: 2, options: ['--readonly'] },
      (image) => execFileSync('mkfs.ext4', ['-q', '-F', '-d', lab.dataFolder, image]),
    );
    try {
      const before = rig.imageSum();
      assert.equal(await rig.machine.run('cat /sys/block/vda/ro'), '1');
      await rig.machine.run('mount -o ro,noload /dev/vda /mnt && cmp /mnt/data /data && umount /mnt');
      assert.notEqual((await rig.machine.ask('dd if=/data of=/dev/vda bs=4k count=1 oflag=direct')).status, 0);
      await rig.checkImage();
      assert.equal(rig.imageSum(), before);
    } finally {
      await rig.end();
    }
  });

  test('a newer kernel', { timeout }, async () => {
    const setting = { packed: false, eventIndex: true, indirect: true, queues: 2, processors: 2 };
    const rig = await labOf('6.12-cloud').start(setting);
    try {
      await rig.checkOffer();
      await rig.checkFiles();
      await rig.checkRanges();
    } finally {
      await rig.end();
    }
  });
});
