// The stack and the key-value store in one module, the store as the application of the stack: README.md says what each export does.

export { heapBase } from '../arena';
export { copiedBytes } from '../copy';
export { framesOwnedBy } from '../frames';
export { noteSaved as snapshotSaved, takeAsked as storeRequests } from '../kv/requests';
export { snapshotBegin, snapshotEnd, snapshotMore } from '../kv/snapshot';
export {
  clientClose,
  clientFeed,
  clientOpen,
  clientOutput,
  clientSent,
  clientState,
  clientTrust,
  storeControl,
  storeTurn,
} from '../kv/store';
export { accepted, filledBytes, refused } from '../kv-stack/serve';
export {
  configure,
  endClients,
  linkCount,
  listen,
  nextDeadlineUs,
  stopListening,
  turn,
} from '../kv-stack/stack';
export { isWayKnown } from '../neighbour';
export { attachRings, controlBlock } from '../stack';
export { endsUnheard } from '../tcp/states';
