// A network device of `clearway net` in a real guest: a namespace of the host with the other end, the back end, the machine, and
// what is held against one another: pings, and streams of TCP whose bytes both sides know. Not here: which rings and offloads
// (net.whole.test.ts, net.machine.ts), the other end of TCP (tcp-peer.ts).

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NetNamespace, namespacesRefused } from '../support/net-namespace.js';
import { until } from '../support/until.js';
import { BackEnd } from './back-end.js';
import { guestsImpossible } from './initial-disk.js';
import { checkRings, dataBytes, Lab, md5, type RingSetting, ringName, ringOptions } from './lab.js';
import type { Machine } from './machine.js';
import { endTied, startTied, type Tied } from './tied.js';

/** How a network device is offered, and how the guest's driver is to use it. */
export interface NetSetting extends RingSetting {
  /** Checksums and segments are left to the device, and buffers merged. */
  readonly offloads: boolean;
  readonly pairs: number;
  readonly processors: number;
  /** Further options of `clearway net`. */
  readonly options?: readonly string[];
  /** What the device is joined to: a tap (the default), or by AF_XDP one end of a wire whose other end is the host's. */
  readonly by?: 'tap' | 'xdp';
}

/** A setting in words. */
export function netSettingName({ offloads, pairs, processors, options = [], by, ...rings }: NetSetting): string {
  const how = `${by === 'xdp' ? 'by AF_XDP, ' : ''}${ringName(rings)}, offloads ${offloads ? 'on' : 'off'}`;
  return [`${how}, ${pairs} pairs, ${processors} processors`, ...options].join(' ');
}

/** Why network devices cannot be tried in guests here; undefined where they can. */
export function netsImpossible(): string | undefined {
  const refused = namespacesRefused();
  if (refused !== false) return refused;
  return guestsImpossible(['ethtool', 'ethtool'], ['tcpdump', 'tcpdump']);
}

/** Names of QEMU's properties that are offloads, all of which are offered unless they are turned off. */
const offloadProperties = [
  ...['csum', 'gso', 'host_tso4', 'host_tso6', 'host_ecn', 'host_ufo', 'mrg_rxbuf'],
  ...['guest_csum', 'guest_tso4', 'guest_tso6', 'guest_ecn', 'guest_ufo', 'guest_announce'],
];
/** Numbers of features that are offloads. */
const offloadBits = { csum: 0, guestCsum: 1, guestTso4: 7, hostTso4: 11, merged: 15 } as const;

/** Options of QEMU for a device that is the guest's eth0. Debian's QEMU 7.2 dies without KVM where a guest uses MSI-X: hence vectors. */
function deviceOptions(socket: string, setting: NetSetting, mac: string): string[] {
  const offloads = setting.offloads ? '' : offloadProperties.map((name) => `,${name}=off`).join('');
  const many = setting.pairs > 1 ? ',mq=on' : '';
  return [
    ...['-chardev', `socket,id=net,path=${socket},reconnect=1`],
    ...['-netdev', `vhost-user,id=net,chardev=net,queues=${setting.pairs}`, '-device'],
    `virtio-net-pci,netdev=net,vectors=0,romfile=,mac=${mac}${many},${ringOptions(setting)}${offloads}`,
  ];
}

/** The tap, or the other end of the wire. */
const hostDevice = 'host0';
const hostAddress = '10.77.0.1';
const guestAddress = '10.77.0.2';
const farAddress = '10.78.0.1';
const port = 5001;

/** What the network devices of a test file are made with. Not to be used when {@link netsImpossible} has a reason. */
export class NetLab extends Lab {
  constructor(series: string) {
    super(series, { modules: ['virtio_pci', 'virtio_net'] });
  }

  /** Offers a device on a tap in a namespace and boots a machine with it. */
  async start(setting: NetSetting): Promise<NetRig> {
    const space = new NetNamespace();
    const socket = join(mkdtempSync(join(this.folder, 'rig-')), 'socket');
    const { by = 'tap', pairs, options = [] } = setting;
    const end = by === 'tap' ? space : new NetNamespace();
    // A tap of several queues is the back end's, and goes with it; this one stays.
    if (by === 'tap' && pairs === 1) space.ip('tuntap', 'add', 'dev', hostDevice, 'mode', 'tap', 'vnet_hdr');
    if (by === 'xdp') {
      end.ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', hostDevice, 'netns', space.name);
      end.ip('link', 'set', 'near', 'up');
    }
    const joined = by === 'tap' ? ['--tap', hostDevice] : ['--xdp', 'near'];
    const args = ['net', '--socket', socket, ...joined, '--pairs', String(pairs), ...options];
    const backEnd = await BackEnd.start(args, end.launcher);
    try {
      space.bringUp(hostDevice, `${hostAddress}/24`);
      const devices = deviceOptions(socket, setting, '52:54:00:77:00:02');
      const machine = await this.machine(devices, setting.processors);
      await machine.run(`ip addr add ${guestAddress}/24 dev eth0 && ip link set eth0 up`);
      await machine.run(`ip route add default via ${hostAddress}`);
      return new NetRig(setting, { space, data: join(this.dataFolder, 'data'), bytes: this.data, backEnd, machine });
    } catch (error) {
      await backEnd.end();
      space.remove();
      throw error;
    }
  }

