// A machine: a guest that the test talks to. One of Debian's kernels under QEMU, with an initial RAM disk alone and the devices
// that the test gives it; commands go to a shell of the guest over a serial line, their output and status come back. What the
// kernel prints goes over another line. Software emulation: slow, and needs no rights. Not here: guests with this host's root
// file system (guest.ts), the devices' back ends (back-end.ts).

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InitialDisk, makeInitialDisk } from './initial-disk.js';
import type { Kernel } from './kernels.js';
import { QemuMonitor } from './qemu-monitor.js';
import { endTied, startTied, type Tied } from './tied.js';

/** How a machine is made. */
export interface MachineOptions {
  readonly kernel: Kernel;
  /** An initial RAM disk that {@link makeMachineDisk} made. */
  readonly disk: string;
  /** QEMU's options of its devices. */
  readonly devices: readonly string[];
  /** Processors. Default 1. */
  readonly processors?: number;
  /** A socket at which it waits for the state of a machine that moves here. */
  readonly incoming?: string;
}

/** What a command did in the guest. */
export interface CommandResult {
  readonly status: number;
  readonly output: string;
}

const memoryMiB = 320;
/** Seconds from power on to the shell, and of a command, unless it is said otherwise: many times what they take. */
const bootLimitSeconds = 180;
const commandLimitSeconds = 120;

const shellScript = `mkdir -p /tmp /mnt
mount -t tmpfs tmp /tmp
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo '@@ready'
while IFS= read -r line; do
  (eval "$line") </dev/null
  printf '\\n@@status %d\\n' $?
done
`;

/** Writes the initial RAM disk of machines into a folder: a shell that takes commands from the test. */
export function makeMachineDisk(kernel: Kernel, folder: string, contents: Omit<InitialDisk, 'init'>): string {
  return makeInitialDisk(kernel, folder, { ...contents, init: shellScript });
}

/** See the file's head. */
export class Machine {
  readonly #process: Tied;
  readonly #folder: string;
  /** What the shell wrote and nobody took yet. */
  #received = '';
  #errors = '';
  #hasEnded = false;
  /** Tells whoever waits that something was received, or that the machine has ended. */
  #changed: () => void = () => {};

  readonly #options: MachineOptions;

  private constructor(options: MachineOptions) {
    const { kernel, disk, devices, processors = 1, incoming } = options;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'clearway-machine-'));
    this.#process = startTied('qemu-system-x86_64', [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'max,-la57', '-smp', String(processors), '-nographic', '-nodefaults'],
      ...['-m', `${memoryMiB}M`, '-object', `memory-backend-memfd,id=mem,size=${memoryMiB}M,share=on`],
      ...['-machine', 'pc,memory-backend=mem', '-serial', `file:${this.#folder}/console`],
      ...['-chardev', 'stdio,id=shell,signal=off', '-serial', 'chardev:shell'],
      ...['-kernel', kernel.image, '-initrd', disk],
      ...[
        '-append',
        'console=ttyS0 loglevel=5 panic=0 rdinit=/init mitigations=off random.trust_cpu=on intel_iommu=on no_timer_check',
      ],
      ...devices,
      ...['-qmp', `unix:${this.#folder}/qmp,server=on,wait=off`],
      ...(incoming === undefined ? [] : ['-incoming', `unix:${incoming}`]),
    ]);
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#changed();
    });
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString('latin1');
    });
    // The guest's shell may be gone before it has read.
    this.#process.stdin.on('error', () => {});
    this.#process.on('close', () => {
      this.#hasEnded = true;
      this.#changed();
    });
  }

  /** Boots a machine, up to its shell. @throws Error with what it printed */
  static async start(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(options);
    try {
      await machine.#until(/^@@ready\n/m, bootLimitSeconds, 'the guest boots');
      return machine;
    } catch (error) {
      await machine.end();
      throw error;
    }
  }

  /** What the firmware, the kernel and QEMU printed. */
  get console(): string {
    let text = '';
    try {
      text = readFileSync(join(this.#folder, 'console'), 'latin1');
    } catch {
      // QEMU did not come so far.
    }
    return `${text}${this.#errors}`;
  }

  /** Waits for a line of the shell's, and takes what came up to it. */
  #until(line: RegExp, limitSeconds: number, what: string): Promise<RegExpExecArray & { before: string }> {
    return new Promise((resolve, reject) => {
      // Counted in seconds that this process ran: a machine that slept, or a run that was paused, has not used up its time.
      let left = limitSeconds;
      const end = (): void => {
        clearInterval(timer);
        this.#changed = () => {};
      };
      const fail = (why: string): void => {
        end();
        reject(new Error(`${what}: ${why}\n${this.#received}\n${this.console.slice(-4000)}`));
      };
      const timer = setInterval(() => {
        if (--left === 0) fail(`not done after ${limitSeconds} s`);
        else if (/Kernel panic|BUG:|Oops:/.test(this.console)) fail('the kernel failed');
      }, 1000);
      this.#changed = () => {
        const found = line.exec(this.#received);
        if (found !== null) {
          end();
          const before = this.#received.slice(0, found.index);
          this.#received = this.#received.slice(found.index + found[0].length);
          resolve(Object.assign(found, { before }));
        } else if (this.#hasEnded) fail('QEMU has ended');
      };
      this.#changed();
    });
  }

  /** Gives the guest's shell a command, a line of it. It is done before the next one is given. */
  async ask(command: string, limitSeconds: number = commandLimitSeconds): Promise<CommandResult> {
    this.#process.stdin.write(`${command}\n`);
    const found = await this.#until(/\n@@status (\d+)\n/, limitSeconds, `\`${command}\``);
    return { status: Number(found[1]), output: found.before.trim() };
  }

  /** The same, of a command that has to succeed. Returns what it wrote. @throws Error */
  async run(command: string, limitSeconds?: number): Promise<string> {
    const { status, output } = await this.ask(command, limitSeconds);
    if (status !== 0) throw new Error(`\`${command}\` ended with ${status} in the guest: ${output}`);
    return output;
  }

  /** Restarts the guest, through the firmware, up to its shell. */
  async reboot(): Promise<void> {
    this.#process.stdin.write('reboot -f\n');
    await this.#until(/^@@ready\n/m, bootLimitSeconds, 'the guest boots again');
  }

  /**
   * Moves the machine, as it runs, to another QEMU, with devices of its own; this one ends. What its shell does goes on there: no command of it is
   * waited for meanwhile. @returns the other one
   */
  async move(devices: readonly string[]): Promise<Machine> {
    const incoming = join(this.#folder, 'incoming');
    const other = new Machine({ ...this.#options, devices, incoming });
    try {
      const there = await QemuMonitor.connect(join(other.#folder, 'qmp'));
      const here = await QemuMonitor.connect(join(this.#folder, 'qmp'));
      await here.ask('migrate', { uri: `unix:${incoming}` });
      await here.until('query-migrate', ({ status }) => {
        if (status === 'failed') throw new Error(`it did not move: ${this.#errors}${other.#errors}`);
        return status === 'completed';
      });
      await there.until('query-status', ({ status }) => status === 'running');
      there.close();
      here.close();
    } catch (error) {
      await other.end();
      throw error;
    }
    await this.end();
    return other;
  }

  /** Ends it, as pulling the plug does. */
  async end(): Promise<void> {
    await endTied(this.#process);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
