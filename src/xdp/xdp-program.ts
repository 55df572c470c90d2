// The XDP programs that bring packets to sockets of AF_XDP, in two forms: everything that arrives on a queue that has a socket; or only what is for
// chosen addresses and ports. All else goes on to the kernel's own stack, and so does what is for a queue without a socket. Not here: attaching them,
// and choosing (xdp-attachment.ts).
//
// What the second form decides on purpose:
// - An address that is owned alone gets every packet of IPv4 or IPv6 to it, fragments, options, extension headers and ICMP included, and the questions
//   and answers of ARP and neighbour discovery that are for it.
// - An address that the kernel has too gets TCP and UDP to the chosen ports, and errors of ICMP that speak of packets from them. Fragments go to the
//   kernel, the first one too: only it can put them together. So does what has extension headers, and any other ICMP.
// - An answer of ARP to nobody's address (0.0.0.0, chosen as an address) is for whoever asked without one: so a stack asks that shares its address.
// - A frame with a tag of a VLAN is of another network than the device's: it goes to the kernel. Where a driver takes tags out of frames before XDP
//   sees them, it has to be told not to (ethtool -K DEVICE rxvlan off; on a veth txvlan off at its peer).

import { Assembler, type Assembly, fp, named, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 } from '../bpf/assembler.js';
import type { MapSpec } from '../bpf/map.js';
import { IPPROTO, XDP } from '../kernel/constants.js';

/** Maps of the programs: sockets by queue, and what was chosen. */
const xdpMaps = { sockets: 'sockets', chosen: 'chosen' } as const;

/** struct xdp_md (linux/bpf.h). */
const Context = { data: 0, dataEnd: 4, queue: 16 } as const;
/** Types of Ethernet, as the bytes come. */
const EtherType = { ip4: 0x0008, ip6: 0xdd86, arp: 0x0608 } as const;
const typeAt = 12;
const networkAt = 14;
const Ip4 = { bytes: 20, fragmentAt: 6, protocolAt: 9, sourceAt: 12, targetAt: 16 } as const;
const Ip6 = { bytes: 40, nextAt: 6, targetAt: 24 } as const;
/** More fragments, or an offset: as the bytes come. */
const fragmentBits = 0xff3f;
/** Of Ethernet and IPv4: the kind of the latter, the lengths of both addresses, as the bytes come; where the target's address is. */
const Arp = { bytes: 28, kindsAt: 2, kinds: 0x0406_0008, targetAt: 24 } as const;
/** Errors of ICMP: nobody there, too late, wrong; of ICMPv6: up to 4. A question of neighbour discovery, and its target. */
const Icmp = { headerBytes: 8, unreachable: 3, late: 11, wrong: 12 } as const;
const Icmp6 = { mostError: 4, question: 135, targetAt: 8, targetBytes: 16 } as const;

/** A key of what was chosen: an address of IPv6 (IPv4 within it), a port as its bytes come, a protocol, 0; all but the address 0: all of it. */
export const chosenKeyBytes = 20;
/** On the stack, at a place that words of 8 bytes may have. */
const keyAt = -24;
const portAt = keyAt + 16;

const context = named(r6, 'context');
const data = named(r7, 'data');
const end = named(r8, 'end');
const header = named(r9, 'header');

/** The specification of the map of chosen addresses and ports. */
export const chosenMap: MapSpec = {
  name: xdpMaps.chosen,
  type: 'hash',
  keyBytes: chosenKeyBytes,
  valueBytes: 4,
  maxEntries: 65_536,
};

/** That of sockets, of so many queues. */
export const socketsMap = (queues: number): MapSpec => ({
  name: xdpMaps.sockets,
  type: 'xskmap',
  keyBytes: 4,
  valueBytes: 4,
  maxEntries: queues,
});

/** Brings the packet to the socket of its queue; without one it goes on. */
function bring(code: Assembler): Assembler {
  return code
    .load(4, r2, context, Context.queue)
    .call('redirect_map', { map: { map: xdpMaps.sockets }, key: r2, flags: XDP.PASS })
    .exit();
}

/** See the file's head: everything that arrives. */
export function takeEverything(): Assembly {
  return bring(new Assembler().move(context, r1)).assemble();
}

/** Goes on only where `bytes` from `from` on are in the packet. r2 is lost. */
const mustHave = (code: Assembler, from: typeof data, bytes: number): Assembler =>
  code.move(r2, from).add(r2, bytes).jumpIf(r2, '>', end, 'pass');

/** Writes an address of IPv4, at an offset of a register's place, into the key. */
function putIp4(code: Assembler, from: typeof data, offset: number): Assembler {
  return code
    .load(4, r2, from, offset)
    .store(8, fp, keyAt, 0)
    .store(4, fp, keyAt + 8, 0xffff_0000 | 0)
    .store(4, fp, keyAt + 12, r2);
}

/** As {@link putIp4}, of IPv6. */
function putIp6(code: Assembler, from: typeof data, offset: number): Assembler {
  for (let word = 0; word < 16; word += 4) code.load(4, r2, from, offset + word).store(4, fp, keyAt + word, r2);
  return code;
}

/** Takes the packet if the key was chosen. */
const lookUp = (code: Assembler): Assembler =>
  code.call('map_lookup_elem', { map: { map: xdpMaps.chosen }, key: { stack: keyAt } }).jumpIf(r0, '!=', 0, 'take');

