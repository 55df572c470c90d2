// The key-value store as a module: commands in, replies out. Who carries the bytes is the caller's business.

export { heapBase } from '../arena';
export { noteSaved as snapshotSaved, takeAsked as storeRequests } from '../kv/requests';
export { snapshotBegin, snapshotEnd, snapshotMore } from '../kv/snapshot';
export {
  clientClose,
  clientFeed,
  clientOpen,
  clientOutput,
  clientOutputBytes,
  clientPeer,
  clientPieces,
  clientSent,
  clientState,
  clientTrust,
  nextClientEvent,
  storeConfigure,
  storeControl,
  storeTurn,
} from '../kv/store';
