// The stack, and with it what its lower half offers to TCP, as a module of its own: for the tests, which hold each side of the seam by itself.

export { sourceFor } from '../addresses';
export { heapBase } from '../arena';
export { copiedBytes } from '../copy';
export { forgetEvents, nextEvent, postEvent } from '../events';
export {
  frameForSegment,
  framesFree,
  framesOwnedBy,
  holdFrame,
  lendFrame,
  reclaimFrame,
  releaseFrame,
  unholdFrame,
} from '../frames';
export { ipOutput, segmentRoom } from '../ip/output';
export { pathMtu } from '../ip/paths';
export { attachRings, configure, controlBlock, nextDeadlineUs, turn } from '../stack';
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
  sendBytes,
  sendFrame,
  sendRoom,
  setOption,
  shutdown,
  unacknowledged,
} from '../tcp/sockets';
export { udpClose, udpFrame, udpOpen, udpPort, udpReceive, udpSend } from '../udp';
