// clearway/bypass: our own TCP/IP on a network device, past the kernel's, with the shape of Node's net and dgram. Not here: a path for imports from within (those name the
// files).

export type { BypassOptions } from './bypass-plan.js';
export {
  type BypassListenOptions,
  BypassServer,
  type BypassServerEvents,
  type BypassServerOptions,
} from './bypass-server.js';
export { LentBytes } from './lent.js';
export { NetworkError } from './node-errors.js';
export {
  type BypassConnectOptions,
  BypassNetwork,
  type BypassNetworkEvents,
  type BypassNetworkOptions,
  openBypass,
} from './node-net.js';
export type { StackStream, StackStreamOptions } from './stack-stream.js';
export type { TcpSettings } from './tcp-settings.js';
export {
  BorrowedDatagram,
  type BypassUdpEvents,
  type BypassUdpOptions,
  BypassUdpSocket,
  LentDatagram,
  type RemoteInfo,
} from './udp-socket.js';
