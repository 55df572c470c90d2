// The HTTP servers of the field guide: nginx, Node in the two ways most programs do it, and Clearway in both of its shapes.

import { fileURLToPath } from 'node:url';
import { parseWrk, wrkAbsence } from '../load/wrk.js';
import { clearwayPeer } from '../servers/clearway.js';
import { nginxWith } from '../servers/nginx.js';
import { commandPeer, type Peer, repositoryRoot } from '../servers/peer.js';
import { HttpReplies } from './replies.js';
import {
  connections,
  type NamedLoad,
  requestsFor,
  type Subject,
  type SubjectContext,
  siteFiles,
  sizeName,
} from './subject.js';

/** Any peer of the benchmark as a subject of the guide, under GETs of each file. */
function httpSubject(name: string, peer: Peer): Subject {
  return {
    name,
    absence: () => peer.absence(),
    async start(context) {
      const { scratchDirectory, siteDirectory } = context;
      const placing = { cpus: undefined, niceness: 0 };
      const running = await peer.start({ scratchDirectory, siteDirectory, placing });
      const url = new URL(running.origin);
      return {
        processId: running.pid,
        loads: loadsOf(context, url),
        usual: {
          name: 'wrk, GET 64 KiB',
          absence: wrkAbsence,
          command: wrkCommand(`${running.origin}/64KiB.bin`),
          receivedBytes: (stdout) => parseWrk(stdout).bytes,
        },
        stop: () => running.stop(),
      };
    },
  };
}

function loadsOf(context: SubjectContext, url: URL): NamedLoad[] {
  return Object.entries(siteFiles).map(([file, bytes]) => ({
    name: `GET ${sizeName(bytes)}`,
    address: { port: Number(url.port) },
    connections,
    requests: requestsFor(context, bytes),
    request: new TextEncoder().encode(`GET /${file} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`),
    contentBytes: bytes,
    replies: () => new HttpReplies(),
  }));
}

function wrkCommand(url: string): string[] {
  return ['wrk', '-t1', '-c4', '-d1s', '-s', `${repositoryRoot}bench/load/report.lua`, url];
}

const nodeServer = fileURLToPath(new URL('./node-server.js', import.meta.url));

function nodePeer(name: string, kind: string): Peer {
  return commandPeer(
    name,
    () => undefined,
    (site) => [process.execPath, nodeServer, site, kind],
  );
}

export const httpSubjects: readonly Subject[] = [
  httpSubject('nginx, sendfile on', nginxWith('nginx-on', '')),
  httpSubject('nginx, sendfile off', nginxWith('nginx-off', 'sendfile off;')),
  httpSubject('Node, createReadStream.pipe', nodePeer('node-pipe', 'pipe')),
  httpSubject('Node, readFile and end', nodePeer('node-end', 'end')),
  httpSubject('Node with clearway/node', nodePeer('node-clearway', 'clearway')),
  httpSubject('clearway serve (io_uring)', clearwayPeer('uring')),
  httpSubject('clearway serve (epoll)', clearwayPeer('epoll')),
];
