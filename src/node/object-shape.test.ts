// That requests and responses share their hidden classes again, and that nothing else about them changes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { shapesAreLost, shareShapes } from './object-shape.js';

const reason = `V8 ${process.versions.v8} keeps the shapes itself`;
const requests = Object.create(IncomingMessage.prototype, { app: { value: 'the application' } });
const responses = Object.create(ServerResponse.prototype, { app: { value: 'the application' } });

/** What a framework hands on: other prototypes, and properties of its own. */
function makePair(): [IncomingMessage, ServerResponse] {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  response.setHeader('X-Powered-By', 'test');
  Object.setPrototypeOf(request, requests);
  Object.setPrototypeOf(response, responses);
  Object.assign(response, { locals: Object.create(null) });
  return [request, response];
}

function contents(object: object): [PropertyKey, PropertyDescriptor | undefined][] {
  const keys = Reflect.ownKeys(object).map((key) => [key, Object.getOwnPropertyDescriptor(object, key)] as const);
  return keys.map(([key, value]) => [key, value]);
}

function sorted(
  list: [PropertyKey, PropertyDescriptor | undefined][],
): [PropertyKey, PropertyDescriptor | undefined][] {
  return list.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

test('objects with a prototype of a framework share their hidden class', {
  skip: shapesAreLost ? false : reason,
}, () => {
  const program = `
    import { IncomingMessage, ServerResponse } from 'node:http';
    import { Socket } from 'node:net';
    import { shareShapes } from ${JSON.stringify(new URL('./object-shape.js', import.meta.url).href)};
    const requests = Object.create(IncomingMessage.prototype);
    const responses = Object.create(ServerResponse.prototype);
    const make = () => {
      const request = new IncomingMessage(new Socket());
      const response = new ServerResponse(request);
      Object.setPrototypeOf(request, requests).baseUrl = '';
      Object.setPrototypeOf(response, responses).locals = {};
      return [request, response];
    };
    const pairs = Array.from({ length: 20 }, make);
    const sharing = () => pairs.slice(10).map(([request, response], index) => [
      %HaveSameMap(request, pairs[index + 9][0]), %HaveSameMap(response, pairs[index + 9][1])]).flat();
    const before = sharing();
    for (const [request, response] of pairs) shareShapes(request, response);
    console.log(JSON.stringify([before, sharing()]));
  `;
  const words = ['--allow-natives-syntax', '--input-type=module', '-e', program];
  const run = (): boolean[][] => JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
  let [before, after] = run();
  // V8 keeps such hidden classes in 64 places, chosen by a hash that each process draws anew (NormalizedMapCache): once in 64 processes the two prototypes
  // have one place, and push one another out.
  for (let again = 0; again < 2 && after!.includes(false); again++) [before, after] = run();
  assert.deepEqual(new Set(before), new Set([false]));
  assert.deepEqual(new Set(after), new Set([true]));
});

test('what the objects hold stays as it was', () => {
  const [request, response] = makePair();
  const before = [sorted(contents(request)), sorted(contents(response))];
  shareShapes(request, response);
  assert.deepEqual([sorted(contents(request)), sorted(contents(response))], before);
  assert.equal(Object.getPrototypeOf(request), requests);
  assert.equal(response.getHeader('x-powered-by'), 'test');
});

test('an object that may not change is left alone, and so is a property that someone made his own', () => {
  const [request, response] = makePair();
  Object.freeze(request);
  let asked = 0;
  Object.defineProperty(response, 'sendDate', { get: () => ++asked > 0, configurable: false });
  shareShapes(request, response);
  assert.equal(asked, 0);
  assert.equal(response.sendDate, true);
  const [another, theirs] = makePair();
  Object.defineProperty(theirs, 'sendDate', { get: () => 'theirs', configurable: true, enumerable: false });
  shareShapes(another, theirs);
  assert.equal(theirs.sendDate, 'theirs');
  assert.equal(Object.getOwnPropertyDescriptor(theirs, 'sendDate')?.enumerable, false);
});

test('objects as Node makes them, and those of a class of the application, keep the order of their properties', () => {
  class Response extends ServerResponse {}
  const request = new IncomingMessage(new Socket());
  for (const response of [new ServerResponse(request), new Response(request)]) {
    const before = [Reflect.ownKeys(request), Reflect.ownKeys(response)];
    shareShapes(request, response);
    assert.deepEqual([Reflect.ownKeys(request), Reflect.ownKeys(response)], before);
  }
});
