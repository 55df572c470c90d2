// What the fake engine answers without a script: nobody's address, no pace, nothing that would have to be handed over. Not here: what a test decides (fake.ts).

import type { SocketAddress } from '../kernel/socket.js';

/** See the file's head. */
export class FakeStillCalls {
  /** An address of nobody's: empty, as of a Unix socket. */
  peerAddress(_fd: number): SocketAddress {
    return { host: '', port: 0 };
  }

  /** Errors are the peer's. */
  isConnected(_fd: number): boolean {
    return false;
  }

  pace(_fd: number, _bytesPerSecond: number): void {}

  flush(): void {}
}