/** Takes the packet if all of the key's address was chosen. */
const lookUpAddress = (code: Assembler): Assembler => lookUp(code.store(4, fp, portAt, 0));

/** Takes the packet if the port, at an offset of a register's place, and the protocol in r5 were chosen. */
const lookUpPort = (code: Assembler, from: typeof data, offset: number): Assembler =>
  lookUp(
    code
      .load(2, r2, from, offset)
      .store(2, fp, portAt, r2)
      .store(2, fp, portAt + 2, r5),
  );

/** `header` goes on behind one of IPv4 whose first byte is in r4. */
const skipIp4 = (code: Assembler): Assembler => code.and(r4, 15).alu('lsh', r4, 2).add(header, r4);

/** Goes to `label` unless r5 is TCP or UDP. */
const mustHavePorts = (code: Assembler, label: string): Assembler => {
  const has = code.uniqueLabel('has_ports');
  return code.jumpIf(r5, '==', IPPROTO.TCP, has).jumpIf(r5, '!=', IPPROTO.UDP, label).label(has);
};

/** A packet of IPv4. */
function takeIp4(code: Assembler): void {
  mustHave(code.label('ip4'), data, networkAt + Ip4.bytes);
  lookUpAddress(putIp4(code, data, networkAt + Ip4.targetAt));
  code
    .load(2, r2, data, networkAt + Ip4.fragmentAt)
    .and(r2, fragmentBits)
    .jumpIf(r2, '!=', 0, 'pass');
  code.load(1, r5, data, networkAt + Ip4.protocolAt).load(1, r4, data, networkAt);
  skipIp4(code.move(header, data).add(header, networkAt));
  mustHave(code, header, 4);
  mustHavePorts(code, 'ip4_icmp');
  lookUpPort(code, header, 2).jump('pass');

  // An error of ICMP holds the beginning of the packet that it speaks of, which is one from here.
  code.label('ip4_icmp').jumpIf(r5, '!=', IPPROTO.ICMP, 'pass');
  mustHave(code, header, Icmp.headerBytes + Ip4.bytes);
  code
    .load(1, r3, header, 0)
    .jumpIf(r3, '==', Icmp.unreachable, 'ip4_error')
    .jumpIf(r3, '==', Icmp.late, 'ip4_error')
    .jumpIf(r3, '!=', Icmp.wrong, 'pass')
    .label('ip4_error')
    .add(header, Icmp.headerBytes)
    .load(2, r2, header, Ip4.fragmentAt)
    .and(r2, fragmentBits & ~0x20)
    .jumpIf(r2, '!=', 0, 'pass')
    .load(1, r5, header, Ip4.protocolAt)
    .load(1, r4, header, 0);
  mustHavePorts(code, 'pass');
  skipIp4(code);
  mustHave(code, header, 4);
  lookUpPort(code, header, 0).jump('pass');
}

/** A packet of IPv6. */
function takeIp6(code: Assembler): void {
  const transportAt = networkAt + Ip6.bytes;
  mustHave(code.label('ip6'), data, transportAt);
  lookUpAddress(putIp6(code, data, networkAt + Ip6.targetAt));
  code.load(1, r5, data, networkAt + Ip6.nextAt);
  mustHave(code, data, transportAt + Icmp.headerBytes);
  mustHavePorts(code, 'ip6_icmp');
  lookUpPort(code, data, transportAt + 2).jump('pass');

  code.label('ip6_icmp').jumpIf(r5, '!=', IPPROTO.ICMPV6, 'pass').load(1, r3, data, transportAt);
  code.jumpIf(r3, '==', Icmp6.question, 'ip6_question').jumpIf(r3, '>', Icmp6.mostError, 'pass');
  const innerAt = transportAt + Icmp.headerBytes;
  mustHave(code, data, innerAt + Ip6.bytes + 4);
  code.load(1, r5, data, innerAt + Ip6.nextAt);
  mustHavePorts(code, 'pass');
  lookUpPort(code, data, innerAt + Ip6.bytes).jump('pass');

  code.label('ip6_question');
  mustHave(code, data, transportAt + Icmp6.targetAt + Icmp6.targetBytes);
  lookUpAddress(putIp6(code, data, transportAt + Icmp6.targetAt)).jump('pass');
}

/** See the file's head: what is for chosen addresses and ports. */
export function takeChosen(): Assembly {
  const code = new Assembler()
    .move(context, r1)
    .load(4, data, context, Context.data)
    .load(4, end, context, Context.dataEnd);
  mustHave(code, data, networkAt)
    .load(2, r5, data, typeAt)
    .jumpIf(r5, '==', EtherType.ip4, 'ip4')
    .jumpIf(r5, '==', EtherType.ip6, 'ip6')
    .jumpIf(r5, '!=', EtherType.arp, 'pass');
  mustHave(code, data, networkAt + Arp.bytes)
    .load(4, r2, data, networkAt + Arp.kindsAt)
    .jumpIf(r2, '!=', Arp.kinds, 'pass');
  lookUpAddress(putIp4(code, data, networkAt + Arp.targetAt)).jump('pass');
  takeIp4(code);
  takeIp6(code);
  bring(code.label('take'));
  return code.label('pass').exit(XDP.PASS).assemble();
}
