// What the cards of guests are joined to, as `clearway vm` and `clearway kv --vm` are told it. Not here: what becomes of it (vmm/vm-service.ts).

import type { VmLink } from '../../vmm/vm-service.js';
import { UsageError } from './usage.js';

/** The options that say so. */
interface LinkValues {
  readonly tap?: string | undefined;
  readonly xdp?: string | undefined;
  readonly 'vhost-user'?: string | undefined;
}

/** Reads them. undefined: guests have no cards. @param guests how many there are. @throws UsageError where several are given */
export function linkOf(values: LinkValues, guests: number): VmLink | undefined {
  const { tap, xdp, 'vhost-user': vhostUser } = values;
  const given = [tap, xdp, vhostUser].filter((each) => each !== undefined);
  if (given.length > 1) throw new UsageError('--tap, --xdp and --vhost-user are three networks: give one of them');
  if (given.length === 0 && guests === 1) return undefined;
  if (vhostUser !== undefined && guests > 1)
    throw new UsageError('--vhost-user serves one guest: give each guest a command and a socket of its own');
  return { tap, xdp, vhostUser };
}
