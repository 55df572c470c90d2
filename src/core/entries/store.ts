// The key-value store as a module: commands in, replies out. Who carries the bytes is the caller's business.

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
  nextClientEvent,
  storeConfigure,
  storeControl,
  storeTurn,
} from '../kv/store';
