// A peer of guests for TCP, run as `node tcp-peer.js PORT FILE TIMES` where the host's end of the network is: to each connection it sends
// the file so many times, and when the other side has ended it prints how much it got and a digest of it. It ends when both have: busybox's
// nc sends nothing more when the other side ends first.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

const [port, file, times] = process.argv.slice(2);
const data = readFileSync(file!);

async function send(socket: Socket): Promise<void> {
  const end = once(socket, 'end');
  for (let count = 0; count < Number(times) && socket.writable; count++) {
    if (!socket.write(data)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
  await end;
  socket.end();
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const digest = createHash('md5');
  let bytes = 0;
  socket.on('data', (chunk) => {
    digest.update(chunk);
    bytes += chunk.length;
  });
  socket.on('error', (error) => process.stdout.write(`failed: ${error.message}\n`));
  socket.on('end', () => process.stdout.write(`got ${bytes} ${digest.digest('hex')}\n`));
  send(socket).catch((error: Error) => process.stdout.write(`failed: ${error.message}\n`));
});
server.listen(Number(port), () => process.stdout.write('listens\n'));
