// clearway/bypass: our own TCP/IP on a network device, past the kernel's, with the shape of Node's net. Not here: a path for imports from within (those name the
// files).

export type { BypassOptions } from './bypass-plan.js';
export { BypassSocket, type BypassSocketEvents, type DatagramSender } from './node-datagrams.js';
export {
  BypassNetwork,
  type BypassNetworkOptions,
  BypassServer,
  type BypassServerEvents,
  openBypass,
} from './node-net.js';
export type { StackStream } from './stack-stream.js';
