// The kernel's constants in one import, grouped by facility (`IORING_OP.SEND` is IORING_OP_SEND, `EPOLL.IN` is EPOLLIN).
// It only gathers: the values stand in the files beside it, and structure layouts in layouts.ts.

export * from './constants-file.js';
export * from './constants-process.js';
export * from './constants-socket.js';
export * from './constants-sound.js';
export * from './constants-uring.js';
export * from './constants-xdp.js';
