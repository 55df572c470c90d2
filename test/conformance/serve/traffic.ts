// Requests at the highest rate that one process asks: many in one segment, answers counted by their bytes. For tests that
// need load, and not the answers; those are read by client.ts.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type Address, RawClient } from './client.js';

/** Requests in one segment: the server reads many a turn, which is as fast as it gets. */
const pipelined = 250;

function request(path: string, userAgent: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\nUser-Agent: ${userAgent}\r\n\r\n`;
}

/**
 * Asks for one path, all with answers of one length, over one connection, and for one more before: with the user agent `probe`.
 * @param userAgent of each request, by its number. @throws when an answer is longer or the connection ends.
 */
export async function flood(
  address: Address,
  path: string,
  requests: number,
  userAgent: (number: number) => string,
): Promise<void> {
  const probe = await RawClient.open(address);
  const answer = await probe.send(request(path, 'probe')).response();
  probe.destroy();
  const answerBytes = answer.head.length + answer.body.length;
  const socket = connect(address.port, address.host);
  for (let number = 0; number < requests; ) {
    let text = '';
    let missing = 0;
    for (const end = Math.min(requests, number + pipelined); number < end; number++) {
      text += request(path, userAgent(number));
      missing += answerBytes;
    }
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`the connection ended ${missing} bytes early`)));
      socket.on('data', (bytes: Buffer) => {
        missing -= bytes.length;
        if (missing <= 0) resolve();
      });
      socket.write(text, 'latin1');
    });
    assert.equal(missing, 0, 'as many bytes as answers');
    socket.removeAllListeners();
  }
  socket.destroy();
}
