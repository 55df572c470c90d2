// A network namespace of a test's own, named by its process, and what is run in it; removed whatever happens. For tests alone.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { after } from 'node:test';

let made = 0;

/** Why there are no namespaces on this host; false where there are. */
export function namespacesRefused(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (spawnSync('ip', ['-V']).error !== undefined) return 'there is no ip (iproute2)';
  return spawnSync('test', ['-c', '/dev/net/tun']).status === 0 ? false : 'there is no /dev/net/tun';
}

/** See the file's head. */
export class NetNamespace {
  readonly name = `clearway-net-${process.pid}-${made++}`;
  readonly #children: ChildProcess[] = [];

  constructor() {
    run('ip', 'netns', 'add', this.name);
    after(() => this.remove());
    run('ip', '-n', this.name, 'link', 'set', 'lo', 'up');
  }

  /** Its path, for whoever enters it. */
  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Words before a command that runs in it. */
  get launcher(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Runs `ip` in it. @throws Error with what it said */
  ip(...args: readonly string[]): string {
    return run('ip', '-n', this.name, ...args);
  }

  /** Brings a device of it up, with an address where one is given. Nothing is said of IPv6, so that a test hears only what it asked for. */
  bringUp(device: string, address?: string): void {
    run(...(this.launcher as [string]), 'sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
    if (address !== undefined) this.ip('address', 'add', address, 'dev', device);
    this.ip('link', 'set', device, 'up');
  }

  /** Starts a script of Node's in it, and waits until it has said something. */
  async node(script: string): Promise<void> {
    const [command, ...rest] = [...this.launcher, process.execPath, '-e', script];
    const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
  }

  /** Ends what runs in it, and removes it. */
  remove(): void {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
    spawnSync('ip', ['netns', 'delete', this.name]);
  }
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
