// Which options of `clearway kv` go together: one that would have no effect is refused, so that nobody believes that it has one. Not here: their values (kv.ts).

import { UsageError } from './kit/usage.js';

/** What a guest's card may be joined to. */
export const vmLinks = ['tap', 'xdp', 'vhost-user'] as const;
const vmAddresses = ['vm-address', 'vm-gateway'] as const;
const bypassOptions = ['bypass', 'bypass-address', 'bypass-gateway', 'bypass-poll'] as const;
/** What Node's sockets have no counterpart of. */
const ofLinux = [
  ...['vm', ...vmLinks, ...vmAddresses, ...bypassOptions],
  ...['socket-mode', 'metrics', 'live', 'engine'],
] as const;

/** What was given, by its name. */
type Given = Readonly<Record<string, unknown>>;

const firstOf = (names: readonly string[], given: Given): string | undefined =>
  names.find((name) => given[name] !== undefined);

/** Whether the store is to be served past the kernel. */
export const isPastKernel = (given: Given): boolean => firstOf(bypassOptions, given) !== undefined;

/** Whether clients come by sockets of this host's, each of which takes an open file. */
export const hasSockets = (given: Given): boolean => !isPastKernel(given) && firstOf(vmLinks, given) === undefined;

/** Checks them. @param onLinux whether this host has Linux. @throws UsageError */
export function checkKvOptions(given: Given, onLinux: boolean): void {
  const foreign = onLinux ? undefined : firstOf(ofLinux, given);
  if (foreign !== undefined)
    throw new UsageError(`--${foreign} requires Linux: here the store is served over Node's sockets, so leave it out`);
  const forVm = firstOf([...vmLinks, ...vmAddresses], given);
  if (given['vm'] === undefined && forVm !== undefined) throw new UsageError(`--${forVm} is for --vm: give both`);
  if (given['vm'] !== undefined && isPastKernel(given))
    throw new UsageError('--vm and --bypass are two ways to serve: give one of them');
  const address = firstOf(vmAddresses, given);
  if (address !== undefined && firstOf(vmLinks, given) === undefined)
    throw new UsageError(`--${address} is the address of a network card: give --tap, --xdp or --vhost-user as well`);
  if (given['socket-mode'] !== undefined && given['socket'] === undefined)
    throw new UsageError('--socket-mode is given without --socket: it is the mode of its file');
}