  /** Boots two machines, each with a device of the same switch; their addresses end in 2 and 3. */
  async startTwo(...settings: readonly [NetSetting, NetSetting]): Promise<{ backEnd: BackEnd; machines: Machine[] }> {
    const folder = mkdtempSync(join(this.folder, 'rig-'));
    const sockets = [2, 3].map((number) => join(folder, `socket${number}`));
    const places = sockets.flatMap((socket) => ['--socket', socket]);
    const backEnd = await BackEnd.start(['net', ...places]);
    const machines: Machine[] = [];
    try {
      for (const [index, socket] of sockets.entries()) {
        const setting = settings[index]!;
        const devices = deviceOptions(socket, setting, `52:54:00:77:00:0${index + 2}`);
        const machine = await this.machine(devices, setting.processors);
        machines.push(machine);
        await machine.run(`ip addr add 10.77.0.${index + 2}/24 dev eth0 && ip link set eth0 up`);
      }
      return { backEnd, machines };
    } catch (error) {
      for (const machine of machines) await machine.end();
      await backEnd.end();
      throw error;
    }
  }
}

interface Parts {
  readonly space: NetNamespace;
  /** The path of the lab's data, and its bytes. */
  readonly data: string;
  readonly bytes: Buffer;
  readonly backEnd: BackEnd;
  readonly machine: Machine;
}

/** The guest's command that writes its data so many times. */
export function repeated(times: number): string {
  return `(count=0; while [ $count -lt ${times} ]; do cat /data; count=$((count + 1)); done)`;
}

/** See the file's head. */
export class NetRig {
  readonly machine: Machine;
  readonly backEnd: BackEnd;
  readonly #setting: NetSetting;
  readonly #parts: Parts;
  #far: NetNamespace | undefined;

  constructor(setting: NetSetting, parts: Parts) {
    this.#setting = setting;
    this.#parts = parts;
    this.machine = parts.machine;
    this.backEnd = parts.backEnd;
  }

