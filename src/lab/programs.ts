// The packet programs of the experiments: what a firewall, a load balancer or an agent does to packets, reduced to the
// part that copies or does not. Each counts what it did itself, so that a run can show that it was on the path.

import {
  Assembler,
  type Assembly,
  fp,
  named,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
  r6,
  r7,
  r8,
  r9,
  stack,
} from '../bpf/assembler.js';
import type { MapSpec } from '../bpf/map.js';

/** The map every program counts in: packets treated, payload it made linear, header bytes it added. */
export const countersMap: MapSpec = { name: 'lab_counters', type: 'array', keyBytes: 4, valueBytes: 24, maxEntries: 1 };

/** Places of {@link countersMap}'s value. */
export const counterAt = { packets: 0, linearised: 8, headerBytes: 16 } as const;

/** __sk_buff (include/uapi/linux/bpf.h). */
const skb = { length: 0, protocol: 16, data: 76, dataEnd: 80 } as const;
const ipv4InNetworkOrder = 0x0008;
const tcpProtocol = 6;
const ethernetBytes = 14;
const nextProgram = -1;
const room = 12;

const context = named(r6, 'skb');

function count(a: Assembler, at: number, amount: Register | number): Assembler {
  return a.loadMapValue(r1, countersMap.name, at).move(r2, amount).atomic('add', 8, r1, 0, r2);
}

/** `destination` = bytes of the packet's linear part, from its Ethernet header on. */
function linearBytes(a: Assembler, destination: Register): Assembler {
  return a.load(4, r2, context, skb.data).load(4, destination, context, skb.dataEnd).sub(destination, r2);
}

/** Leaves anything but TCP over IPv4 alone. */
function onlyTcp(a: Assembler): Assembler {
  return a
    .move(context, r1)
    .load(4, r2, context, skb.protocol)
    .jumpIf(r2, '!=', ipv4InNetworkOrder, 'out')
    .load(4, r2, context, skb.data)
    .load(4, r3, context, skb.dataEnd)
    .move(r4, r2)
    .add(r4, ethernetBytes + 20)
    .jumpIf(r4, '>', r3, 'out')
    .load(1, r4, r2, ethernetBytes + 9)
    .jumpIf(r4, '!=', tcpProtocol, 'out');
}

/** bpf_skb_pull_data of the whole packet: the payload goes into the linear part, copied. Counts how much did. */
function pullAll(a: Assembler): Assembler {
  linearBytes(a, r8).load(4, r2, context, skb.length).call('skb_pull_data', { skb: context, length: r2 });
  return count(linearBytes(a, r9).sub(r9, r8), counterAt.linearised, r9);
}

const end = (a: Assembler): Assembly => a.label('out').exit(nextProgram).assemble();

/** tc: asks for every byte in the linear part, as programs do that search the payload. */
export function pullProgram(): Assembly {
  const a = count(onlyTcp(new Assembler()), counterAt.packets, 1);
  return end(pullAll(a));
}

/** tc: makes room of 20 bytes behind the IP header and takes it away again, as an encapsulating program does. */
export function adjustRoomProgram(): Assembly {
  const a = count(onlyTcp(new Assembler()), counterAt.packets, 1)
    .call('skb_adjust_room', { skb: context, difference: 20, mode: 0, flags: 0 })
    .jumpIf(r0, '!=', 0, 'out')
    .call('skb_adjust_room', { skb: context, difference: -20, mode: 0, flags: 0 });
  return end(a);
}

/**
 * tc: the firewall that adds 12 bytes to every header: IP options that do nothing (RFC 791, option 1). With
 * `linearise` it first pulls the whole packet, the careless way; without, it moves the header alone.
 */
