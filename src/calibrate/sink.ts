// The other end of calibration's connections: a child process that connects to the port it is told and throws away what comes, into one
// buffer that it uses again and again. `node sink.js PORT`. It measures nothing.

import { connect } from 'node:net';

const drain = new Uint8Array(256 * 1024);

connect({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  onread: { buffer: drain, callback: () => true },
}).on('close', () => process.exit(0));
