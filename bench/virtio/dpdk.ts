// DPDK beside our rings: testpmd with its vhost library receives what another testpmd with virtio-user sends, 64 bytes a packet, both polling, over
// shared memory without huge pages. Not here: our own (rings.ts).

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, startPinned, stopChild } from '../host/child.js';
import { allowedCpus } from '../host/proc.js';
import { median } from '../statistics.js';
import { isListening, type Layout } from './back-ends.js';

const startTries = 500;

/** Why it cannot run here. */
export function dpdkAbsence(): string | undefined {
  if (!onPath('dpdk-testpmd')) return 'there is no dpdk-testpmd: apt-get install dpdk-dev';
  if (process.getuid?.() !== 0) return 'DPDK without huge pages wants to be root here';
  return allowedCpus().length < 2 ? 'it wants two processors' : undefined;
}

/** Packets a second in what testpmd says each second, in order. */
export function packetRates(said: string): number[] {
  return [...said.matchAll(/Rx-pps:\s+(\d+)/g)].map(([, rate]) => Number(rate));
}

function testpmd(prefix: string, [main, worker]: readonly number[], device: string, mode: string, niceness: number) {
  const memory = [
    '--no-huge',
    '-m',
    '256',
    '--single-file-segments',
    '--no-pci',
    '--no-telemetry',
    // Else its code for packed rings is not the vectorized one.
    '--force-max-simd-bitwidth=512',
    `--file-prefix=${prefix}`,
  ];
  const cores = ['-l', `${main},${worker}`, '--main-lcore', `${main}`];
  const packets = [`--forward-mode=${mode}`, '--total-num-mbufs=8192', '--stats-period=1'];
  const child = startPinned({ cpus: undefined, niceness }, 'dpdk-testpmd', [
    ...cores,
    ...memory,
    '--vdev',
    device,
    '--',
    ...packets,
  ]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (part) => (text += part));
  return { child, said: () => text };
}

/** Packets a second of one queue. @param niceness of both processes, as of those beside them @param folder for the socket @throws with what DPDK said when nothing arrives */
export async function measureDpdk(layout: Layout, seconds: number, niceness: number, folder: string): Promise<number> {
  const [one, other] = allowedCpus() as [number, number];
  const socket = join(folder, `dpdk-${layout}.sock`);
  const name = `clearway-${process.pid}-${layout}`;
  const receiver = testpmd(`${name}-r`, [other, one], `net_vhost0,iface=${socket},queues=1`, 'rxonly', niceness);
  try {
    for (let tries = 0; !isListening(socket); tries++) {
      if (tries === startTries || receiver.child.exitCode !== null)
        throw new Error(`no vhost: ${receiver.said().slice(-500)}`);
      await sleep(20);
    }
    const how = layout === 'packed' ? 'packed_vq=1,in_order=1,vectorized=1' : 'packed_vq=0,in_order=0';
    const device = `net_virtio_user0,path=${socket},queues=1,queue_size=256,mrg_rxbuf=1,${how}`;
    const sender = testpmd(`${name}-s`, [one, other], device, 'txonly', niceness);
    try {
      // Two of the rates are of the time in which it starts.
      const wanted = 2 + Math.max(1, Math.ceil(seconds));
      let rates: number[] = [];
      for (let tries = 0; tries < 50 * (wanted + 10) && rates.length < wanted; tries++) {
        await sleep(20);
        rates = packetRates(receiver.said()).slice(packetRates(receiver.said()).findIndex((rate) => rate > 0));
        if (rates[0] === 0) rates = [];
      }
      const rate = median(rates.slice(2));
      if (!(rate > 0))
        throw new Error(`no packet arrived: ${sender.said().slice(-500)} ${receiver.said().slice(-300)}`);
      return rate;
    } finally {
      await stopChild(sender.child);
    }
  } finally {
    await stopChild(receiver.child);
  }
}
