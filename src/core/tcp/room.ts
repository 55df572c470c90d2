// When the application is told that it may hand over more: once, after it was told that it may not, and when there is room for more than a trifle.

import { Setting, SocketEvent } from '../control';
import { setting } from '../figures';
import { Connection } from './connection';
import { sendAllowance } from './queue';
import { tell } from './states';

/** So many frames are worth an event, or half of what a connection may have. */
const worthFrames: u32 = 8;

/** Tells of room, if the application waits for it. */
export function announceRoom(c: Connection): void {
  if (!c.wantsRoom) return;
  const half = setting(Setting.sendFrames) >> 1;
  const worth = half < worthFrames ? half : worthFrames;
  const room = sendAllowance(c);
  if (room === 0 || (room < worth && c.sendFrames > 0)) return;
  c.wantsRoom = false;
  tell(c, SocketEvent.writable);
}
