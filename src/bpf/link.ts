// Links: a program attached to where it runs. A link is a descriptor; when the last one is closed, also by the death of
// the process, the kernel detaches the program. Nothing of ours outlives us unless it is pinned on purpose.

import { closeSync, openSync, readSync } from 'node:fs';
import { bpfClose, bpfIteratorCreate, bpfLinkCreate, bpfPin, bpfRawTracepointOpen } from '../kernel/bpf.js';
import { deviceState } from '../kernel/network-device.js';
import { check } from '../kernel/system-error.js';
import { wrongArgument } from '../text/coded.js';
import { Held } from './held.js';
import type { BpfMap } from './map.js';
import { type BpfProgram, programTypes } from './program.js';
import { refusal } from './refusals.js';

/** A program's attachment. */
export class Link extends Held {
  readonly program: BpfProgram;

  constructor(fd: number, program: BpfProgram) {
    super(fd, `the link of program ${program.source.name}`);
    this.program = program;
  }

  /** Detaches the program from this place (unless the link is pinned). Harmless when done twice. */
  detach(): void {
    this.end();
  }

  /** Keeps the link after this process under a path of a bpf file system. */
  pin(path: string): void {
    check(bpfPin(this.fd, path), 'bpf pin', path, 'the path must lie in a mounted bpf file system (/sys/fs/bpf)');
  }
}

function made(fd: number, program: BpfProgram, target: string): Link {
  if (fd < 0) throw refusal({ stage: 'attach', kind: program.source.type, target, errno: -fd });
  return new Link(fd, program);
}

/** Attaches a tp_btf, fentry, fexit or raw tracepoint program to its target. @throws RefusedError, named. */
export function attachTracing(program: BpfProgram): Link {
  const { type, target = '' } = program.source;
  const fd = bpfRawTracepointOpen(program.fd, type === 'raw_tracepoint' ? target : undefined);
  return made(fd, program, target);
}

/** A network interface's index by name, in this process's network namespace. @throws RangeError for an unknown name. */
export function interfaceIndex(name: string): number {
  const index = deviceState(name)?.index;
  if (index === undefined) throw wrongArgument(`there is no network interface "${name}" here (\`ip link\` lists them)`);
  return index;
}

/** Attaches a tc program to an interface's ingress or egress by tcx (6.6+). @throws RefusedError, named. */
export function attachTcx(program: BpfProgram, ifindex: number, direction: 'ingress' | 'egress'): Link {
  const fd = bpfLinkCreate({ programFd: program.fd, target: ifindex, attachType: direction === 'ingress' ? 46 : 47 });
  return made(fd, program, `${direction} of interface ${ifindex}`);
}

/** How XDP attaches: in the driver, in the generic path of the kernel, or as the kernel prefers. */
export type XdpMode = 'driver' | 'generic' | 'any';
const xdpFlags: Readonly<Record<XdpMode, number>> = { generic: 2, driver: 4, any: 0 };

/** Attaches an XDP program to an interface. @throws RefusedError, named. */
export function attachXdp(program: BpfProgram, ifindex: number, mode: XdpMode = 'any'): Link {
  const attachType = programTypes.xdp.attach;
  const fd = bpfLinkCreate({ programFd: program.fd, target: ifindex, attachType, flags: xdpFlags[mode] });
  return made(fd, program, `interface ${ifindex}`);
}

/** Attaches a sockops or cgroup program to a cgroup (v2) directory. @throws RefusedError, named. */
export function attachCgroup(program: BpfProgram, path: string): Link {
  const directory = openSync(path, 'r');
  try {
    const { attach } = programTypes[program.source.type];
    return made(bpfLinkCreate({ programFd: program.fd, target: directory, attachType: attach }), program, path);
  } finally {
    closeSync(directory);
  }
}

/** Makes an iterator of an `iter` program, over `map` for iterators of maps. It runs when read. @throws RefusedError */
export function attachIterator(program: BpfProgram, map?: BpfMap): Link {
  const target = map === undefined ? {} : { iteratorMapFd: map.fd };
  const fd = bpfLinkCreate({ programFd: program.fd, attachType: programTypes.iter.attach, ...target });
  return made(fd, program, program.source.target ?? '');
}

/** Runs an iterator from the start and gives everything its program wrote. @throws SystemError */
export function readIterator(link: Link): Uint8Array {
  const fd = check(bpfIteratorCreate(link.fd), 'bpf iterator', link.program.source.name);
  try {
    let bytes = new Uint8Array(64 * 1024);
    let length = 0;
    for (;;) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.subarray(0, length);
      length += count;
      if (length === bytes.length) bytes = doubled(bytes);
    }
  } finally {
    bpfClose(fd);
  }
}

/** A larger array with the same bytes at its start. */
function doubled(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  for (let index = 0; index < bytes.length; index++) larger[index] = bytes[index]!;
  return larger;
}
