// What goes wrong with pages: slots that throw, never resolve or resolve too late, files that are gone, clients that leave
// at every stage. No crash, nothing left lent or open, and no page that looks whole and is not.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFrames } from '../../src/memory/write-frames.js';
import { file, html, type PageContext, page, respond, slot, template } from '../../src/pages/index.js';
import { messagesLeased } from '../support/messages.js';
import { until } from '../support/until.js';
import { ask, type Door, doorClosed, doors, type OpenDoor, openDoor } from './doors.js';

const filler = 'f'.repeat(5000);

function forEachDoor(name: string, run: (open: OpenDoor, door: Door) => Promise<void>): void {
  for (const door of doors) {
    test(`${door}: ${name}`, { skip: doorClosed(door) }, async () => {
      const open = await openDoor(door, page(''));
      try {
        await run(open, door);
        await until('everything lent comes back', () => writeFrames().leased === 0 && messagesLeased() === 0);
      } finally {
        await open.close();
      }
    });
  }
}

forEachDoor('a slot that throws is a 500 without a fallback', async (open) => {
  const told: unknown[] = [];
  const onError = (error: unknown, name: string): void => {
    told.push([(error as Error).message, name]);
  };
  const boom = (): never => {
    throw new Error('boom');
  };
  for (const render of [boom, async () => boom()]) {
    open.page = page(`${filler}{{a}}`, { a: render }, { onError });
    const answer = await ask(open.port);
    assert.equal(answer.status, 500);
    assert.ok(answer.complete);
    assert.doesNotMatch(answer.body.toString(), /boom/);
  }
  assert.deepEqual(told, [
    ['boom', 'a'],
    ['boom', 'a'],
  ]);
  await until('both are reported', () => open.reports.length === 2);
  assert.deepEqual(
    open.reports.map((report) => report.outcome),
    ['failed', 'failed'],
  );
});

forEachDoor('a fallback stands in: a value, or made from the error', async (open) => {
  const fails = async (): Promise<never> => {
    throw new Error('<boom>');
  };
  open.page = page('[{{a}}][{{b}}][{{c}}]', {
    a: { render: fails, fallback: 'x' },
    b: { render: fails, fallback: (error) => html`<i>${(error as Error).message}</i>` },
    c: { render: () => file('/no/such/file'), fallback: 'gone' },
  });
  const answer = await ask(open.port);
  assert.equal(answer.body.toString(), '[x][<i>&lt;boom&gt;</i>][gone]');
});

forEachDoor('a fallback that fails, a value that is none and a file that is gone are a 500', async (open) => {
  const pages = [
    page('{{a}}', {
      a: {
        render: () => Promise.reject(new Error('1')),
        fallback: () => {
          throw new Error('2');
        },
      },
    }),
    page('{{a}}', { a: (() => ({ no: 'fragment' })) as never }),
    page('{{a}}', { a: async () => file('/no/such/file') }),
    page(template([filler, file('/no/such/file')])),
  ];
  for (const each of pages) {
    open.page = each;
    assert.equal((await ask(open.port)).status, 500);
  }
});

forEachDoor('the head and what precedes a slow slot leave before it resolves', async (open) => {
  let release = (): void => {};
  const slow = new Promise<string>((resolve) => {
    release = () => resolve('late');
  });
  open.page = page(template([filler, slot('quick'), filler, slot('slow'), 'end']), {
    quick: () => 'quick',
    slow: () => slow,
  });
  let seen = 0;
  // The slot resolves only because bytes came: a page that waits for it would never leave.
  const answer = await ask(open.port, {
    onData: () => {
      seen++;
      release();
    },
  });
  assert.ok(seen > 0);
  assert.equal(answer.body.toString(), `${filler}quick${filler}lateend`);
  assert.match(answer.head, /transfer-encoding: chunked/i);
  assert.ok(answer.complete);
});

