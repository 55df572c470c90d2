// A disk of `clearway disk` in a real guest: the image on the host, the back end, the machine, and what is held against one another:
// the bytes that the guest was told to write, those that it reads, and those of the image. Not here: which rings and options
// (disk.whole.test.ts, disk.machine.ts).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackEnd } from './back-end.js';
import { guestsImpossible } from './initial-disk.js';
import { checkRings, dataBytes, Lab, md5, type RingSetting, ringName, ringOptions } from './lab.js';
import type { Machine } from './machine.js';

/** Why disks cannot be tried in guests here; undefined where they can. */
export function disksImpossible(): string | undefined {
  return guestsImpossible(['mkfs.ext4', 'e2fsprogs'], ['debugfs', 'e2fsprogs'], ['blkdiscard', 'util-linux']);
}

/** How a disk is offered, and how the guest's driver is to use it. */
export interface DiskSetting extends RingSetting {
  readonly queues: number;
  readonly processors: number;
  /** The disk is behind an IOMMU of the guest's own: it reaches what the guest's kernel mapped for it, and no more. */
  readonly iommu?: boolean;
  /** Further options of `clearway disk`. */
  readonly options?: readonly string[];
}

/** A setting in words. */
export function settingName({ queues, processors, options = [], ...rings }: DiskSetting): string {
  return [`${ringName(rings)}, ${queues} queues, ${processors} processors`, ...options].join(' ');
}

const mib = 1024 * 1024;
const diskBytes = 40 * mib;
/** Number of the feature that addresses are an IOMMU's. */
const accessPlatform = 33;

/** What the disks of a test file are made with. Not to be used when {@link disksImpossible} has a reason. */
export class DiskLab extends Lab {
  constructor(series: string) {
    super(series, {
      modules: ['virtio_pci', 'virtio_blk'],
      programs: ['mkfs.ext4', 'blkdiscard', 'fallocate'],
    });
  }

  /** QEMU's options of a disk at a socket. */
  static devicesOf(setting: DiskSetting, socket: string): readonly string[] {
    const device = `vhost-user-blk-pci,chardev=disk,num-queues=${setting.queues},${ringOptions(setting)}`;
    const behind = ['-machine', 'q35', '-device', 'intel-iommu,caching-mode=on'];
    return [
      ...(setting.iommu === true ? behind : []),
      ...['-chardev', `socket,id=disk,path=${socket},reconnect=1`, '-device'],
      setting.iommu === true ? `${device},iommu_platform=on,disable-legacy=on` : device,
    ];
  }

  /** Makes an image and offers it. */
  async #offer({ queues, options = [] }: Pick<DiskSetting, 'queues' | 'options'>, prepare = (_image: string) => {}) {
    const folder = mkdtempSync(join(this.folder, 'rig-'));
    const [image, socket] = [join(folder, 'disk.raw'), join(folder, 'socket')];
    writeFileSync(image, '');
    truncateSync(image, diskBytes);
    prepare(image);
    const args = ['disk', image, '--socket', socket, '--queues', String(queues), '--id', 'clearway-vm', ...options];
    return { image, socket, backEnd: await BackEnd.start(args) };
  }

  /** Offers a disk and boots a machine with it. @param prepare writes to the image before */
  async start(setting: DiskSetting, prepare?: (image: string) => void): Promise<DiskRig> {
    const { image, socket, backEnd } = await this.#offer(setting, prepare);
    try {
      const machine = await this.machine(DiskLab.devicesOf(setting, socket), setting.processors);
      return new DiskRig(setting, { image, data: this.data, backEnd, machine });
    } catch (error) {
      await backEnd.end();
      throw error;
    }
  }
}

interface Parts {
  readonly image: string;
  readonly data: Buffer;
  readonly backEnd: BackEnd;
  readonly machine: Machine;
}

/** See the file's head. */
export class DiskRig {
  readonly setting: DiskSetting;
  readonly image: string;
  backEnd: BackEnd;
  machine: Machine;
  readonly #data: Buffer;

  constructor(setting: DiskSetting, { image, data, backEnd, machine }: Parts) {
    this.setting = setting;
    this.image = image;
    this.backEnd = backEnd;
    this.machine = machine;
    this.#data = data;
  }

  /** A digest of the image. */
  imageSum(): string {
    return md5(readFileSync(this.image));
  }

  /** The driver uses the rings that this is a test of, and sees the disk as it was offered. */
  async checkOffer(): Promise<void> {
    const { machine, setting } = this;
    const bits = await machine.run('cat /sys/block/vda/device/features');
    checkRings(bits, setting);
    assert.equal(bits[accessPlatform], setting.iommu === true ? '1' : '0', `behind an IOMMU in ${bits}`);
    const queues = Math.min(setting.queues, setting.processors);
    assert.equal(await machine.run('ls /sys/block/vda/mq | wc -l'), String(queues), 'queues');
    assert.equal(await machine.run('cat /sys/block/vda/size'), String(diskBytes / 512));
    assert.equal(await machine.run('cat /sys/block/vda/serial'), 'clearway-vm');
    assert.equal(await machine.run('cat /sys/block/vda/queue/write_cache'), 'write back');
  }

