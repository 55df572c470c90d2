// `clearway net` in real guests, part of `npm run test:vm`: pings, and TCP both ways, on a tap of a namespace and by AF_XDP, with offloads on and off,
// rings of both layouts, one pair of queues and two; checksums on a wire; a back end that is killed; two guests through the switch.
// CLEARWAY_VM_STREAM_BYTES is how much TCP carries each way (32 MiB).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { program } from '../support/program.js';
import { dataBytes, md5 } from './lab.js';
import type { Machine } from './machine.js';
import { NetLab, type NetSetting, netSettingName, netsImpossible, repeated } from './net-rig.js';

const streamBytes = Number(process.env['CLEARWAY_VM_STREAM_BYTES'] ?? 32 * 1024 * 1024);
/** 10 MB/s were seen on two busy processors. */
const timeout = 900_000 + streamBytes / 1000;
const wireBytes = 4 * 1024 * 1024;

const settings: readonly NetSetting[] = [
  { packed: false, eventIndex: true, indirect: true, offloads: true, pairs: 1, processors: 1 },
  { packed: false, eventIndex: false, indirect: false, offloads: false, pairs: 1, processors: 2 },
  {
    packed: false,
    eventIndex: true,
    indirect: true,
    offloads: true,
    pairs: 2,
    processors: 2,
    options: ['--engine', 'epoll'],
  },
  { packed: true, eventIndex: true, indirect: true, offloads: true, pairs: 1, processors: 2 },
  { packed: true, eventIndex: false, indirect: false, offloads: false, pairs: 2, processors: 2 },
  { packed: false, eventIndex: true, indirect: true, offloads: true, pairs: 1, processors: 1, by: 'xdp' },
  { packed: true, eventIndex: true, indirect: true, offloads: false, pairs: 1, processors: 1, by: 'xdp' },
];

/** Why two guests cannot be joined; false where they can. */
function switchMissing(): string | false {
  const help = execFileSync(process.execPath, [program, 'net', '--help'], { encoding: 'utf8' });
  return help.includes('--isolate') ? false : 'clearway net has no switch';
}

describe('network devices in guests', { skip: netsImpossible() ?? false, concurrency: false }, () => {
  let lab: NetLab;
  before(() => {
    lab = new NetLab('6.1-cloud');
  });
  after(() => lab.remove());

  for (const setting of settings) {
    test(netSettingName(setting), { timeout }, async () => {
      const rig = await lab.start(setting);
      try {
        await rig.checkOffer();
        await rig.checkPings();
        await rig.checkStreams(streamBytes);
        await rig.checkWire(wireBytes);
        if (!setting.packed) await rig.checkKill();
      } finally {
        await rig.end();
      }
    });
  }

  for (const [name, left, right] of [
    ['both with offloads', settings[0]!, settings[3]!],
    ['one without offloads', settings[0]!, settings[1]!],
  ] as const) {
    test(`two guests through the switch, ${name}`, { timeout, skip: switchMissing() }, async () => {
      const { backEnd, machines } = await lab.startTwo(left, right);
      try {
        const [first, second] = machines as [Machine, Machine];
        const times = Math.ceil(streamBytes / dataBytes);
        const whole = md5(...Array.from({ length: times }, () => lab.data));
        for (const [from, to, address] of [
          [first, second, '10.77.0.3'],
          [second, first, '10.77.0.2'],
        ] as const) {
          for (const bytes of [56, 1472, 9000]) await from.run(`ping -c 3 -i 0.1 -W 10 -s ${bytes} ${address}`);
          // Busybox's nc ends when the other side does: this one's input stays open until it has all.
          await to.run('((while [ ! -s /tmp/sum ]; do sleep 0.1; done) | nc -l -p 5001 | md5sum > /tmp/sum) 2>&1 &');
          await from.run('sleep 1');
          await from.run(`${repeated(times)} | nc -w 60 ${address} 5001`, 600);
          await to.run('while [ ! -s /tmp/sum ]; do sleep 0.1; done');
          assert.equal((await to.run('cat /tmp/sum; rm /tmp/sum')).split(' ')[0], whole, `to ${address}`);
        }
      } finally {
        for (const machine of machines) await machine.end();
        assert.equal(await backEnd.end(), 0, backEnd.said);
      }
    });
  }
});