  /** The driver uses the rings and the offloads that this is a test of. */
  async checkOffer(): Promise<void> {
    const bits = await this.machine.run('cat /sys/class/net/eth0/device/features');
    checkRings(bits, this.#setting);
    for (const [name, bit] of Object.entries(offloadBits))
      assert.equal(bits[bit], this.#setting.offloads ? '1' : '0', `${name} in ${bits}`);
    const queues = await this.machine.run('ls -d /sys/class/net/eth0/queues/rx-* | wc -l');
    assert.equal(queues, String(this.#setting.pairs), 'queues');
  }

  /** Small packets, full ones, and ones that IP has to cut, asked for from either side. */
  async checkPings(): Promise<void> {
    for (const bytes of [0, 56, 1472, 9000, 60_000]) {
      await this.machine.run(`ping -c 3 -i 0.1 -W 10 -s ${bytes} ${hostAddress}`);
      const [command, ...rest] = this.#parts.space.launcher;
      const asked = startTied(command!, [
        ...rest,
        'busybox',
        'ping',
        '-c',
        '3',
        '-W',
        '10',
        '-s',
        String(bytes),
        guestAddress,
      ]);
      assert.equal(await endOf(asked), 0, `a ping of ${bytes} bytes to the guest`);
    }
  }

  /** Bytes come over TCP from the other end, and then go both ways at once: all of them, and right. */
  async checkStreams(
    bytes: number,
    { space, address }: { space: NetNamespace; address: string } = this.#near,
  ): Promise<void> {
    const times = Math.ceil(bytes / dataBytes);
    const whole = md5(...Array.from({ length: times }, () => this.#parts.bytes));
    const peer = await this.#peer(space, times);
    try {
      const limitSeconds = 120 + bytes / 500_000;
      const nc = `nc -w 60 ${address} ${port}`;
      const came = await this.machine.run(`${nc} </dev/null | md5sum`, limitSeconds);
      assert.equal(came.split(' ')[0], whole, `to the guest: ${peer.said()}`);
      const both = await this.machine.run(`${repeated(times)} | ${nc} | md5sum`, limitSeconds);
      assert.equal(both.split(' ')[0], whole, `to the guest, both ways at once: ${peer.said()}`);
      await until('the other end has all', () =>
        peer.said().includes('got', peer.said().indexOf('\n', peer.said().indexOf('got'))),
      );
      assert.match(peer.said(), new RegExp(`got ${times * dataBytes} ${whole}`), 'from the guest');
      assert.doesNotMatch(peer.said(), /failed/);
    } finally {
      await endTied(peer.child);
    }
  }

  get #near(): { space: NetNamespace; address: string } {
    return { space: this.#parts.space, address: hostAddress };
  }

  /**
   * Beyond a wire whose ends leave nothing undone: what arrives there of the guest is whole packets, each with the right checksum, be it
   * the guest's, or that which the host made of a packet that the guest left unfinished.
   */
  async checkWire(bytes: number): Promise<void> {
    const { space } = this.#parts;
    this.#far = new NetNamespace();
    const far = this.#far;
    space.ip('link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', far.name);
    space.bringUp('wire', '10.78.0.2/24');
    far.bringUp('wire', `${farAddress}/24`);
    far.ip('route', 'add', 'default', 'via', '10.78.0.2');
    for (const { launcher } of [space, far]) {
      const off = ['tx', 'tso', 'gso', 'gro', 'sg'].flatMap((name) => [name, 'off']);
      await this.#runs(launcher, 'ethtool', '-K', 'wire', ...off);
    }
    await this.#runs(space.launcher, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    const [command, ...rest] = far.launcher;
    const filter = ['-i', 'wire', '-n', '-vv', '-l', '-B', '65536', `src ${guestAddress}`];
    const dump = startTied(command!, [...rest, 'tcpdump', ...filter]);
    let seen = '';
    let noise = '';
    dump.stdout.on('data', (text: Buffer) => (seen += text));
    dump.stderr.on('data', (text: Buffer) => (noise += text));
    await until('tcpdump listens', () => noise.includes('listening on'));
    await this.machine.run(`ping -c 3 -i 0.1 -W 10 -s 1400 ${farAddress}`);
    await this.machine.ask(`timeout 2 nslookup somebody ${farAddress}`);
    await this.checkStreams(bytes, { space: far, address: farAddress });
    await endTied(dump, 'SIGTERM');
    const faults = seen.split('\n').filter((line) => /incorrect|wrong|bad [a-z ]*c?k?sum/.test(line));
    assert.deepEqual(faults.slice(0, 5), [], 'checksums');
    const right = seen.match(/cksum 0x[0-9a-f]+ \(correct\)|udp sum ok/g) ?? [];
    assert.ok(right.length > bytes / 1460 / 4, `${right.length} checksums of TCP were seen: ${noise}`);
    for (const other of ['udp sum ok', 'ICMP echo request']) assert.ok(seen.includes(other), other);
  }

  /** The back end is killed while TCP carries bytes to the guest, and started again: they all come, and are right. */
  async checkKill(): Promise<void> {
    if (this.#setting.pairs > 1) return;
    const { backEnd, machine } = this;
    const times = 8;
    const peer = await this.#peer(this.#parts.space, times);
    try {
      await machine.run(`(nc -w 60 ${hostAddress} ${port} </dev/null | md5sum > /tmp/sum) 2>&1 &`);
      for (const waitMs of [150, 400]) {
        await sleep(waitMs);
        await backEnd.restart();
        await backEnd.hears('a front end connected');
      }
      await machine.run('while [ ! -s /tmp/sum ]; do sleep 0.1; done');
      const whole = md5(...Array.from({ length: times }, () => this.#parts.bytes));
      assert.equal((await machine.run('cat /tmp/sum')).split(' ')[0], whole, peer.said());
    } finally {
      await endTied(peer.child);
    }
    await this.checkPings();
  }

  /** Starts the other end of TCP, which sends the data so many times. */
  async #peer(space: NetNamespace, times: number): Promise<{ child: Tied; said(): string }> {
    const [command, ...rest] = space.launcher;
    const script = fileURLToPath(new URL('./tcp-peer.js', import.meta.url));
    const child = startTied(command!, [
      ...rest,
      process.execPath,
      script,
      String(port),
      this.#parts.data,
      String(times),
    ]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        said += text.toString();
      });
    }
    await until('the other end listens', () => said.includes('listens'));
    return { child, said: () => said };
  }

  async #runs(launcher: readonly string[], ...words: readonly string[]): Promise<void> {
    const [command, ...rest] = launcher;
    const child = startTied(command!, [...rest, ...words]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text));
    assert.equal(await endOf(child), 0, `${words.join(' ')}: ${said}`);
  }

  /** Ends the machine, then the back end as an operator does, and what was on the host. */
  async end(): Promise<void> {
    await this.machine.end();
    const status = await this.backEnd.end();
    this.#far?.remove();
    this.#parts.space.remove();
    assert.equal(status, 0, this.backEnd.said);
  }
}

/** Waits for the end of a process. Returns its status, or the signal that ended it. */
function endOf(child: Tied): Promise<number | string> {
  child.stdout.resume();
  child.stderr.resume();
  return new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal!)));
}
