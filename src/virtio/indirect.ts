// Indirect tables (sections 2.7.5.3 and 2.8.7): descriptors that lie elsewhere in the driver's memory. Each word is read once.

import { Access } from '../memory/domain.js';
import type { Chain } from './chain.js';
import { Descriptor, descriptorBytes, type QueueDomain } from './queue.js';

/** A table's beginning and length, of which a chain says where it is. */
interface Table {
  readonly high: number;
  readonly low: number;
  readonly length: number;
}

/** The window on a table; undefined: it is of no use, and the chain says why. */
function tableOf(chain: Chain, domain: QueueDomain, { high, low, length }: Table) {
  if (length === 0 || length % descriptorBytes !== 0) {
    chain.refuse('indirect length');
    return undefined;
  }
  // No chain has more entries than the queue (section 2.7.5.3.1): nor is more gathered of a table over a seam of the driver's memory.
  if (length / descriptorBytes > chain.lengths.length) {
    chain.refuse('too long');
    return undefined;
  }
  const window = domain.window(high, low, length, Access.read);
  if (window === undefined) {
    chain.refuse('indirect outside');
    chain.tableHigh = high;
    chain.tableLow = low;
    chain.tableLength = length;
  }
  return window;
}

/** Adds the chain of a split queue's table: entries that name the next one. Bounded by the room of `chain`. */
export function addSplitTable(chain: Chain, domain: QueueDomain, table: Table): boolean {
  const window = tableOf(chain, domain, table);
  if (window === undefined) return false;
  const { data, at } = window;
  const entries = table.length / descriptorBytes;
  for (let index = 0, steps = 0; ; steps++) {
    if (steps === entries) return chain.refuse('too long');
    const place = at + index * descriptorBytes;
    const flags = data.getUint16(place + 12, true);
    if ((flags & Descriptor.indirect) !== 0) return chain.refuse('indirect nested');
    const [low, high] = [data.getUint32(place, true), data.getUint32(place + 4, true)];
    if (!chain.add(high, low, data.getUint32(place + 8, true), (flags & Descriptor.write) !== 0)) return false;
    if ((flags & Descriptor.next) === 0) return true;
    index = data.getUint16(place + 14, true);
    if (index >= entries) return chain.refuse('next outside');
  }
}

/** Adds all entries of a packed queue's table, in order. Bounded by the room of `chain`. */
export function addPackedTable(chain: Chain, domain: QueueDomain, table: Table): boolean {
  const window = tableOf(chain, domain, table);
  if (window === undefined) return false;
  const { data, at } = window;
  for (let place = at; place < at + table.length; place += descriptorBytes) {
    const flags = data.getUint16(place + 14, true);
    if ((flags & Descriptor.indirect) !== 0) return chain.refuse('indirect nested');
    const [low, high] = [data.getUint32(place, true), data.getUint32(place + 4, true)];
    if (!chain.add(high, low, data.getUint32(place + 8, true), (flags & Descriptor.write) !== 0)) return false;
  }
  return true;
}
