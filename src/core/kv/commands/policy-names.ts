// The eviction policies by the names that Redis gives them.

import { argumentIs } from '../../resp/arguments';

/** The name of a policy. */
export function policyName(policy: u32): string {
  switch (policy) {
    case 1:
      return 'allkeys-lru';
    case 2:
      return 'allkeys-lfu';
    case 3:
      return 'allkeys-random';
    case 4:
      return 'volatile-lru';
    case 5:
      return 'volatile-lfu';
    case 6:
      return 'volatile-random';
    case 7:
      return 'volatile-ttl';
    default:
      return 'noeviction';
  }
}

/** The policy that an argument names; -1: none. */
export function policyArgument(index: u32): i32 {
  for (let policy = 0; policy < 8; policy++) {
    if (argumentIs(index, policyName(policy))) return policy;
  }
  return -1;
}
