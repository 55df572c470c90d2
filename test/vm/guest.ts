// A guest: one of Debian's kernels under QEMU, with this host's root file system below an overlay that is thrown away.
// It runs one command, hands back its output and exit status, and is gone. Software emulation: slow, and needs no rights.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeInitialDisk } from './initial-disk.js';
import type { Kernel } from './kernels.js';

/** What a guest's command did. */
export interface GuestResult {
  /** The command's exit status; undefined when the guest never came that far. */
  readonly status: number | undefined;
  readonly output: string;
  /** What the kernel and the firmware printed. */
  readonly console: string;
}

/** How to run a guest. */
export interface GuestOptions {
  /** Seconds until it is ended by force. Default 600. */
  readonly limitSeconds?: number;
  /** Called about once a second with what the command wrote since. */
  readonly progress?: (text: string) => void;
  /** Kernel modules to load beside those of the root file system. */
  readonly modules?: readonly string[];
  /** QEMU's options of further devices. */
  readonly devices?: readonly string[];
}

const rootModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

const initScript = `mkdir -p /host /share /upper /new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /host || poweroff -f
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share || poweroff -f
mount -t tmpfs upper /upper
mkdir -p /upper/up /upper/work
mount -t overlay -o lowerdir=/host,upperdir=/upper/up,workdir=/upper/work overlay /new
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm /new/run/share
mount -t devpts devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
mount -t tmpfs -o size=1g tmp /new/tmp
mount -t bpf bpf /new/sys/fs/bpf
mount -t tracefs tracefs /new/sys/kernel/tracing
mount -t tmpfs cgroup /new/sys/fs/cgroup
mkdir -p /new/sys/fs/cgroup/unified
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup/unified
mount --bind /share /new/run/share
ip link set lo up
ulimit -n 20000
chroot /new /bin/bash /run/share/command > /share/output 2>&1
echo $? > /share/status
sync
poweroff -f
`;

/** Runs a shell command in a guest. The working directory is this host's root; what it writes is gone afterwards. */
export async function runInGuest(kernel: Kernel, command: string, options: GuestOptions = {}): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-guest-'));
  try {
    const share = join(folder, 'share');
    mkdirSync(share);
    writeFileSync(join(share, 'command'), `${command}\n`);
    const modules = [...rootModules, ...(options.modules ?? [])];
    const disk = makeInitialDisk(kernel, folder, { init: initScript, modules });
    const read = (name: string): string =>
      existsSync(join(share, name)) ? readFileSync(join(share, name), 'utf8') : '';
    const stopWatching = options.progress === undefined ? () => {} : watch(() => read('output'), options.progress);
    const console = await emulate(kernel, disk, share, options).finally(stopWatching);
    const status = read('status').trim();
    return { status: status === '' ? undefined : Number(status), output: read('output'), console };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tells what a growing text gained, about once a second and at the end. Returns what ends it. */
function watch(read: () => string, progress: (text: string) => void): () => void {
  let told = 0;
  const tell = (): void => {
    const text = read();
    if (text.length > told) progress(text.slice(told));
    told = text.length;
  };
  const timer = setInterval(tell, 1000);
  return () => {
    clearInterval(timer);
    tell();
  };
}

function emulate(kernel: Kernel, disk: string, share: string, options: GuestOptions): Promise<string> {
  // The newest kernels stop under several emulation threads, and one thread for two CPUs gains nothing.
  const isNewest = Number(kernel.version.split('.')[0]) >= 7;
  const threads = isNewest ? 'single' : 'multi';
  const args = [
    ...['-accel', `tcg,thread=${threads}`, '-cpu', 'max,-la57', '-m', '4096', '-smp', isNewest ? '1' : '2'],
    ...['-nographic', '-no-reboot', '-kernel', kernel.image, '-initrd', disk],
    // A card whose other end is QEMU itself, and nobody else. AF_XDP goes without a copy only where addresses are those of the platform.
    ...['-netdev', 'user,id=card,restrict=on', '-device'],
    'virtio-net-pci,netdev=card,mac=52:54:00:12:34:56,romfile=,disable-legacy=on,iommu_platform=on',
    ...['-append', 'console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off'],
    ...['-fsdev', 'local,id=h,path=/,security_model=passthrough,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=h,mount_tag=host'],
    ...['-fsdev', `local,id=s,path=${share},security_model=none`],
    ...['-device', 'virtio-9p-pci,fsdev=s,mount_tag=share'],
    ...(options.devices ?? []),
  ];
  return new Promise((resolve, reject) => {
    const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString();
    };
    machine.stdout.on('data', take);
    machine.stderr.on('data', take);
    // Counted in seconds that this process ran: a machine that slept, or a run that was paused, has not used up its time.
    let secondsLeft = options.limitSeconds ?? 600;
    const timer = setInterval(() => --secondsLeft === 0 && machine.kill('SIGKILL'), 1000);
    machine.on('error', reject);
    machine.on('close', () => {
      clearInterval(timer);
      resolve(text);
    });
  });
}