export function firewallProgram(linearise: boolean): Assembly {
  const a = count(onlyTcp(new Assembler()), counterAt.packets, 1);
  if (linearise) pullAll(a);
  a.call('skb_adjust_room', { skb: context, difference: room, mode: 0, flags: 0 })
    .jumpIf(r0, '!=', 0, 'out')
    .load(4, r7, context, skb.data)
    .load(4, r3, context, skb.dataEnd)
    .move(r4, r7)
    .add(r4, ethernetBytes + 20 + room)
    .jumpIf(r4, '>', r3, 'out')
    .comment('version 4, eight words of header')
    .store(1, r7, ethernetBytes, 0x48)
    .load(2, r2, r7, ethernetBytes + 2)
    .networkOrder(r2, 16)
    .add(r2, room)
    .networkOrder(r2, 16)
    .store(2, r7, ethernetBytes + 2, r2)
    .comment('options that do nothing');
  for (let at = 0; at < room; at += 2) a.store(2, r7, ethernetBytes + 20 + at, 0x0101);
  a.comment('the header checksum, RFC 1071')
    .store(2, r7, ethernetBytes + 10, 0)
    .move(r4, 0);
  for (let at = 0; at < 20 + room; at += 2) a.load(2, r5, r7, ethernetBytes + at).add(r4, r5);
  for (let fold = 0; fold < 2; fold++) a.move(r5, r4).alu('rsh', r5, 16).and(r4, 0xffff).add(r4, r5);
  a.alu('xor', r4, 0xffff).store(2, r7, ethernetBytes + 10, r4);
  return end(count(a, counterAt.headerBytes, room));
}

const operation = { activeEstablished: 4, headerOptionLength: 14, writeHeaderOption: 15 } as const;
const writeHeaderOptions = 64;

/**
 * sockops: the firewall's 12 bytes as a TCP option (kind 253, RFC 6994) for which the kernel reserves room when it
 * builds the header, so that nothing is moved later.
 */
export function reservedOptionProgram(): Assembly {
  const a = new Assembler();
  const socket = named(r6, 'socket');
  a.move(socket, r1)
    .load(4, r7, socket, 0)
    .jumpIf(r7, '==', operation.activeEstablished, 'enable')
    .jumpIf(r7, '==', operation.headerOptionLength, 'reserve')
    .jumpIf(r7, '==', operation.writeHeaderOption, 'write')
    .exit(1)
    .label('enable')
    .call('sock_ops_cb_flags_set', { socket, flags: writeHeaderOptions })
    .exit(1)
    .label('reserve')
    .call('reserve_hdr_opt', { socket, length: room, flags: 0 })
    .exit(1)
    .label('write')
    .comment('kind 253, length 12, experiment 0xC1EA')
    .moveWide(r2, 0xeac1_0cfdn)
    .store(8, fp, -16, r2)
    .store(8, fp, -8, 0)
    .call('store_hdr_opt', { socket, from: stack(-16), length: room, flags: 0 })
    .jumpIf(r0, '!=', 0, 'done');
  count(a, counterAt.packets, 1);
  count(a, counterAt.headerBytes, room);
  return a.label('done').exit(1).assemble();
}

/** XDP: passes every packet, which the kernel must first lay out as the program may see it. */
export function passProgram(): Assembly {
  return count(new Assembler(), counterAt.packets, 1).exit(2).assemble();
}

/**
 * tc at the receiving end: counts payload that arrives in the linear part, where only what was copied on the way can
 * be: TCP leaves payload in pages. It copies nothing itself.
 */
export function arrivalProgram(): Assembly {
  const a = onlyTcp(new Assembler())
    .move(r7, r2)
    .move(r8, r3)
    .load(1, r9, r7, ethernetBytes)
    .and(r9, 15)
    .alu('lsh', r9, 2)
    .move(r4, r7)
    .add(r4, ethernetBytes)
    .add(r4, r9)
    .move(r5, r4)
    .add(r5, 20)
    .jumpIf(r5, '>', r8, 'out')
    .load(1, r5, r4, 12)
    .alu('rsh', r5, 4)
    .alu('lsh', r5, 2)
    .add(r9, r5)
    .add(r9, ethernetBytes)
    .sub(r8, r7)
    .jumpIf(r8, '<=', r9, 'none')
    .sub(r8, r9);
  count(a, counterAt.linearised, r8);
  a.label('none');
  return end(count(a, counterAt.packets, 1));
}