forEachDoor('slots that resolve in the same turn make a page with a length', async (open) => {
  const soon = async (): Promise<string> => {
    await Promise.resolve();
    return 'soon';
  };
  open.page = page('{{a}}{{b}}', { a: soon, b: soon });
  assert.match((await ask(open.port)).head, /content-length: 8/i);
});

forEachDoor('a slot that never resolves is replaced in its time', async (open) => {
  let late: ((value: string) => void) | undefined;
  const never = (): Promise<string> => {
    return new Promise((resolve) => {
      late = resolve;
    });
  };
  open.page = page('a{{x}}b', { x: { render: never, timeoutMs: 40, fallback: (error) => (error as Error).name } });
  const answer = await ask(open.port);
  assert.equal(answer.body.toString(), 'aSlotTimeoutErrorb');
  assert.ok(answer.complete);
  late?.('too late');
  await sleep(5);
});

forEachDoor(
  'a slot without a fallback that fails late ends the connection, and the page does not look whole',
  async (open) => {
    let fail = (): void => {};
    const fails = (): Promise<string> => {
      return new Promise((_, reject) => {
        fail = () => reject(new Error('late'));
      });
    };
    open.page = page(`${filler}{{x}}${filler}`, { x: fails });
    // It fails because bytes came: the page has begun by then, however slow everything is.
    const failed = await ask(open.port, { onData: () => fail() });
    assert.equal(failed.status, 200);
    assert.equal(failed.complete, false);
    open.page = page(`${filler}{{x}}${filler}`, { x: { render: () => new Promise(() => {}), timeoutMs: 30 } });
    assert.equal((await ask(open.port)).complete, false);
    await until('both are reported', () => open.reports.length === 2);
    assert.deepEqual(
      open.reports.map((report) => report.outcome),
      ['failed', 'failed'],
    );
  },
);

forEachDoor('a page whose template was freed is a 500, also where its parts are short', async (open, door) => {
  const made = template`ab${slot('x')}cd`;
  open.page = page(made, { x: () => 'y' });
  assert.equal((await ask(open.port)).body.toString(), 'abycd');
  made.free();
  assert.equal((await ask(open.port)).status, 500);
  if (door === 'node' || door === 'node-stream') return;
  assert.deepEqual(
    open.errors.map(({ message }) => /was freed/.test(message)),
    [true],
  );
});

forEachDoor('a page under way keeps its template until it ends', async (open) => {
  const made = template([filler, slot('x'), 'short', slot('y'), filler]);
  let lent = 0;
  const { lend, release } = made;
  made.lend = () => {
    lent++;
    return lend.call(made);
  };
  made.release = () => {
    lent--;
    release.call(made);
  };
  let resolve = (_value: string): void => {};
  const later = (): Promise<string> => new Promise((resolved) => (resolve = resolved));
  open.page = page(made, { x: later, y: () => 'y' });
  // Freed when the first part has come: what follows is read from the template afterwards.
  const answer = await ask(open.port, {
    onData: () => {
      made.free();
      resolve('x');
    },
  });
  assert.ok(answer.complete && answer.body.toString() === `${filler}xshorty${filler}`);
  await until('the template is given back', () => lent === 0);
});

