// Echoes of UDP a second, and what each costs its server: ours, DPDK's driver for AF_XDP, and a plain socket of the kernel's, each on a wire of its own, with the same load, in
// turns. A server runs only while it is measured: two of them look for packets without end. Not here: the tables (render.ts).

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ended, onPath, type Placement, stopChild, waitForOutput } from '../host/child.js';
import { compile } from '../host/compile.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';
import { allowedCpus, readProcessStat } from '../host/proc.js';
import { addresses, device, Wire } from './wires.js';

/** Bytes of each Ethernet frame. */
export const echoFrames = [64, 1442] as const;
const underWay = 512;
const port = 7;
const startMs = 15_000;

/** One measurement. */
export interface EchoMeasurement {
  readonly packetsPerSecond: number;
  readonly cpuNsPerPacket: number;
  /** The part of it in the kernel. */
  readonly systemShare: number;
  readonly lost: number;
}

/** A server in a row, each round of it. */
export interface EchoCell {
  readonly frameBytes: number;
  readonly server: string;
  readonly rounds: EchoMeasurement[];
}

interface EchoServer {
  readonly name: string;
  readonly host: string;
  start(wire: Wire): Promise<{ readonly pid: number; stop(): Promise<void> }>;
}

export const dpdkName = 'DPDK net_af_xdp';
export const oursName = 'ours, polling';
const waitingName = 'ours, waiting';
/** Turns without a packet before it waits. */
const waitingTurns = 100;

const oursProgram = fileURLToPath(new URL('./echo-ours.js', import.meta.url));

function oursServer(name: string, spins: number, placement: Placement): EchoServer {
  const host = addresses.near.ours;
  return {
    ...{ name, host },
    start: async (wire) => {
      const words = [oursProgram, device, `${host}/24`, `${port}`, `${spins}`];
      const child = wire.start('near', placement.server, process.execPath, words);
      await waitForOutput(child, /ready/, startMs);
      return { pid: child.pid!, stop: () => stopChild(child) };
    },
  };
}

function kernelServer(program: string, placement: Placement): EchoServer {
  const host = addresses.near.kernel;
  return {
    ...{ name: 'kernel socket', host },
    start: async (wire) => {
      const child = wire.start('near', placement.server, program, [host, `${port}`]);
      await waitForOutput(child, /ready/, startMs);
      return { pid: child.pid!, stop: () => stopChild(child) };
    },
  };
}

/** testpmd has its thread that forwards where the other servers run; the one that starts it sleeps. It swaps addresses and ports (5tswap). */
function dpdkServer(placement: Placement): EchoServer {
  const [server, load] = allowedCpus() as [number, number];
  return {
    ...{ name: dpdkName, host: addresses.near.kernel },
    start: async (wire) => {
      const memory = [
        '--no-huge',
        '-m',
        '256',
        '--no-pci',
        '--no-telemetry',
        `--file-prefix=bypass-bench-${process.pid}`,
      ];
      const words = [
        ...[
          '-l',
          `${server},${load}`,
          '--main-lcore',
          `${load}`,
          ...memory,
          '--vdev',
          `net_af_xdp0,iface=${device}`,
          '--',
        ],
        ...['--forward-mode=5tswap', '--total-num-mbufs=16384', '--nb-cores=1', '--stats-period=100'],
      ];
      const child = wire.start('near', { cpus: undefined, niceness: placement.server.niceness }, 'dpdk-testpmd', words);
      await waitForOutput(child, /forwarding ports=/, startMs);
      return { pid: child.pid!, stop: () => stopChild(child) };
    },
  };
}

/** Why DPDK is not in the table. */
export function dpdkAbsence(): string | undefined {
  if (!onPath('dpdk-testpmd')) return 'there is no dpdk-testpmd: apt-get install dpdk-dev';
  return allowedCpus().length < 2 ? 'it wants two processors' : undefined;
}

async function measureOne(
  server: EchoServer,
  wire: Wire,
  load: string,
  frameBytes: number,
  seconds: number,
  placement: Placement,
): Promise<EchoMeasurement> {
  const running = await server.start(wire);
  try {
    // The packets that devices say at their start are over.
    await sleep(200);
    const words = [device, wire.linkAddress('near'), server.host, `${frameBytes}`, `${underWay}`, `${seconds}`];
    const child = wire.start('far', placement.load, load, words);
    const end = ended(child, seconds * 4000 + 10_000);
    await Promise.race([waitForOutput(child, /counting/, 10_000 + seconds * 1000), end]);
    const before = { cpu: treeCpu(running.pid), stat: readProcessStat(running.pid)! };
    const result = await end;
    const cpuNs = treeCpuBetweenNs(before.cpu, treeCpu(running.pid));
    const stat = readProcessStat(running.pid)!;
    if (result.status !== 0) throw new Error(`the load of ${server.name}: ${result.stderr.slice(-300)}`);
    const { echoes, lost, spoiled, seconds: took } = JSON.parse(result.stdout.slice(result.stdout.indexOf('{')));
    if (spoiled > 0 || echoes === 0)
      throw new Error(`${server.name}: ${echoes} echoes, ${spoiled} not as they were sent`);
    const systemShare = (stat.systemTicks - before.stat.systemTicks) / (stat.cpuTicks - before.stat.cpuTicks);
    return { packetsPerSecond: echoes / took, cpuNsPerPacket: cpuNs / echoes, systemShare, lost };
  } finally {
    await running.stop();
  }
}

/** CPU of our echo a packet in ns, in each round: frames of a length, waiting in the kernel between them. @param folder for what is compiled */
export async function measureOurEcho(
  frameBytes: number,
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
): Promise<readonly number[]> {
  const load = join(folder, 'echo-load');
  compile('bench/bypass/echo-load.c', load);
  const wire = Wire.straight();
  const server = oursServer(waitingName, waitingTurns, placement);
  const found: number[] = [];
  for (let round = 0; round < rounds; round++)
    found.push((await measureOne(server, wire, load, frameBytes, seconds, placement)).cpuNsPerPacket);
  await wire.remove();
  return found;
}

/** Measures all of them, round after round. @param folder for what is compiled */
export async function measureEchoes(
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
): Promise<readonly EchoCell[]> {
  const [load, kernel] = [join(folder, 'echo-load'), join(folder, 'echo-kernel')];
  compile('bench/bypass/echo-load.c', load);
  compile('bench/bypass/echo-kernel.c', kernel);
  const servers = [
    oursServer(oursName, -1, placement),
    oursServer(waitingName, waitingTurns, placement),
    ...(dpdkAbsence() === undefined ? [dpdkServer(placement)] : []),
    kernelServer(kernel, placement),
  ];
  const wires = servers.map(() => Wire.straight());
  const cells: EchoCell[] = echoFrames.flatMap((frameBytes) =>
    servers.map(({ name }) => ({ frameBytes, server: name, rounds: [] })),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const [index, cell] of cells.entries()) {
      const which = index % servers.length;
      const server = servers[which]!;
      cell.rounds.push(await measureOne(server, wires[which]!, load, cell.frameBytes, seconds, placement));
    }
    said(`echo: round ${round} of ${rounds}`);
  }
  for (const wire of wires) await wire.remove();
  return cells;
}
