// The TCP/IP stack as a module: README.md says what each export does.

export { heapBase } from '../arena';
export { copiedBytes } from '../copy';
export { nextEvent, nextSockets } from '../events';
export { framesOwnedBy } from '../frames';
export { hearAlso } from '../hear-also';
export { takeHeard } from '../heard';
export { isWayKnown } from '../neighbour';
export { attachRings, configure, controlBlock, nextDeadlineUs, turn } from '../stack';
export { deliverInto } from '../tcp/rows';
export {
  abort,
  accept,
  close,
  connect,
  dropFrame,
  frameForSend,
  listen,
  peerOf,
  pushSocket,
  receive,
  recycle,
  recycleMany,
  sendBytes,
  sendFrame,
  sendRoom,
  setOption,
  shutdown,
  unacknowledged,
} from '../tcp/sockets';
export { endsUnheard } from '../tcp/states';
export { deliver, keepRow } from '../tcp/unread';
export { udpClose, udpFrame, udpOpen, udpPort, udpReceive, udpSend } from '../udp';
