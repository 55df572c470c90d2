import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalPort } from './worker-port.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('words within a thread are heard from a turn of Node on, in order, what was said before somebody listened too', async () => {
  const [server, worker] = LocalPort.pair<string, number>();
  const heard: string[] = [];
  let woken = 0;
  worker.say(1);
  worker.say(2);
  server.say('start');
  server.say('stop');
  assert.deepEqual([worker.next(), server.next(), server.next(), server.next()], ['start', 1, 2, undefined]);
  for (const word of [3, 4, 5]) worker.say(word);
  server.listen((word) => {
    heard.push(`${word}`);
    if (word === 4) worker.say(6);
  });
  worker.onSaid = () => woken++;
  worker.say(7);
  assert.deepEqual(heard, []);
  await turn();
  assert.deepEqual(heard, ['3', '4', '5', '7', '6']);
  assert.equal(woken, 2);
});

test('what is said to an end that hears no more stays there, for whoever takes it', async () => {
  const [server, worker] = LocalPort.pair<string, number>();
  const heard: number[] = [];
  server.listen((word) => {
    heard.push(word);
    if (word === 2) server.close();
  });
  for (const word of [1, 2, 3]) worker.say(word);
  await turn();
  assert.deepEqual(heard, [1, 2]);
  assert.equal(server.next(), 3);
});
