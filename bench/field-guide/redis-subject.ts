// Redis in the field guide: GET and SET of several sizes. It runs in the foreground in a folder of its own, keeps nothing on
// disk, and logs into a file: what it printed into a pipe of its parent would be traffic of a unix socket.

import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, startPinned, stopChild } from '../host/child.js';
import { freePort } from '../host/port.js';
import { type Address, askOnce } from './client.js';
import { RedisReplies } from './replies.js';
import { connections, type NamedLoad, requestsFor, type Subject, type SubjectContext, sizeName } from './subject.js';

const sizes = [100, 4096, 65_536, 1 << 20];
const newline = '\r\n';

/** A command as an array of bulk strings. */
function command(...words: string[]): Uint8Array {
  const text = words.map((word) => `$${word.length}${newline}${word}${newline}`).join('');
  return new TextEncoder().encode(`*${words.length}${newline}${text}`);
}

function loadsOf(context: SubjectContext, address: Address): NamedLoad[] {
  const load = (bytes: number, kind: 'SET' | 'GET'): NamedLoad => ({
    name: `${kind} ${sizeName(bytes)}`,
    ...{ address, connections },
    requests: requestsFor(context, bytes),
    request: kind === 'SET' ? command('SET', `key-${bytes}`, 'x'.repeat(bytes)) : command('GET', `key-${bytes}`),
    contentBytes: kind === 'GET' ? bytes : 0,
    replies: () => new RedisReplies(),
  });
  return sizes.flatMap((bytes) => [load(bytes, 'SET'), load(bytes, 'GET')]);
}

/** Redis over TCP. */
export const redisSubject: Subject = {
  name: 'Redis',
  absence: () =>
    onPath('redis-server') ? undefined : 'redis-server is not on PATH (Debian: apt-get install redis-server)',
  async start(context) {
    const port = await freePort();
    const files = ['--dir', context.scratchDirectory, '--logfile', `${context.scratchDirectory}/redis.log`];
    const child = startPinned({ cpus: undefined, niceness: 0 }, 'redis-server', [
      ...['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ...files,
    ]);
    child.stdout?.resume();
    child.stderr?.resume();
    const loads = loadsOf(context, { port });
    try {
      await untilReady({ address: { port }, request: command('PING'), replies: () => new RedisReplies() });
      // Every key is there before any load asks for it.
      for (const load of loads) await askOnce(load);
    } catch (error) {
      await stopChild(child);
      throw error;
    }
    return {
      processId: child.pid!,
      loads,
      usual: {
        name: 'redis-benchmark, SET and GET of 4 KiB',
        absence: () => (onPath('redis-benchmark') ? undefined : 'redis-benchmark is not on PATH'),
        command: ['redis-benchmark', '-p', String(port), '-t', 'set,get', '-d', '4096', '-n', '20000', '-c', '4', '-q'],
      },
      stop: () => stopChild(child),
    };
  },
};

/** Asks until it is answered, at most ten seconds. @throws the last refusal */
export async function untilReady(question: Parameters<typeof askOnce>[0]): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await askOnce(question);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
