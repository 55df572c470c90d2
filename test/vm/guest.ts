// A guest: one of Debian's kernels under QEMU, with this host's root file system below an overlay that is thrown away.
// It runs one command, hands back its output and exit status, and is gone. Software emulation: slow, and needs no rights.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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
}

const rootModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/** The reason why guests cannot run here, or undefined. */
export function guestsImpossible(): string | undefined {
  for (const [program, source] of [
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['busybox', 'busybox-static'],
    ['cpio', 'cpio'],
    ['depmod', 'kmod'],
  ]) {
    const found = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, program!)));
    if (!found) return `${program} is not here: apt-get install ${source}`;
  }
  if (process.arch !== 'x64') return 'the guests are x86-64 ones';
  return undefined;
}

/** The module files of some modules with what they depend on, in the order of loading. */
function moduleFiles(kernel: Kernel, names: readonly string[]): string[] {
  const files: string[] = [];
  for (const name of names) {
    const args = ['-d', kernel.root, '-S', kernel.version, '--show-depends', name];
    // One that this kernel does not have, or has built in, is no module of it.
    const { stdout: listed } = spawnSync('modprobe', args, { encoding: 'utf8' });
    for (const line of listed.split('\n')) {
      const file = /^insmod (\S+)/.exec(line)?.[1];
      if (file !== undefined && !files.includes(file)) files.push(file);
    }
  }
  return files;
}

const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for file in $(cat /modules.list); do insmod /modules/$file || echo "module $file was not loaded"; done
mkdir -p /host /share /upper /new
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

/** Writes the initial RAM disk: a shell, the modules, and a script that prepares the root and runs the command. */
function makeInitialDisk(kernel: Kernel, folder: string, modules: readonly string[]): string {
  const tree = join(folder, 'initrd');
  for (const each of ['bin', 'proc', 'sys', 'dev', 'modules']) mkdirSync(join(tree, each), { recursive: true });
  const shell = existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox';
  cpSync(shell, join(tree, 'bin/busybox'));
  const names: string[] = [];
  for (const file of moduleFiles(kernel, [...rootModules, ...modules])) {
    const name = basename(file).replace(/\.(xz|zst|gz)$/, '');
    if (file.endsWith('.xz'))
      writeFileSync(join(tree, 'modules', name), execFileSync('xz', ['-dc', file], { maxBuffer: 1 << 26 }));
    else if (file.endsWith('.zst'))
      writeFileSync(join(tree, 'modules', name), execFileSync('zstd', ['-dcq', file], { maxBuffer: 1 << 26 }));
    else cpSync(file, join(tree, 'modules', name));
    names.push(name);
  }
  writeFileSync(join(tree, 'modules.list'), `${names.join('\n')}\n`);
  writeFileSync(join(tree, 'init'), initScript);
  chmodSync(join(tree, 'init'), 0o755);
  const disk = join(folder, 'initrd.cpio');
  execFileSync('sh', ['-c', `cd '${tree}' && find . | cpio -o -H newc --quiet > '${disk}'`]);
  return disk;
}

/** Runs a shell command in a guest. The working directory is this host's root; what it writes is gone afterwards. */
export async function runInGuest(kernel: Kernel, command: string, options: GuestOptions = {}): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-guest-'));
  try {
    const share = join(folder, 'share');
    mkdirSync(share);
    writeFileSync(join(share, 'command'), `${command}\n`);
    const disk = makeInitialDisk(kernel, folder, options.modules ?? []);
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
    ...['-nographic', '-no-reboot', '-nic', 'none', '-kernel', kernel.image, '-initrd', disk],
    ...['-append', 'console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off'],
    ...['-fsdev', 'local,id=h,path=/,security_model=passthrough,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=h,mount_tag=host'],
    ...['-fsdev', `local,id=s,path=${share},security_model=none`],
    ...['-device', 'virtio-9p-pci,fsdev=s,mount_tag=share'],
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
