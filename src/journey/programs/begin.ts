// Which messages are followed: the choice made once, where a message begins. Then it is known by its flow and range of
// sequence numbers to every later point. One message at a time on each connection and direction.

import { type Assembler, fp, type Register, r0, r1, r2, r3, stack } from '../../bpf/assembler.js';
import type { ConnectionFilter } from '../connection-filter.js';
import { flowOffset, totalsOffset } from '../points.js';
import {
  at,
  emitIfMember,
  emitTotal,
  messageBytes,
  messageOffset,
  messageState,
  stackBelowImage,
} from './program-code.js';

/** What is followed, as the programs are written for it. */
export interface Choice {
  /** One message in so many, by chance: 1 takes each. */
  readonly sample: number;
  /** Only connections with this end. */
  readonly filter?: ConnectionFilter | undefined;
  /** Also keep the headers of packets (for pcapng). */
  readonly headers: boolean;
  /** Only what a process in `meter_members` sends or receives; left out: everything. */
  readonly members?: boolean | undefined;
}

/** After so long a connection that was of others is looked at again: a member may have been given its socket. */
const foreignNs = 1_000_000_000;

/** After so long a message that was never finished makes room for another. */
const stuckNs = 1_000_000_000;

const valueAt = stackBelowImage - 8 - messageBytes;
const begunAt = valueAt - 8;

/**
 * Makes the range in the image a message that is followed, on the flow in the image, with `journey` its number; goes to
 * `refused` where it is not chosen or the connection has one under way. Clobbers r0..r5.
 * @param sender whether the running task sends it
 */
export function emitBegin(a: Assembler, choice: Choice, sender: 'task' | 'elsewhere', refused: string): void {
  const fresh = a.uniqueLabel('fresh');
  const chosen = a.uniqueLabel('chosen');
  if (choice.filter !== undefined) emitFilter(a, choice.filter, chosen, refused);
  a.label(chosen);
  if (choice.members === true) emitRefuseForeign(a, sender, refused);
  emitTotal(a, totalsOffset.seen);
  if (choice.sample > 1) {
    a.call('get_prandom_u32', {}).jumpIf32(r0, '>=', Math.floor(2 ** 32 / choice.sample), refused);
  }
  a.call('ktime_get_ns', {}).store(8, fp, begunAt, r0);
  a.call('map_lookup_elem', { map: { map: 'journey_flows' }, key: stack(at('flow')) })
    .jumpIf(r0, '==', 0, fresh)
    .load(4, r1, r0, messageOffset.state)
    .jumpIf(r1, '!=', messageState.underWay, fresh)
    .load(8, r1, fp, begunAt)
    .load(8, r2, r0, messageOffset.begunNs)
    .sub(r1, r2)
    .jumpIf(r1, '>', stuckNs, fresh);
  emitTotal(a, totalsOffset.busy);
  a.jump(refused).label(fresh);
  emitNumber(a, r3);
  a.store(8, fp, at('journey'), r3)
    .store(8, fp, valueAt + messageOffset.journey, r3)
    .load(8, r1, fp, begunAt)
    .store(8, fp, valueAt + messageOffset.begunNs, r1)
    .load(4, r1, fp, at('start'))
    .store(4, fp, valueAt + messageOffset.start, r1)
    .store(4, fp, valueAt + messageOffset.ready, r1)
    .load(4, r1, fp, at('end'))
    .store(4, fp, valueAt + messageOffset.end, r1)
    .store(4, fp, valueAt + messageOffset.state, messageState.underWay)
    .store(8, fp, valueAt + messageOffset.local, 0)
    .call('map_update_elem', {
      map: { map: 'journey_flows' },
      key: stack(at('flow')),
      value: stack(valueAt),
      flags: 0,
    });
  emitTotal(a, totalsOffset.begun);
}

/**
 * Goes to `refused` where the message before on this flow was of others and is not long ago. Who will read is not known yet, so
 * the first of a connection is followed; without this, what others send would fill the ring. Clobbers r0..r5.
 */
function emitRefuseForeign(a: Assembler, sender: 'task' | 'elsewhere', refused: string): void {
  const ours = a.uniqueLabel('ours');
  if (sender === 'task') emitIfMember(a, begunAt, ours);
  a.call('map_lookup_elem', { map: { map: 'journey_flows' }, key: stack(at('flow')) })
    .jumpIf(r0, '==', 0, ours)
    .load(4, r1, r0, messageOffset.state)
    .jumpIf(r1, '!=', messageState.foreign, ours)
    .load(8, r1, r0, messageOffset.begunNs)
    .store(8, fp, begunAt, r1)
    .call('ktime_get_ns', {})
    .load(8, r1, fp, begunAt)
    .sub(r0, r1)
    .jumpIf(r0, '<=', foreignNs, refused)
    .label(ours);
}

/** The next journey's number, from 1 on. Clobbers r1. */
function emitNumber(a: Assembler, destination: Register): void {
  a.loadMapValue(r1, 'journey_totals', totalsOffset.nextJourney)
    .move(destination, 1)
    .atomic('add', 8, r1, 0, destination, true)
    .add(destination, 1);
}

/** Goes on at `chosen` where either end of the image's flow is the filter's. Clobbers r1, r2. */
function emitFilter(a: Assembler, filter: ConnectionFilter, chosen: string, refused: string): void {
  for (const [address, port] of [
    [flowOffset.source, flowOffset.sourcePort],
    [flowOffset.destination, flowOffset.destinationPort],
  ] as const) {
    const other = a.uniqueLabel('other_end');
    filter.address?.forEach((word, index) => {
      a.load(4, r1, fp, at('flow') + address + index * 4).jumpIf32(r1, '!=', word, other);
    });
    if (filter.port !== undefined) {
      a.load(2, r1, fp, at('flow') + port)
        .networkOrder(r1, 16)
        .jumpIf(r1, '!=', filter.port, other);
    }
    a.jump(chosen).label(other);
  }
  a.jump(refused);
}
