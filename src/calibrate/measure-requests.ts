// What a request over TCP costs `clearway serve` on a veth pair, through the kernel's sockets and past them: two servers in a namespace of their own, a load (client.ts) in another,
// which keeps one of them busy at a time. The server's processor time is that of /proc. Not here: what that means for the model (fit-requests.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setChecksumOffload } from '../kernel/ethtool.js';
import { coded } from '../text/coded.js';
import type { Look } from './client.js';
import { bringUp, makeVeth, newNamespace, within } from './namespaces.js';
import type { RequestPoint, RequestWay } from './request-series.js';
import { compileMs, costOf, endServers, fileOf, forkLoad, type RunningServer, runLoad } from './serve.js';

const port = 8080;
/** Devices of the servers' namespace and of the load's, and networks: one of each way. */
const places = {
  socket: { near: 'socket', far: 'far0', host: '10.88.0.2', net: '10.88.0' },
  bypass: { near: 'bypass', far: 'far1', host: '10.88.1.3', net: '10.88.1' },
} as const;
const startMs = 60_000;
const forMs = 60;

/** See the file's head. */
export class RequestRig {
  readonly #folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
  readonly #namespaces: number[] = [];
  readonly #servers = new Map<RequestWay, Promise<RunningServer>>();
  #client: ChildProcess | undefined;

  private constructor() {
    try {
      for (let end = 0; end < 2; end++) this.#namespaces.push(newNamespace());
      const [servers, load] = this.#namespaces as [number, number];
      for (const { near, far, net } of Object.values(places)) {
        within(servers, () => {
          makeVeth(near, far, load);
          bringUp(near, `${net}.2/24`);
        });
        within(load, () => {
          bringUp(far, `${net}.1/24`);
          // As over a wire: who sends makes whole checksums.
          setChecksumOffload(far, false);
        });
      }
    } catch (error) {
      rmSync(this.#folder, { recursive: true });
      for (const namespace of this.#namespaces) closeSync(namespace);
      throw error;
    }
  }

  /** Makes one; undefined where this user or this host may not have it. */
  static open(): RequestRig | undefined {
    try {
      return new RequestRig();
    } catch {
      return undefined;
    }
  }

  #start(way: RequestWay): Promise<RunningServer> {
    const { near, host } = places[way];
    const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
    const where = way === 'socket' ? ['--host', host] : ['--bypass', near, '--bypass-address', `${host}/24`];
    const words = ['serve', this.#folder, '--workers', '1', '--port', `${port}`, '--idle-timeout', '10m', ...where];
    const command = [main, ...words];
    const child = within(this.#namespaces[0]!, () =>
      spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    return new Promise((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
      const listen = (part: unknown): void => {
        said += String(part);
        if (!/^clearway serves /m.test(said)) return;
        clearTimeout(timer);
        resolve({ child, port, isWarm: false });
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      // Not at its exit: its words may come after that.
      child.on('close', () => {
        clearTimeout(timer);
        reject(
          coded('CLEARWAY_CALIBRATE', new Error(`a server of the calibration did not begin: ${said.slice(-400)}`)),
        );
      });
    });
  }

  #server(way: RequestWay): Promise<RunningServer> {
    const known = this.#servers.get(way) ?? this.#start(way);
    this.#servers.set(way, known);
    return known;
  }

  /** Processor nanoseconds of the server a request. @throws Error where a server cannot be had, or does not answer */
  async measure({ way, bytes, connections }: RequestPoint): Promise<number> {
    const server = await this.#server(way);
    const load = {
      host: places[way].host,
      port,
      path: fileOf(this.#folder, bytes),
      connections,
      pid: server.child.pid!,
    };
    this.#client ??= within(this.#namespaces[1]!, forkLoad);
    const client = this.#client;
    const look = (lookMs: number[]): Promise<Look[]> => runLoad(client, { ...load, lookMs });
    if (!server.isWarm) await look([compileMs]);
    server.isWarm = true;
    return (await costOf(look, forMs)).nsPerRequest;
  }

  /** Ends load and servers; the namespaces go with what was open in them. */
  async close(): Promise<void> {
    this.#client?.kill();
    await endServers(this.#servers.values());
    for (const namespace of this.#namespaces) closeSync(namespace);
    rmSync(this.#folder, { recursive: true });
  }
}
