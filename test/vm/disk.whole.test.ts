// `clearway disk` in a real guest, one boot of it: Debian's cloud kernel makes a file system, writes, reads, discards, and every byte
// of the image is what it wrote. All rings and options: `npm run test:vm` (disk.machine.ts).

import { after, test } from 'node:test';
import { DiskLab, disksImpossible } from './disk-rig.js';

let lab: DiskLab | undefined;
after(() => lab?.remove());

test('a guest of Debian keeps a file system on a disk', {
  skip: disksImpossible() ?? false,
  timeout: 300_000,
}, async (t) => {
  try {
    lab = new DiskLab('6.1-cloud');
  } catch (error) {
    t.skip(`the kernel cannot be had: ${(error as Error).message}`);
    return;
  }
  const rig = await lab.start({ packed: false, eventIndex: true, indirect: true, queues: 4, processors: 2 });
  try {
    await rig.checkOffer();
    await rig.checkFiles();
    await rig.checkRanges();
  } finally {
    await rig.end();
  }
});
