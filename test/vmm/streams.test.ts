// The store's module over virtio-vsock in memory, against the device of the monitor: both layouts of queues, with events by index and without. What the device writes is
// as hostile as what a guest writes; no wake-up is lost, whenever something happens.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Domain, Pieces } from '../../src/memory/domain.js';
import type { DeviceQueue } from '../../src/virtio/queue.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { GuestEnd, layouts, ModuleGuest } from './module-guest.js';

/** Clients in memory: what the guest lends is read, and given back at once or later. */
class Clients implements StreamOwner {
  device!: VsockDevice;
  readonly replies = new Map<number, string>();
  readonly unsent = new Map<number, Buffer>();
  readonly over_: number[] = [];
  readonly kept: number[] = [];
  readonly open: number[] = [];
  /** Ports whose clients do not read: what they are lent comes back when they are ended. */
  readonly deaf = new Set<number>();
  readonly #lentTo = new Map<number, number>();
  keeps = false;
  bytes!: Uint8Array;

  accepted(port: number): void {
    this.open.push(port);
  }

  refused(port: number): void {
    this.over_.push(port);
    const token = this.#lentTo.get(port);
    this.#lentTo.delete(port);
    if (token !== undefined) this.device.giveBack(token);
  }

  over(port: number): void {
    this.over_.push(port);
  }

  lent(port: number, pieces: Pieces, token: number): boolean {
    let text = this.replies.get(port) ?? '';
    for (let index = 0; index < pieces.count; index++) {
      const at = pieces.addresses[index]!;
      text += Buffer.from(this.bytes.subarray(at, at + pieces.lengths[index]!)).toString('latin1');
    }
    this.replies.set(port, text);
    if (this.deaf.has(port)) this.#lentTo.set(port, token);
    else if (this.keeps) this.kept.push(token);
    else this.device.giveBack(token);
    return true;
  }

  /** Of ports, what their clients took of what was lent: changes once in a while where they read. */
  readonly took = new Map<number, number>();

  tookBytes(port: number): number {
    return this.took.get(port) ?? 0;
  }

  writable(port: number): void {
    this.push(port);
  }

  /** Sends text, as far as it goes now. */
  send(port: number, text: string): void {
    this.unsent.set(port, Buffer.concat([this.unsent.get(port) ?? Buffer.alloc(0), Buffer.from(text, 'latin1')]));
    this.push(port);
  }

  push(port: number): void {
    const bytes = this.unsent.get(port);
    if (bytes === undefined || bytes.length === 0) return;
    const taken = this.device.send(port, bytes, 0, bytes.length);
    this.unsent.set(port, bytes.subarray(taken));
  }

  take(port: number): string {
    const text = this.replies.get(port) ?? '';
    this.replies.delete(port);
    return text;
  }
}

function start(layout: bigint, words = '', nowMs?: () => number) {
  const clients = new Clients();
  let wakes = 0;
  const guest = new ModuleGuest('kv', `maxmemory=8M ${words}`, layout, (domain: Domain) => {
    clients.device = new VsockDevice(domain, 3, clients, () => wakes++, nowMs);
    return [clients.device];
  });
  clients.bytes = guest.bytes;
  guest.begin();
  guest.run();
  const { device } = clients;
  /** Turns of both until nothing more happens. */
  const settle = (): void => {
    for (let turns = 0; turns < 10_000; turns++) {
      const before = wakes;
      device.publish();
      guest.run();
      device.turn();
      if (wakes === before) return;
    }
    throw new Error('it does not settle');
  };
  return { guest, clients, device, settle };
}

