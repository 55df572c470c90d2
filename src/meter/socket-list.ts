// The open sockets that have an account, by the best iterator that this kernel allows. Not here: what is kept by socket,
// and what an iterator writes (accounts/socket-accounts.ts).

import { statSync } from 'node:fs';
import { Btf } from '../bpf/btf.js';
import { attachIterator, type Link, readIterator } from '../bpf/link.js';
import type { BpfMap } from '../bpf/map.js';
import { BpfProgram } from '../bpf/program.js';
import { RefusedError } from '../bpf/refusals.js';
import { inNetworkNamespace } from '../kernel/namespace.js';
import {
  decodeSockets,
  type SocketRow,
  type SocketWalk,
  socketListProgram,
  socketWalks,
} from './accounts/socket-accounts.js';

function openWalk(map: BpfMap, over: SocketWalk): Link {
  const program = BpfProgram.load(socketListProgram(Btf.kernel(), over), { meter_sockets: map });
  try {
    return attachIterator(program, over === 'storage' ? map : undefined);
  } finally {
    program.close();
  }
}

/** Opens all of them or none. @throws RefusedError */
function openWalks(map: BpfMap, walks: readonly SocketWalk[]): Link[] {
  const links: Link[] = [];
  try {
    for (const over of walks) links.push(openWalk(map, over));
    return links;
  } catch (error) {
    for (const link of links) link.detach();
    throw error;
  }
}

/** Does something in each network namespace that one of the processes is in. @throws SystemError EPERM */
function inNamespacesOf(processes: Iterable<number>, act: () => void): void {
  const visited = new Set([statSync('/proc/thread-self/ns/net').ino]);
  act();
  for (const id of processes) {
    const path = `/proc/${id}/ns/net`;
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    if (inode === undefined || visited.has(inode)) continue;
    try {
      inNetworkNamespace(path, act);
      visited.add(inode);
    } catch (error) {
      // It ended meanwhile; another process may be in the same namespace.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Lists the sockets with an account. Some kernels refuse the iterators over what maps keep, some also those that find a socket through its file. */
export class SocketList {
  private readonly links: readonly Link[];
  private readonly byNamespace: boolean;

  private constructor(links: readonly Link[], byNamespace: boolean) {
    this.links = links;
    this.byNamespace = byNamespace;
  }

  /** @throws RefusedError where all ways are refused: why the last was */
  static open(map: BpfMap): SocketList {
    for (let way = 0; ; way++) {
      const walks = socketWalks[way]!;
      try {
        return new SocketList(openWalks(map, walks), walks.includes('tcp'));
      } catch (error) {
        if (!(error instanceof RefusedError) || way === socketWalks.length - 1) throw error;
      }
    }
  }

  /** A row for each open socket that one of these processes used last. @throws SystemError */
  read(processes: ReadonlySet<number>): SocketRow[] {
    const parts: SocketRow[][] = [];
    const seen = new Set<bigint>();
    const readAll = () => {
      for (const link of this.links) parts.push(decodeSockets(readIterator(link), seen));
    };
    if (this.byNamespace) inNamespacesOf(processes, readAll);
    else readAll();
    return parts.flat().filter((row) => processes.has(row.processId));
  }

  /** Detaches the iterators. */
  close(): void {
    for (const link of this.links) link.detach();
  }
}
