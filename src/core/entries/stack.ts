// The TCP/IP stack as a module: README.md says what each export does.

export { heapBase } from '../arena';
export { copiedBytes } from '../copy';
export { nextEvent } from '../events';
export { framesOwnedBy, recycle } from '../frames';
export { attachRings, configure, controlBlock, nextDeadlineUs, turn } from '../stack';
export { udpClose, udpFrame, udpOpen, udpPort, udpReceive, udpSend } from '../udp';
