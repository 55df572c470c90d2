// The load of calibration's server runs: a child process that keeps one request under way on every connection and polls for the answers. It
// never sleeps: a sleeping reader must be woken by the server, and on a virtual machine that wake-up costs the server more than the answer
// (rx.wake says how much); a load that is busy, as load generators at their limit are, makes no such difference from run to run.
// `node calibrate-client.js PORT PATH ANSWERBYTES CONNECTIONS`. Prints how many answers it has, a line now and then. It measures nothing.

import { writeSync } from 'node:fs';
import { EPOLL, EPOLL_CTL } from '../kernel/constants.js';
import { epollControl, epollCreate, epollDataWord, epollEventWords, epollWait } from '../kernel/epoll.js';
import { Errno } from '../kernel/errno.js';
import { connectTcp, receive, send, setNonBlocking } from '../kernel/socket.js';
import { CopyReason, encodeText } from '../memory/copy.js';
import { Region } from '../memory/region.js';

const [port, answerBytes, connections] = [process.argv[2], process.argv[4], process.argv[5]].map(Number) as [
  number,
  number,
  number,
];
const drainBytes = 256 * 1024;
const eventsAtOnce = 256;
const region = new Region(drainBytes + 4096);
const events = new Region(eventsAtOnce * epollEventWords * 4);
const words = new Int32Array(events.buffer);
const request = `GET /${process.argv[3]} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const requestBytes = encodeText(CopyReason.encode, region.bytes, drainBytes, request);
const epoll = epollCreate();
const left = new Float64Array(connections);

const descriptors = Array.from({ length: connections }, (_, index) => {
  const fd = connectTcp({ host: '127.0.0.1', port });
  setNonBlocking(fd, true);
  epollControl(epoll, EPOLL_CTL.ADD, fd, EPOLL.IN, index, 0);
  return fd;
});

function ask(index: number): void {
  left[index] = answerBytes;
  if (send(descriptors[index]!, region.address + drainBytes, requestBytes, 0) !== requestBytes) process.exit(1);
}

/** Reads what is there; true when that was the end of an answer. */
function read(index: number): boolean {
  for (;;) {
    const got = receive(descriptors[index]!, region.address, drainBytes);
    if (got === -Errno.EAGAIN) return false;
    if (got <= 0) process.exit(1);
    left[index]! -= got;
    if (left[index]! <= 0) return true;
    if (got < drainBytes) return false;
  }
}

for (let index = 0; index < connections; index += 1) ask(index);
let answers = 0;
let said = Date.now();
for (let turn = 0; ; turn += 1) {
  const ready = epollWait(epoll, events.address, eventsAtOnce, 0);
  for (let event = 0; event < ready; event += 1) {
    const index = words[event * epollEventWords + epollDataWord]!;
    if (!read(index)) continue;
    answers += 1;
    ask(index);
  }
  if (turn % 64 === 0 && Date.now() - said > 4) {
    said = Date.now();
    writeSync(1, `${answers}\n`);
  }
}
