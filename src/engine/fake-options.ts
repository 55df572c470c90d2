// How a fake engine is made, and how it refuses what the interface does not allow. Not here: the engine (fake.ts).

import type { FaultScript } from './fake-world.js';

/** How to make a FakeEngine. */
export interface FakeOptions {
  /** Receive frames; default 16. */
  readonly frames?: number;
  /** Bytes of a frame; default 256. */
  readonly frameBytes?: number;
  /** What goes wrong; default nothing. */
  readonly script?: FaultScript;
  /** See Engine.sendsAtOnce; default false. */
  readonly sendsAtOnce?: boolean;
  /** Whether it has Engine.pairs; default true. */
  readonly pairs?: boolean;
  /** The bytes at an address; default those of this process's memory. */
  readonly memory?: (address: number, length: number) => Uint8Array;
}

/** What is not allowed by the interface was done; a defect of the caller. */
export class FakeContractError extends Error {
  override readonly name = 'FakeContractError';
}

/** Refuses. @throws FakeContractError */
export function wrong(message: string): never {
  throw new FakeContractError(message);
}
