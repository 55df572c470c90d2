// A server that answers frames: the three paths against sums by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '../answers/answer.js';
import { report } from '../answers/report.js';
import { defaultScenario, type Scenario } from '../scenario.js';

const costs = {
  ...{ 'echo.socket': 4000, 'echo.socket.byte': 0.2, 'xsk.receive': 500, 'xsk.receive.copy': 0.1 },
  ...{ 'xsk.send': 900, 'xsk.send.copy': 0.05, 'xsk.send.zerocopy': 40, 'xsk.kick': 800, 'xsk.kick.batch': 16 },
  ...{ 'stack.datagram': 130, 'stack.byte': 0.15, 'path.af_xdp': 60, 'copy.user': 0.5, 'fw.rule': 10 },
} as const;

function planned(changes: Partial<Scenario>): ReturnType<typeof answer> {
  return answer({ ...defaultScenario(), device: 'veth', way: 'bypass', constants: costs, ...changes });
}

/** 1000 bytes in memory: 1004 with the FCS. */
const message = 1004;

function near(value: number, expected: number): void {
  assert.ok(Math.abs(value - expected) < 1e-6, `${value} is not ${expected}`);
}

test('an echo past the kernel costs what its stages cost', () => {
  const cpu = (changes: Partial<Scenario>): number => planned({ message, ...changes }).cpu.receiverNsPerMessage;
  // Received and copied 500 + 100, the stack 130 + 150, a sixteenth of a system call 50, sent and copied 900 + 50.
  near(cpu({ path: 'bypass-copy' }), 1880);
  // 60, the stack 280, the system call 50, sent 40: nothing that grows with the frame but checksums.
  near(cpu({ path: 'bypass-zerocopy' }), 430);
  near(cpu({ path: 'socket-echo' }), 4200);
  // The answer copied into its frame: 1000 less the headers of Ethernet, IPv4 (IPv6) and UDP, half a nanosecond a byte.
  near(cpu({ path: 'bypass-copy', way: 'copy' }), 1880 + (1000 - 42) / 2);
  near(cpu({ path: 'bypass-zerocopy', way: 'copy', ip: 6 }), 430 + (1000 - 62) / 2);
  near(cpu({ path: 'bypass-copy', constants: { ...costs, 'xsk.kick.batch': 1 } }), 1880 + 750);
});

test('rules of the kernel are walked in the kernel’s way alone', () => {
  const cpu = (changes: Partial<Scenario>): number =>
    planned({ message, rules: 5, ...changes }).cpu.receiverNsPerMessage;
  near(cpu({ path: 'socket-echo' }), 4250);
  near(cpu({ path: 'bypass-copy' }), 1880);
});

test('each of the paths stands beside the others; a card has buses and a wire, a veth none', () => {
  const onVeth = planned({ message, path: 'bypass-copy' });
  assert.deepEqual(
    onVeth.utilisation.map(({ resource }) => resource),
    ['receiver core'],
  );
  near(onVeth.throughput.mpps, 1e3 / 1880);
  assert.deepEqual(
    onVeth.bypass.map(({ name }) => name),
    ['socket-echo', 'bypass-copy', 'bypass-zerocopy'],
  );
  near(onVeth.bypass[2]!.relative, 4200 / 430);
  assert.match(report(onVeth), /our stack, AF_XDP in copy mode +0\.532 +223 % +\S+ us +1880 +receiver core/);
  const onCard = planned({ message, path: 'bypass-zerocopy', device: 'nic' });
  assert.ok(onCard.utilisation.some(({ resource }) => resource === 'wire out'));
  near(onCard.cpu.receiverNsPerMessage, 430);
  assert.equal(planned({ path: 'xdp-tx', message: 64 }).bypass.length, 0);
});

test('a request over TCP costs what it was measured to cost, both ways side by side', () => {
  const laws = {
    ...{ 'request.socket': 20_000, 'request.socket.byte': 0.25 },
    ...{ 'request.bypass': 15_000, 'request.bypass.byte': 1.5 },
  };
  const given = planned({ message: 8192, path: 'request-bypass', constants: laws });
  near(given.cpu.receiverNsPerMessage, 15_000 + 1.5 * 8192);
  near(given.throughput.messagesPerSecond, 1e9 / (15_000 + 1.5 * 8192));
  assert.deepEqual(
    given.bypass.map(({ name, copies }) => [name, copies]),
    [
      ['request-socket', 1],
      ['request-bypass', 2],
    ],
  );
  near(given.bypass[1]!.relative, (20_000 + 0.25 * 8192) / (15_000 + 1.5 * 8192));
  assert.match(report(given), /our TCP\/IP, AF_XDP in copy mode +36,646 +81 % +27\.3 +2/);
  // A file is no frame: it may be longer than one.
  assert.equal(planned({ message: 2 ** 20, path: 'request-socket', constants: laws }).bypass[0]!.copies, 0);
});
