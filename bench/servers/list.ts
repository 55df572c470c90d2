// All peers of the benchmark, in the order in which the table shows them.

import { clearwayPeer } from './clearway.js';
import { floorPeers } from './floor.js';
import { nginxPeers } from './nginx.js';
import type { Peer } from './peer.js';
import { scriptPeers } from './scripts.js';

/** The peer that the ratios of the table are against. */
export const referenceName = 'nginx';

/** Every peer. */
export const peers: readonly Peer[] = [
  clearwayPeer('uring'),
  clearwayPeer('epoll'),
  ...nginxPeers,
  ...floorPeers,
  ...scriptPeers,
];

/** The peers of the given names, all when none is given. @throws naming the known ones when a name is not. */
export function selectPeers(names: readonly string[] | undefined): readonly Peer[] {
  if (!names) return peers;
  return names.map((name) => {
    const peer = peers.find((candidate) => candidate.name === name);
    if (!peer) throw new Error(`no peer is called ${name}; there are ${peers.map((known) => known.name).join(', ')}`);
    return peer;
  });
}

/** The servers of others that are here, with their versions. */
export function peerVersions(): string {
  const versions = peers.map((peer) => peer.version?.());
  return [...new Set(versions.filter((version) => version !== undefined))].join(', ');
}
