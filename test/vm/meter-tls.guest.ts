// kTLS on the function tier: what the protocol takes is payload and counted once, its own records are not, and the bytes it
// encrypts and decrypts are told apart from copies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOL, TLS } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { createMemoryFile } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { setNonBlocking } from '../../src/kernel/socket.js';
import { check, SystemError } from '../../src/kernel/system-error.js';
import { Region } from '../../src/memory/region.js';
import { type Counters, createMeter, subtractCounters } from '../../src/meter/index.js';
import { countersOf } from '../../src/meter/support.test.js';
import { tcpPair } from '../support/socket-workloads.js';

const total = 1024 * 1024;
const piece = 16_384;
const upperProtocol = 31;
const aesGcm128 = 51;
const region = new Region(2 * piece);

/** struct tls12_crypto_info_aes_gcm_128 (include/uapi/linux/tls.h): both ends with the same key of zeros. */
function useTls(socket: number, version: number, direction: number): void {
  const info = new Region(64);
  info.data.setUint32(0, 0x736c74, true);
  check(syscall6(sys.setsockopt, socket, SOL.TCP, upperProtocol, info.address, 4), 'setsockopt', 'TCP_ULP');
  info.data.setUint16(0, version, true);
  info.data.setUint16(2, aesGcm128, true);
  check(syscall6(sys.setsockopt, socket, SOL.TLS, direction, info.address, 40), 'setsockopt', 'TLS');
  info.unmap();
}

function tlsPair(version: number): [number, number] {
  const [sender, receiver] = tcpPair();
  useTls(sender, version, TLS.TX);
  useTls(receiver, version, TLS.RX);
  setNonBlocking(sender, false);
  setNonBlocking(receiver, false);
  return [sender, receiver];
}

const ways: Readonly<Record<string, (socket: number) => (left: number) => number>> = {
  write: (socket) => (left) => syscall3(sys.write, socket, region.address, Math.min(left, piece)),
  sendfile: (socket) => {
    const file = createMemoryFile('tls', total);
    return (left) => syscall6(sys.sendfile, socket, file, 0, Math.min(left, piece));
  },
};

function transfer([sender, receiver]: [number, number], way: string): void {
  const send = ways[way]!(sender);
  for (let sent = 0, received = 0; sent < total; ) {
    sent += check(send(total - sent), way);
    while (received < sent) {
      received += check(syscall3(sys.read, receiver, region.address + piece, sent - received), 'read');
    }
  }
  syscall3(sys.close, sender);
  syscall3(sys.close, receiver);
}

function pairOrReason(version: number): [number, number] | string {
  try {
    return tlsPair(version);
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

test('kTLS in software, payload exact on the function tier', async (context) => {
  const meter = createMeter();
  const own = () => countersOf(meter.read(), process.pid);
  try {
    assert.equal(meter.tier, 'functions');
    for (const [name, version] of [
      ['1.2', 0x0303],
      ['1.3', 0x0304],
    ] as const) {
      for (const way of Object.keys(ways)) {
        await context.test(`TLS ${name}, ${way}`, (each) => {
          const pair = pairOrReason(version);
          if (typeof pair === 'string') return each.skip(pair);
          const before = own();
          transfer(pair, way);
          const counted: Counters = subtractCounters(own(), before);
          const { tcpSent = 0, pinned = 0, spliced = 0, tcpReceived = 0, otherReceived = 0 } = counted;
          const { payloadSent = 0, payloadReceived = 0, transformed = 0 } = counted;
          const sent = way === 'write' ? tcpSent + pinned : spliced;
          const differences = [payloadSent - total, payloadReceived - total, transformed - 2 * total, sent - total];
          each.diagnostic(
            `error ${differences.reduce((sum, one) => sum + Math.abs(one), 0)}; copied ${tcpSent}, pinned ${pinned}, spliced ${spliced}, to user ${tcpReceived} + ${otherReceived}`,
          );
          assert.deepEqual(differences, [0, 0, 0, 0]);
          assert.equal(tcpSent + pinned, way === 'write' ? total : 0);
          assert.equal(spliced, way === 'write' ? 0 : total);
          assert.ok([0, total].includes(tcpReceived + otherReceived), `to user ${tcpReceived + otherReceived}`);
        });
      }
    }
  } finally {
    meter.close();
  }
});
