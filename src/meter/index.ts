// The copy meter as a library: what the rest of the package uses of this folder. See docs/meter.md.

export { RefusedError } from '../bpf/refusals.js';
export {
  type AccountRow,
  addCounters,
  type Counters,
  type Shortfall,
  type Summary,
  subtractCounters,
  summarise,
} from './accounts/accounts.js';
export {
  type Cause,
  type CauseName,
  causeNames,
  causes,
  type Movement,
  type Side,
  type Tier,
  tierSees,
} from './accounts/causes.js';
export type { SocketRow } from './accounts/socket-accounts.js';
export { createMeter, type Meter, type MeterOptions, type Reading } from './meter.js';
export { refusalSentence } from './refusal.js';
export { type Scope, ScopeError } from './scope.js';
export { type Mismatch, type SelfTest, SelfTestError } from './self-test.js';
