// What a connection is allowed and told beside its commands: browsers are kept out, replies are turned off and on, commands may have very many arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandBytes, control, TestStore } from './kv-store.js';

test('a request of HTTP, which a browser can be led to send, ends its connection before anything in it is run', () => {
  for (const head of [
    'POST / HTTP/1.1\r\nSET a 1\r\n',
    'post x\r\nSET a 1\r\n',
    'Host: store:6379\r\n\r\nSET a 1\r\n',
  ]) {
    const store = new TestStore();
    const client = store.core.clientOpen();
    assert.equal(store.exchange(client, Buffer.from(head)).toString(), '');
    assert.equal(store.core.clientState(client), control.FEED_CLOSED);
    assert.equal(store.run(store.core.clientOpen(), 'EXISTS', 'a'), ':0\r\n');
    assert.equal(store.figure(control.PROTOCOL_ERRORS), 1);
  }
});

test('a browser that asks for a page gets an error, and its connection ends with the second line', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const page = 'GET / HTTP/1.1\r\nHost: localhost:6379\r\nSET a 1\r\n';
  assert.match(store.exchange(client, Buffer.from(page)).toString(), /^-ERR wrong number of arguments for 'get'/);
  assert.equal(store.core.clientState(client), control.FEED_CLOSED);
});
