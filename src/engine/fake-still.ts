// What the fake engine answers without a script: nobody's address, no pace, nothing that would have to be handed over; and its pairs of sends. Not here: what a test decides (fake.ts).

import type { SocketAddress } from '../kernel/socket.js';
import { FakePairs } from './fake-pairs.js';

/** See the file's head. */
export abstract class FakeStillCalls {
  readonly pairs: FakePairs | undefined;

  constructor(hasPairs: boolean) {
    this.pairs = hasPairs ? new FakePairs(this) : undefined;
  }

  abstract sendNow(fd: number, address: number, length: number, flags: number): number;
  abstract sendFile(fd: number, file: number, offset: number, length: number): number;

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