  /** What the guest reads of the whole disk, from its device and not its cache, is what the image holds. */
  async checkImage(): Promise<void> {
    const read = await this.machine.run('sync; dd if=/dev/vda bs=256k iflag=direct 2>/dev/null | md5sum');
    assert.equal(read.split(' ')[0], this.imageSum());
  }

  /** The data as the guest writes it to its place number `place`: turned by so many times 4 KiB. */
  turned(place: number): Buffer {
    return Buffer.concat([this.#data.subarray(place * 4096), this.#data.subarray(0, place * 4096)]);
  }

  /** The guest's command that writes this to its standard output. */
  turnedInGuest(place: number): string {
    return `(tail -c +${place * 4096 + 1} /data; head -c ${place * 4096} /data)`;
  }

  /** A file system: made, written by four at once, read, checked and read by this host's own programs. */
  async checkFiles(): Promise<void> {
    const { machine, image } = this;
    await machine.run('/usr/sbin/mkfs.ext4 -q -F /dev/vda && mount /dev/vda /mnt');
    const places = [1, 2, 3, 4];
    const writers = places.map((place) => `${this.turnedInGuest(place)} > /mnt/${place} &`);
    await machine.run(`${writers.join(' ')} wait; sync; echo 3 > /proc/sys/vm/drop_caches`);
    const sums = await machine.run('cd /mnt && md5sum 1 2 3 4');
    assert.deepEqual(
      sums.split('\n').map((line) => line.split(' ')[0]),
      places.map((place) => md5(this.turned(place))),
    );
    await machine.run('umount /mnt');
    this.#checkOnHost(places);
    await this.#checkTrim(image);
  }

  /** The file system as this host's programs see it: sound, and these files hold what was written. */
  #checkOnHost(places: readonly number[]): void {
    execFileSync('e2fsck', ['-fn', this.image], { stdio: 'pipe' });
    for (const place of places) {
      const file = execFileSync('debugfs', ['-R', `cat /${place}`, this.image], {
        maxBuffer: 2 * dataBytes,
        stdio: 'pipe',
      });
      assert.ok(file.equals(this.turned(place)), `file ${place} on the host`);
    }
  }

  /** Files are removed and their room is given back: the image needs less of it, and the others are what they were. */
  async #checkTrim(image: string): Promise<void> {
    const before = statSync(image).blocks;
    await this.machine.run('mount /dev/vda /mnt && rm /mnt/1 /mnt/2 && sync && fstrim -v /mnt && umount /mnt');
    const freed = (before - statSync(image).blocks) * 512;
    assert.ok(freed >= 2 * dataBytes - mib / 2, `${freed} bytes given back`);
    this.#checkOnHost([3, 4]);
  }

