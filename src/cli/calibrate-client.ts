// The load of calibration's server run: a child process that asks on every connection, then reads every answer, over and over, straight over
// the kernel's calls, so that the server and not the client is the slower one. `node calibrate-client.js PORT ANSWERBYTES CONNECTIONS`.
// Prints how many answers it has, a line now and then. It measures nothing.

import { writeSync } from 'node:fs';
import { connectTcp, receive, send } from '../kernel/socket.js';
import { CopyReason, encodeText } from '../memory/copy.js';
import { Region } from '../memory/region.js';

const [port, answerBytes, connections] = process.argv.slice(2).map(Number) as [number, number, number];
const drainBytes = 256 * 1024;
const region = new Region(drainBytes + 4096);
const request = 'GET /payload.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const requestBytes = encodeText(CopyReason.encode, region.bytes, drainBytes, request);
const descriptors = Array.from({ length: connections }, () => connectTcp({ host: '127.0.0.1', port }));

let answers = 0;
let said = Date.now();
for (;;) {
  for (const fd of descriptors) {
    if (send(fd, region.address + drainBytes, requestBytes, 0) !== requestBytes) process.exit(1);
  }
  for (const fd of descriptors) {
    for (let left = answerBytes; left > 0; ) {
      const got = receive(fd, region.address, Math.min(drainBytes, left));
      if (got <= 0) process.exit(1);
      left -= got;
    }
    answers += 1;
  }
  if (Date.now() - said > 10) {
    said = Date.now();
    writeSync(1, `${answers}\n`);
  }
}
