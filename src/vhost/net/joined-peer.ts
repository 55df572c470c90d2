// JoinedPeer: the other side of one device, as it is made and ended. Not here: what it does with packets (NetPeer in frame.ts).

import type { NetPeer } from './frame.js';
import type { NetDevice } from './net-device.js';

/** See the file's head. */
export interface JoinedPeer extends NetPeer {
  /** Joins the device, which needs its peer first. */
  join(device: NetDevice): void;
  /** Lets go of what it has. */
  close(): void;
}