  /** Bytes written past every cache; discarded and zeroed ranges read as zeros, and their neighbours are what they were. */
  async checkRanges(): Promise<void> {
    const { machine, image } = this;
    await machine.run('dd if=/data of=/dev/vda bs=1M oflag=direct conv=notrunc 2>/dev/null');
    await machine.run('dd if=/data of=/dev/vda bs=1M oflag=direct conv=notrunc seek=4 2>/dev/null');
    // Odd places: of a sector, of one that begins within a page, across the rest.
    await machine.run('dd if=/data of=/dev/vda bs=512 count=7 seek=40001 oflag=direct conv=notrunc 2>/dev/null');
    const expected = readFileSync(image);
    const twice = Buffer.concat([this.#data, this.#data]);
    assert.ok(expected.subarray(0, 2 * dataBytes).equals(twice), 'written to the device');
    assert.ok(expected.subarray(40_001 * 512, 40_008 * 512).equals(this.#data.subarray(0, 7 * 512)));
    const room = (): number => {
      // A file system that counts room late counts it when the file is written out.
      const fd = openSync(image, 'r');
      fsyncSync(fd);
      closeSync(fd);
      return statSync(image).blocks * 512;
    };
    const before = room();
    for (const [command, offset, length] of [
      ['/usr/sbin/blkdiscard', mib, mib],
      ['/usr/sbin/blkdiscard -z', 3 * mib + 4096, mib],
      ['/usr/bin/fallocate -z', 5 * mib, 65_536 + 512],
      ['/usr/bin/fallocate -p', 6 * mib + 512, mib],
    ] as const) {
      await machine.run(`${command} -o ${offset} -l ${length} /dev/vda`);
      expected.fill(0, offset, offset + length);
      assert.ok(readFileSync(image).equals(expected), `${command} ${offset} ${length}`);
    }
    assert.ok(before - room() >= mib, 'the host has room again');
    await this.checkImage();
  }

  /**
   * The back end is killed again and again while the guest writes the same places anew, past its cache and through it, and reads: the
   * guest goes on, no command of it fails, and the last round is what the image holds.
   */
  async checkKills(kills: number): Promise<void> {
    const { machine, backEnd } = this;
    const turned = '(tail -c +$((round * 4096 + 1)) /data; head -c $((round * 4096)) /data)';
    const writers = [
      `${turned} | dd of=/dev/vda bs=16k iflag=fullblock oflag=direct conv=notrunc`,
      `${turned} | dd of=/dev/vda bs=4k seek=2048 iflag=fullblock conv=notrunc,fsync`,
      'dd if=/dev/vda of=/dev/null bs=64k skip=256 iflag=direct',
    ];
    const together = writers.map((writer) => `(${writer} || echo lost) &`).join(' ');
    const round = `round=$(((round + 1) % 64)); ${together} wait; echo $round > /tmp/round`;
    await machine.run(
      `echo 0 > /tmp/round; (round=0; while [ ! -e /tmp/stop ]; do ${round}; done; touch /tmp/over) > /tmp/load 2>&1 &`,
    );
    for (let count = 0; count < kills; count++) {
      // While requests are under way, and not at the same place each time.
      await sleep(300 + 70 * count);
      await backEnd.restart();
      await backEnd.hears('a front end connected');
      await machine.run('before=$(cat /tmp/round); while [ $(cat /tmp/round) = $before ]; do sleep 0.1; done', 60);
    }
    await machine.run('touch /tmp/stop; while [ ! -e /tmp/over ]; do sleep 0.1; done');
    const said = await machine.run('cat /tmp/load; dmesg | grep -i -E "I/O error|blk_update|hung" || true');
    assert.doesNotMatch(said, /rror|lost|hung/);
    const last = this.turned(Number(await machine.run('cat /tmp/round')));
    const image = readFileSync(this.image);
    assert.ok(image.subarray(0, dataBytes).equals(last), 'written past the cache');
    assert.ok(image.subarray(2 * dataBytes, 3 * dataBytes).equals(last), 'written through the cache');
    await this.checkImage();
  }

  /**
   * The guest moves, as it runs, to another QEMU with another back end of the same image: it writes all the while, no command of it fails,
   * and every byte that it says is written is in the image.
   */
  async checkMoves(moves: number): Promise<void> {
    const { image, setting } = this;
    const before = await this.machine.run(
      '/usr/sbin/mkfs.ext4 -q -F /dev/vda && mount /dev/vda /mnt && cat /proc/uptime',
    );
    const write = 'cat /data > /mnt/$round && sync && echo $round >> /mnt/rounds && sync || echo lost';
    await this.machine.run(
      `(round=0; while [ ! -e /tmp/stop ]; do round=$(((round + 1) % 4)); ${write}; done; touch /tmp/over) > /tmp/load 2>&1 &`,
    );
    for (let move = 0; move < moves; move++) {
      await sleep(1000);
      const socket = `${image}.${move}`;
      const args = ['disk', image, '--socket', socket, '--queues', `${setting.queues}`, '--incoming'];
      const next = await BackEnd.start([...args, '--id', 'clearway-vm', ...(setting.options ?? [])]);
      const left = this.backEnd;
      this.machine = await this.machine.move(DiskLab.devicesOf(setting, socket));
      assert.match(left.said, /what is written is logged/);
      assert.equal(await left.end(), 0, left.said);
      this.backEnd = next;
      await this.machine.run(
        'before=$(wc -l < /mnt/rounds); while [ $(wc -l < /mnt/rounds) -lt $((before + 2)) ]; do sleep 0.1; done',
        60,
      );
    }
    await this.machine.run('touch /tmp/stop; while [ ! -e /tmp/over ]; do sleep 0.1; done');
    const said = await this.machine.run(
      'cat /tmp/load; dmesg | grep -i -E "I/O error|blk_update|hung|EXT4-fs error" || true',
    );
    assert.equal(said, '');
    const uptime = await this.machine.run('cat /proc/uptime');
    assert.ok(Number.parseFloat(uptime) > Number.parseFloat(before), 'it was not started anew');
    await this.machine.run('umount /mnt');
    execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
    const file = execFileSync('debugfs', ['-R', 'cat /1', image], { maxBuffer: 2 * dataBytes, stdio: 'pipe' });
    assert.ok(file.equals(this.#data), 'a file on the host');
    await this.checkImage();
  }

  /** The image becomes larger while the guest runs: it is told, and writes to the new end. */
  async checkGrowth(): Promise<void> {
    const { machine, image } = this;
    truncateSync(image, diskBytes + dataBytes);
    this.backEnd.hangUp();
    const sectors = (diskBytes + dataBytes) / 512;
    await machine.run(`while [ $(cat /sys/block/vda/size) != ${sectors} ]; do sleep 0.1; done`, 30);
    await machine.run(`dd if=/data of=/dev/vda bs=1M seek=${diskBytes / mib} oflag=direct 2>/dev/null`);
    assert.equal(md5(readFileSync(image).subarray(diskBytes)), md5(this.#data));
  }

  /** Ends the machine, and then the back end as an operator does. */
  async end(): Promise<void> {
    await this.machine.end();
    const status = await this.backEnd.end();
    assert.equal(status, 0, this.backEnd.said);
  }
}
