import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openDescriptors } from '../../test/support/open-descriptors.js';
import { IPPROTO, SO, SOL, TCP } from './constants.js';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import { scratch } from './memory.js';
import * as socket from './socket.js';
import { SystemError } from './system-error.js';

const skip = platformIsLinux ? false : 'needs Linux';
const { closeDescriptor, connectTcp, listenTcp, localAddress, peerAddress } = socket;

/** Writes an address as the kernel wants it, and reads it back. */
function roundTrip(host: string, port = 80): string {
  const { offset } = socket.writeSocketAddress({ host, port });
  const place = scratch(16);
  const read = socket.readSocketAddress(place.bytes, place.data, offset);
  assert.equal(read.port, port);
  return read.host;
}

/** The 16 bytes of an IPv6 address as written for the kernel. */
function bytesOf(host: string): number[] {
  const { offset, length } = socket.writeSocketAddress({ host, port: 1 });
  assert.equal(length, 28);
  return [...scratch(16).bytes.subarray(offset + 8, offset + 24)];
}

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

describe('addresses', { skip }, () => {
  test('IPv6 texts follow RFC 5952: the longest run of zeros goes, the first of equals', () => {
    const forms = {
      '::': '::',
      '::1': '::1',
      '1::': '1::',
      '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
      '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '1:0:0:2:3:0:0:0': '1:0:0:2:3::',
      '0:0:1::': '0:0:1::',
      'fe80::0001:0': 'fe80::1:0',
      '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    };
    for (const [given, canonical] of Object.entries(forms)) assert.equal(roundTrip(given), canonical, given);
  });

  test('every IPv6 address comes back, in the form that a URL gives it', () => {
    const group = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    const addresses = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(addresses, (groups) => {
        fc.pre(!(groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff));
        const host = groups.map((each) => each.toString(16)).join(':');
        assert.equal(`[${roundTrip(host)}]`, new URL(`http://[${host}]/`).hostname);
        assert.deepEqual(
          bytesOf(host),
          groups.flatMap((each) => [each >> 8, each & 255]),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('every IPv4 address comes back, also within IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65535 }), (host, port) => {
        assert.equal(roundTrip(host, port), host);
        assert.equal(roundTrip(`::ffff:${host}`, port), host);
      }),
    );
    assert.equal(roundTrip('::ffff:c000:0221'), '192.0.2.33');
  });

  test('the zone of a link-local address is its scope, by number and by name', () => {
    const scope = (host: string): number => {
      const { offset } = socket.writeSocketAddress({ host, port: 1 });
      return scratch(16).data.getUint32(offset + 24, true);
    };
    assert.equal(scope('fe80::1%3'), 3);
    assert.equal(scope('fe80::1'), 0);
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      const ipv6 = addresses?.find(({ family }) => family === 'IPv6');
      if (ipv6?.family === 'IPv6') assert.equal(scope(`fe80::1%${name}`), ipv6.scopeid);
    }
  });

  test('what is not a whole address, or no port, is refused before anything is opened', () => {
    const before = openSockets();
    for (const host of ['localhost', '', '127.1', '0x7f.0.0.1', '127.0.0.256', '127.0.0.1 ', '1:2:3', 'example.org']) {
      for (const call of [listenTcp, connectTcp]) {
        assert.throws(() => call({ host, port: 0 }), isError('EINVAL'), `${call.name} ${JSON.stringify(host)}`);
      }
    }
    for (const port of [-1, 65536, 1.5, Number.NaN]) {
      assert.throws(() => listenTcp({ host: '127.0.0.1', port }), isError('EINVAL'), `port ${port}`);
    }
    assert.deepEqual(openSockets(), before);
  });
});

function isError(code: string): (error: unknown) => boolean {
  return (error) => error instanceof SystemError && error.code === code && error.hint !== undefined;
}

/** Sockets of this process, by the kernel's names. */
function openSockets(): string[] {
  return openDescriptors(/^socket:/).sort();
}

describe('listening and connecting', { skip }, () => {
  test('both ends know both addresses', () => {
    for (const host of hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      const listening = listenTcp({ host, port: 0, nonBlocking: true });
      const name = localAddress(listening);
      assert.equal(name.host, host);
      const fd = connectTcp(name);
      const accepted = socket.acceptNonBlocking(listening);
      assert.ok(accepted >= 0);
      assert.deepEqual(peerAddress(fd), name);
      assert.deepEqual(peerAddress(accepted), localAddress(fd));
      assert.ok(socket.isNonBlocking(accepted) && socket.isNonBlocking(listening) && !socket.isNonBlocking(fd));
      assert.equal(socket.getSocketOption(accepted, IPPROTO.TCP, TCP.NODELAY), 1, 'inherited');
      for (const each of [fd, accepted, listening]) assert.equal(closeDescriptor(each), 0);
    }
  });

  test('an IPv4 peer of an IPv6 socket has an IPv4 address', { skip: hasIPv6 ? false : 'no IPv6 here' }, (t) => {
    const listening = listenTcp({ host: '::', port: 0, nonBlocking: true });
    const { port } = localAddress(listening);
    let fd: number;
    try {
      fd = connectTcp({ host: '127.0.0.1', port });
    } catch (error) {
      closeDescriptor(listening);
      t.skip(`IPv6 sockets take no IPv4 here: ${(error as Error).message}`);
      return;
    }
    const accepted = socket.acceptNonBlocking(listening);
    assert.equal(peerAddress(accepted).host, '127.0.0.1');
    for (const each of [fd, accepted, listening]) closeDescriptor(each);
  });

  test('a taken port and a foreign address are refused with what to do, and leave nothing open', () => {
    const before = openSockets();
    const listening = listenTcp({ host: '127.0.0.1', port: 0 });
    const { port } = localAddress(listening);
    assert.equal(openSockets().length, before.length + 1);
    assert.throws(() => listenTcp({ host: '127.0.0.1', port }), isError('EADDRINUSE'));
    assert.throws(() => listenTcp({ host: '192.0.2.1', port: 0 }), isError('EADDRNOTAVAIL'));
    closeDescriptor(listening);
    assert.throws(
      () => connectTcp({ host: '127.0.0.1', port }),
      (error: unknown) => error instanceof SystemError && error.code === 'ECONNREFUSED',
    );
    assert.deepEqual(openSockets(), before);
  });

  test('several sockets share a port when all of them say so', () => {
    const first = listenTcp({ host: '127.0.0.1', port: 0, reusePort: true });
    const { port } = localAddress(first);
    const second = listenTcp({ host: '127.0.0.1', port, reusePort: true });
    assert.throws(() => listenTcp({ host: '127.0.0.1', port }), isError('EADDRINUSE'));
    for (const each of [first, second]) closeDescriptor(each);
  });
});

describe('a pair of sockets', { skip }, () => {
  function pair(): { a: number; b: number; end: () => void } {
    const listening = listenTcp({ host: '127.0.0.1', port: 0 });
    const a = connectTcp(localAddress(listening));
    const b = socket.acceptNonBlocking(listening);
    return { a, b, end: () => [a, b, listening].forEach(closeDescriptor) };
  }

  test('bytes, the end, and errors come as results', () => {
    const { a, b, end } = pair();
    const place = scratch(1024);
    assert.equal(socket.receive(b, place.address, 100), -Errno.EAGAIN);
    place.bytes.fill(9, place.offset, place.offset + 10);
    assert.equal(socket.send(a, place.address, 10, 0), 10);
    const into = scratch(1024);
    assert.equal(socket.receive(b, into.address, 100), 10);
    assert.equal(into.bytes[into.offset + 9], 9);
    assert.equal(socket.shutdownSending(a), 0);
    assert.equal(socket.receive(b, into.address, 100), 0);
    assert.equal(socket.send(a, place.address, 10, 0), -Errno.EPIPE);
    assert.equal(socket.receive(-1, into.address, 100), -Errno.EBADF);
    end();
  });

  test('O_NONBLOCK is set and cleared; a duplicate is the same socket under another number', () => {
    const { a, end } = pair();
    assert.equal(socket.setNonBlocking(a, true), 0);
    assert.ok(socket.isNonBlocking(a));
    assert.equal(socket.setNonBlocking(a, false), 0);
    assert.ok(!socket.isNonBlocking(a));
    const copy = socket.duplicateDescriptor(a);
    assert.notEqual(copy, a);
    assert.deepEqual(localAddress(copy), localAddress(a));
    closeDescriptor(copy);
    assert.equal(socket.setNonBlocking(-1, true), -Errno.EBADF);
    assert.throws(() => socket.duplicateDescriptor(-1), SystemError);
    end();
  });

  test('what the peer has not acknowledged is counted while it does not read', () => {
    const { a, b, end } = pair();
    const place = scratch(16384);
    assert.equal(socket.unsentBytes(b), 0);
    let sent = 0;
    for (let taken = 1; taken > 0; ) {
      taken = socket.send(b, place.address, 16384, 0);
      if (taken > 0) sent += taken;
    }
    const unsent = socket.unsentBytes(b);
    assert.ok(unsent > 0 && unsent <= sent, `${unsent} of ${sent}`);
    assert.equal(socket.unsentBytes(-1), 0);
    assert.ok(a >= 0);
    end();
  });

  test('a reset at the close reaches the peer as one', () => {
    const { a, b, end } = pair();
    const copy = socket.duplicateDescriptor(b);
    assert.equal(socket.resetOnClose(b), 0);
    closeDescriptor(copy);
    end();
    const next = pair();
    socket.resetOnClose(next.b);
    closeDescriptor(next.b);
    assert.equal(socket.receive(next.a, scratch(16).address, 16), -Errno.ECONNRESET);
    closeDescriptor(next.a);
    assert.ok(a >= 0);
  });

  test('the pacing rate is the kernel option of that name', () => {
    const { b, end } = pair();
    assert.equal(socket.setPacingRate(b, 1_000_000), 0);
    assert.equal(socket.getSocketOption(b, SOL.SOCKET, 47), 1_000_000);
    assert.equal(socket.setPacingRate(b, -1), 0);
    assert.ok(socket.getSocketOption(b, SOL.SOCKET, SO.SNDBUF) > 0);
    end();
  });
});