for (const [name, layout] of Object.entries(layouts)) {
  describe(`streams of a guest, ${name}`, () => {
    test('a short answer does not wait for the long ones that many others have asked for', () => {
      const { guest, clients, device, settle } = start(layout);
      const ports = Array.from({ length: 40 }, (_, index) => 1025 + index);
      for (const port of [1024, ...ports]) device.open(port, 6379);
      clients.send(1024, `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$1000000\r\n${'b'.repeat(1_000_000)}\r\n`);
      settle();
      clients.take(1024);
      for (const port of ports) clients.send(port, 'GET big\r\n'.repeat(8));
      const turn = (): void => {
        device.publish();
        guest.run();
        device.turn();
      };
      turn();
      turn();
      const before = device.counts.bytesOut;
      clients.send(1024, 'PING\r\n');
      for (let turns = 0; turns < 10 && clients.replies.get(1024) === undefined; turns++) turn();
      assert.equal(clients.take(1024), '+PONG\r\n');
      assert.ok(device.counts.bytesOut - before < 12 << 20, `${device.counts.bytesOut - before} bytes went before it`);
      clients.replies.clear();
      settle();
      assert.ok(ports.every((port) => clients.take(port).endsWith('b\r\n')));
      assert.equal(device.counts.bytesOut, 5 + 7 + 40 * 8 * (10 + 1_000_000 + 2));
    });

    test('commands, pipelines, long values both ways, publications, the end from either side', () => {
      const { clients, device, settle } = start(layout);
      device.open(1025, 6379);
      clients.send(1025, 'SET a 1\r\nINCR a\r\nGET none\r\n');
      settle();
      assert.equal(clients.take(1025), '+OK\r\n:2\r\n$-1\r\n');
      clients.send(1025, 'INCR n\r\n'.repeat(5000));
      settle();
      assert.equal(clients.take(1025), Array.from({ length: 5000 }, (_, index) => `:${index + 1}\r\n`).join(''));
      const value = 'abcdefg'.repeat(100_000);
      clients.send(1025, `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n${value}\r\nGET big\r\n`);
      settle();
      assert.ok(clients.take(1025) === `+OK\r\n$${value.length}\r\n${value}\r\n`);
      device.open(1026, 6379);
      clients.send(1026, 'SUBSCRIBE news\r\n');
      settle();
      clients.take(1026);
      clients.send(1025, 'PUBLISH news hello\r\n');
      settle();
      assert.equal(clients.take(1026), '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n');
      clients.take(1025);
      clients.send(1026, 'UNSUBSCRIBE\r\n');
      settle();
      clients.take(1026);
      clients.send(1026, 'BLPOP list 0\r\nPING\r\nLPUSH other x\r\n');
      settle();
      clients.send(1026, 'GET a\r\n');
      settle();
      assert.equal(clients.take(1026), '');
      clients.send(1025, 'RPUSH list a b\r\n');
      settle();
      assert.equal(clients.take(1025), ':2\r\n');
      assert.equal(clients.take(1026), '*2\r\n$4\r\nlist\r\n$1\r\na\r\n+PONG\r\n:1\r\n$1\r\n2\r\n');
      clients.send(1025, 'QUIT\r\nGET a\r\n');
      settle();
      assert.equal(clients.take(1025), '+OK\r\n');
      assert.deepEqual(clients.over_, [1025]);
      device.close(1025, true);
      device.close(1026, true);
      settle();
      device.open(1027, 6379);
      clients.send(1027, 'CLIENT LIST\r\n');
      settle();
      assert.match(clients.take(1027), /addr=vsock:1027(?!.*vsock)/s);
      assert.equal(device.counts.faults, 0);
    });

    test('a client that does not read waits, others do not, and it loses nothing', () => {
      const { clients, device, settle } = start(layout);
      for (const port of [1025, 1026]) device.open(port, 6379);
      clients.send(1026, `*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$30000\r\n${'x'.repeat(30_000)}\r\n`);
      settle();
      clients.keeps = true;
      clients.send(1025, 'GET v\r\n'.repeat(200));
      settle();
      const kept = clients.kept.splice(0);
      clients.keeps = false;
      clients.send(1026, 'PING\r\n');
      settle();
      assert.equal(clients.take(1026), '+OK\r\n+PONG\r\n');
      for (const token of kept) device.giveBack(token);
      settle();
      assert.equal(clients.take(1025).length, 200 * (30_000 + 10));
    });

    test('what clients send ahead that wait for a key, or do not read, keeps nobody else waiting, and is taken later', () => {
      const { clients, device, settle } = start(layout);
      device.open(1025, 6379);
      clients.send(1025, `*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$400000\r\n${'x'.repeat(400_000)}\r\n`);
      settle();
      clients.take(1025);
      clients.keeps = true;
      const ports = Array.from({ length: 40 }, (_, index) => 2000 + index);
      const waits = (port: number): boolean => port % 2 === 0;
      const many = 5000;
      for (const port of ports) {
        device.open(port, 6379);
        clients.send(port, `${waits(port) ? `BLPOP ${port} 0\r\n` : 'GET v\r\n'.repeat(4)}${'PING\r\n'.repeat(many)}`);
      }
      settle();
      const kept = clients.kept.splice(0);
      clients.keeps = false;
      clients.send(1025, 'PING\r\n');
      settle();
      assert.equal(clients.take(1025), '+PONG\r\n');
      for (const token of kept) device.giveBack(token);
      for (const port of ports.filter(waits)) clients.send(1025, `RPUSH ${port} a\r\n`);
      settle();
      const replies = '+PONG\r\n'.repeat(many);
      for (const port of ports) {
        const text = clients.take(port);
        assert.equal(text.length, (waits(port) ? 21 : 4 * 400_011) + replies.length, `${port}`);
        assert.ok(text.endsWith(replies));
        if (waits(port)) assert.ok(text.startsWith(`*2\r\n$4\r\n${port}\r\n$1\r\na\r\n`));
      }
      assert.deepEqual(clients.over_, []);
      assert.equal(device.counts.faults, 0);
    });

    test('what is sent ahead has a bound: a quarter of the memory, then whoever has most of it is sent away', () => {
      const { clients, device, settle } = start(layout, 'maxclients=1000');
      const ports = Array.from({ length: 400 }, (_, index) => 2000 + index);
      for (const port of ports) {
        device.open(port, 6379);
        clients.send(port, `BLPOP never 0\r\n${'PING\r\n'.repeat(6000)}`);
      }
      settle();
      assert.ok(clients.over_.length > 50 && clients.over_.length < 350, `${clients.over_.length} were sent away`);
      clients.over_.length = 0;
      const small = ports.map((port) => port + 5000).slice(0, 200);
      for (const port of small) {
        device.open(port, 6379);
        clients.send(port, `BLPOP never 0\r\n${'PING\r\n'.repeat(100)}`);
      }
      settle();
      assert.ok(clients.over_.length > 0);
      assert.deepEqual(
        clients.over_.filter((port) => small.includes(port)),
        [],
      );
      for (const port of small) device.close(port, true);
      for (const port of ports) device.close(port, true);
      settle();
      clients.over_.length = 0;
      // All of it is free again.
      for (const port of ports.slice(0, 100)) {
        device.open(port + 1000, 6379);
        clients.send(port + 1000, `BLPOP never 0\r\n${'PING\r\n'.repeat(4000)}`);
      }
      settle();
      assert.deepEqual(clients.over_, []);
    });

    test('a client that is sent away and does not read is not waited for', () => {
      const { clients, device, settle } = start(layout);
      for (const port of [1025, 1026]) device.open(port, 6379);
      clients.send(1026, `*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$30000\r\n${'x'.repeat(30_000)}\r\n`);
      clients.send(1025, 'CLIENT ID\r\n');
      settle();
      const id = clients.take(1025).slice(1, -2);
      clients.take(1026);
      clients.keeps = true;
      clients.send(1025, 'GET v\r\n'.repeat(60));
      settle();
      clients.keeps = false;
      clients.send(1026, `CLIENT KILL ID ${id}\r\n`);
      settle();
      assert.equal(clients.take(1026), ':1\r\n');
      assert.deepEqual(clients.over_, [1025]);
      for (const token of clients.kept.splice(0)) device.giveBack(token);
      settle();
      clients.send(1026, 'CLIENT LIST\r\n');
      settle();
      assert.match(clients.take(1026), /^\$\d+\r\n[^\n]*addr=vsock:1026[^\n]*\n\r\n$/);
    });

    test('clients that read nothing are let go of, the longest first, where others have no room for answers; nothing is left unanswered', () => {
      let nowMs = 0;
      const { clients, device, settle } = start(layout, '', () => (nowMs += 0.001));
      device.open(1025, 6379);
      settle();
      for (let port = 2000; port < 2500; port++) {
        clients.deaf.add(port);
        device.open(port, 6379);
        clients.send(port, 'PING\r\n');
      }
      settle();
      assert.equal(clients.over_.length, 0);
      device.open(1026, 6379);
      device.open(9, 80);
      clients.send(1026, 'PING\r\n');
      settle();
      assert.ok(clients.open.includes(1026));
      assert.deepEqual(clients.over_.splice(0), [9]);
      for (let rounds = 0; rounds < 20 && !clients.replies.has(1026); rounds++) {
        nowMs += 1001;
        // This one does read, if not all of it within a second.
        clients.took.set(2000, (rounds + 1) * 4096);
        settle();
      }
      assert.equal(clients.take(1026), '+PONG\r\n');
      assert.equal(clients.over_.length, device.counts.slowReaders);
      const ended = (port: number): boolean => clients.over_.includes(port);
      assert.deepEqual([2000, 2001, 2499].map(ended), [false, true, false], `${clients.over_.length}`);
    });

    test('500 clients at once, opened and closed, a stranger at another port', () => {
      const { clients, device, settle } = start(layout, 'maxclients=500');
      const ports = Array.from({ length: 500 }, (_, index) => 2000 + index * 3);
      for (let round = 0; round < 3; round++) {
        for (const port of ports) {
          device.open(port, 6379);
          clients.send(port, `SET k:${port} ${round}\r\nGET k:${port}\r\n`);
        }
        settle();
        for (const port of ports) assert.equal(clients.take(port), `+OK\r\n$1\r\n${round}\r\n`, `${port}`);
        device.open(9, 6379);
        device.open(10, 80);
        settle();
        assert.deepEqual(clients.over_.splice(0).sort(), [10, 9]);
        for (const port of ports) device.close(port, true);
        settle();
      }
    });

    test('no wake-up is lost: whatever happens while it goes to rest is seen, or told of', () => {
      const { guest, clients, device, settle } = start(layout);
      device.open(1025, 6379);
      settle();
      // A fence stands between asking to be told and looking again: something happens at each of them, in turn.
      for (let which = 0; which < 12; which++) {
        clients.send(1025, 'PING\r\n');
        device.publish();
        let passed = 0;
        let isTold = false;
        guest.atFence = () => {
          if (passed++ !== which) return;
          clients.send(1025, 'PING\r\n');
          isTold = device.publish();
        };
        guest.run();
        guest.atFence = () => {};
        const wanted = which < passed ? '+PONG\r\n+PONG\r\n' : '+PONG\r\n';
        // From here on as the monitor does: it runs only when it is told.
        for (let turns = 0; turns < 10; turns++) {
          device.turn();
          if (!device.publish() && !isTold) break;
          isTold = false;
          guest.run();
        }
        assert.equal(clients.take(1025), wanted, `at fence ${which} of ${passed}: neither seen nor told`);
        settle();
      }
      // At rest, everything that comes is told.
      clients.send(1025, 'PING\r\n');
      assert.ok(device.publish());
    });

    for (const [what, spoil] of Object.entries<(queue: DeviceQueue) => void>({
      'an id that is not out': (queue) => queue.give(0xffff, 1, 0),
      'more bytes than there was room for': (queue) => queue.give(0, 1, 0xffff_ffff),
    })) {
      test(`a device that gives back ${what} is not followed: the guest ends and says so`, () => {
        let toGuest: DeviceQueue | undefined;
        const guest = new ModuleGuest('kv', '', layout, (domain) => {
          const device = new VsockDevice(domain, 3, new Clients(), () => {});
          const { start: begin } = device;
          device.start = (queues) => {
            toGuest = queues[0];
            begin.call(device, queues);
          };
          return [device];
        });
        guest.begin();
        guest.run();
        spoil(toGuest!);
        toGuest!.publish();
        assert.throws(
          () => guest.run(),
          (error) => error instanceof GuestEnd && error.status === 2,
        );
        assert.match(guest.said, /does what no device may/);
      });
    }
  });
}

test('without a device, or with another kind, it says what it misses', () => {
  const guest = new ModuleGuest('kv', '', 0n, () => []);
  assert.throws(() => guest.begin(), GuestEnd);
  assert.match(guest.said, /no device to hear clients by/);
});
