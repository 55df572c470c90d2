// Peers that are scripts of bench/peers: Node's http, express.static and sirv under this Node, and Bun.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../host/child.js';
import { commandPeer, type Peer, repositoryRoot } from './peer.js';

const peersDirectory = join(repositoryRoot, 'bench/peers');
const script = (name: string) => join(peersDirectory, name);
const mend = 'run: npm run bench:peers';

function needsPackage(name: string): () => string | undefined {
  return () => {
    const found = existsSync(join(peersDirectory, 'node_modules', name, 'package.json'));
    return found ? undefined : `${name} is not installed (${mend})`;
  };
}

/** Where Bun is: on PATH, or what npm installed; the package ships a stub of a few bytes until its install script has run. */
export function findBun(): string | undefined {
  if (onPath('bun')) return 'bun';
  const architecture = process.arch === 'arm64' ? 'aarch64' : process.arch;
  const candidates = [peersDirectory, repositoryRoot].flatMap((directory) => [
    join(directory, `node_modules/@oven/bun-linux-${architecture}/bin/bun`),
    join(directory, 'node_modules/bun/bin/bun.exe'),
  ]);
  return candidates.find((path) => existsSync(path) && statSync(path).size > 1_000_000);
}

const bunAbsence = () => (findBun() ? undefined : `bun is neither on PATH nor in bench/peers (${mend})`);

function bunPeer(mode: 'memory' | 'directory', refusal?: (fileName: string) => string | undefined): Peer {
  const command = (site: string, port: number) => [findBun()!, script('bun.mjs'), site, mode, String(port)];
  return { ...commandPeer(`bun-${mode}`, bunAbsence, command, refusal), version: bunVersion };
}

function bunVersion(): string | undefined {
  const bun = findBun();
  return bun && `Bun ${spawnSync(bun, ['--version'], { encoding: 'utf8' }).stdout.trim()}`;
}

const notInMemory = (fileName: string) => (fileName === '1GiB.bin' ? 'not held in memory: over 1 MiB' : undefined);

/** The scripted peers, in the order of the table. */
export const scriptPeers: readonly Peer[] = [
  bunPeer('memory', notInMemory),
  bunPeer('directory'),
  commandPeer(
    'node-http',
    () => undefined,
    (site) => [process.execPath, script('node-http.mjs'), site],
  ),
  commandPeer('express', needsPackage('express'), (site) => [process.execPath, script('express.mjs'), site]),
  commandPeer('sirv', needsPackage('sirv'), (site) => [process.execPath, script('sirv.mjs'), site]),
];