forEachDoor('a client that leaves is told to the slots', async (open) => {
  for (const reset of [false, true]) {
    let context: PageContext | undefined;
    const never = (of: PageContext): Promise<string> => {
      context = of;
      return new Promise(() => {});
    };
    open.page = page(`${filler}{{x}}`, { x: never });
    const socket = connect({ port: open.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the slot is asked', () => context !== undefined);
    const { signal } = context!;
    assert.equal(signal.aborted, false);
    if (reset) socket.resetAndDestroy();
    else socket.destroy();
    await until('the signal is aborted', () => signal.aborted);
    assert.equal((signal.reason as Error).name, 'AbortError');
  }
  await until('both are reported', () => open.reports.length === 2);
  assert.deepEqual(
    open.reports.map((report) => report.outcome),
    ['left', 'left'],
  );
});

forEachDoor('clients that leave at every stage leave nothing behind', async (open) => {
  const large = 'l'.repeat(300_000);
  open.page = page(template([large, slot('a'), large, file(process.execPath), slot('b'), large]), {
    a: async () => 'a'.repeat(50_000),
    b: async () => {
      await sleep(5);
      return 'b';
    },
  });
  const before = descriptors();
  for (const leaveAfter of [1, 1000, 200_000, 320_000, 700_000, 2_000_000]) await ask(open.port, { leaveAfter });
  await until('all are reported', () => open.reports.length === 6);
  await until('descriptors are closed', () => descriptors() <= before + 1);
});

forEachDoor('a client that leaves in the middle of a file leaves it open for others', async (open) => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-'));
  const path = join(folder, 'large');
  writeFileSync(path, 'f'.repeat(8_000_000));
  open.page = page(template(['begin', file(path)]));
  for (const leaveAfter of [100_000, 1_000_000]) await ask(open.port, { leaveAfter });
  await until('both are reported', () => open.reports.length === 2);
  // A stream over a descriptor closes it when it is destroyed, whatever `autoClose` says.
  const whole = await ask(open.port);
  assert.equal(whole.body.length, 8_000_005);
  rmSync(folder, { recursive: true });
});

forEachDoor('a reader that stalls for good holds the page up, not the server', async (open) => {
  const stalled = connect({ port: open.port, host: '127.0.0.1' });
  let asked = false;
  const render = (): string => {
    asked = true;
    return 'a';
  };
  open.page = page(template(['s'.repeat(8_000_000), slot('a')]), { a: render });
  stalled.pause();
  stalled.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('the stalled reader has its page', () => asked);
  open.page = page('{{a}}', { a: () => 'quick' });
  assert.equal((await ask(open.port)).body.toString(), 'quick');
  stalled.destroy();
});

forEachDoor('whoever comes after a connection that ended in the middle of a page gets his own bytes', async (open) => {
  let asked = 0;
  const render = async (): Promise<string> => {
    asked++;
    return 'a';
  };
  const big = page(template(['s'.repeat(8_000_000), slot('a'), 's'.repeat(1000)]), { a: render });
  const mine = page('mine {{a}}', { a: async () => 'alone' });
  for (let round = 0; round < 12; round++) {
    open.page = big;
    const stalled = connect({ port: open.port, host: '127.0.0.1' });
    stalled.on('error', () => {});
    stalled.pause();
    stalled.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the large page is under way', () => asked === round + 1);
    open.page = mine;
    if (round % 2 === 0) stalled.resetAndDestroy();
    else stalled.destroy();
    const answers = await Promise.all([ask(open.port), ask(open.port)]);
    for (const { body, complete } of answers) assert.deepEqual([body.toString(), complete], ['mine alone', true]);
  }
});

test('a descriptor whose number is used again never gets the page of the connection that had it', {
  skip: doorClosed('node'),
}, async () => {
  const big = page(template(['s'.repeat(8_000_000)]));
  const numbers = new Set<number>();
  let reused = 0;
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    const fd = (request.socket as unknown as { _handle: { fd: number } })._handle.fd;
    if (numbers.has(fd)) reused++;
    numbers.add(fd);
    if (request.url === '/mine') {
      response.end('mine alone');
      return;
    }
    sockets.push(request.socket);
    void respond(request, response, big);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    for (let round = 0; round < 30; round++) {
      const stalled = connect({ port, host: '127.0.0.1' });
      stalled.on('error', () => {});
      stalled.pause();
      stalled.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until('the page is under way', () => sockets.length === round + 1);
      // Destroyed while the page waits for room; who connects next takes the lowest free number.
      sockets[round]!.destroy();
      const answer = await ask(port, { target: '/mine' });
      assert.equal(answer.body.toString(), 'mine alone');
      stalled.destroy();
    }
    assert.ok(reused > 0, 'no number was used again: the test shows nothing');
    await until('everything lent comes back', () => writeFrames().leased === 0 && messagesLeased() === 0);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Descriptors of this process. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
