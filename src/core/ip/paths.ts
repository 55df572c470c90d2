// How large a packet may be on the way to an address.

import { Setting } from '../control';
import { setting } from '../figures';

/** Bytes that an IP packet to an address may have. */
export function pathMtu(_remote: usize): u32 {
  return setting(Setting.mtu);
}
