// PostgreSQL in the field guide: rows one by one and a whole table by COPY, over TCP and over a unix socket. A cluster of its
// own in a temporary folder, on a port of its own, run by an ordinary user: PostgreSQL refuses to run as root.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath, startPinned, stopChild } from '../host/child.js';
import { freePort } from '../host/port.js';
import { type Address, askOnce, type Load } from './client.js';
import { untilReady } from './redis-subject.js';
import { PostgresReplies } from './replies.js';
import { connections, type NamedLoad, requestsFor, type Subject, type SubjectContext, sizeName } from './subject.js';

const debian = '/usr/lib/postgresql';
const user = 'guide';

/** Where a program of the server lies: on PATH, or where Debian keeps each version's own. */
function find(program: string): string | undefined {
  if (onPath(program)) return program;
  if (!existsSync(debian)) return undefined;
  const versions = readdirSync(debian).sort((left, right) => Number(right) - Number(left));
  return versions.map((version) => join(debian, version, 'bin', program)).find((path) => existsSync(path));
}

/** The ordinary user it runs as where we are root. */
function ordinaryUser(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return spawnSync('id', ['-u', 'postgres'], { stdio: 'ignore' }).status === 0 ? 'postgres' : 'nobody';
}

/** A command line run as that user, and ended with this process. */
function asOrdinaryUser(line: readonly string[]): string[] {
  const name = ordinaryUser();
  if (name === undefined) return [...line];
  const gid = String(spawnSync('id', ['-g', name], { encoding: 'utf8' }).stdout).trim();
  return ['setpriv', '--reuid', name, '--regid', gid, '--clear-groups', '--pdeathsig', 'TERM', '--', ...line];
}

/** A message: its type, its length with the length itself, its text with a 0 behind it. Type '' for the first message. */
function message(type: string, ...texts: string[]): Uint8Array {
  const body = texts.map((text) => `${text}\0`).join('');
  const length = String.fromCharCode(...[24, 16, 8, 0].map((shift) => ((body.length + 4) >> shift) & 255));
  return Uint8Array.from(`${type}${length}${body}`, (letter) => letter.charCodeAt(0));
}

/** StartupMessage of protocol 3.0: its version stands where others have no type. */
function startup(): Uint8Array {
  const body = `\0\x03\0\0${['user', user, 'database', 'postgres', ''].map((text) => `${text}\0`).join('')}`;
  const length = String.fromCharCode(0, 0, 0, body.length + 4);
  return Uint8Array.from(`${length}${body}`, (letter) => letter.charCodeAt(0));
}

const talk = {
  greeting: startup(),
  farewell: message('X'),
  replies: () => new PostgresReplies(),
} as const;

const rowBytes = 1000;
const tableRows = 4096;

function loadsOf(context: SubjectContext, addresses: Readonly<Record<string, Address>>): NamedLoad[] {
  const load = (name: string, address: Address, sql: string, contentBytes: number): NamedLoad => ({
    ...talk,
    ...{ name, address, connections, contentBytes },
    requests: requestsFor(context, contentBytes),
    request: message('Q', sql),
  });
  // COPY writes each row with a line feed behind it.
  const tableBytes = tableRows * (rowBytes + 1);
  return Object.entries(addresses).flatMap(([way, address]) => [
    load(`SELECT one row of ${sizeName(rowBytes)}, ${way}`, address, 'SELECT text FROM guide WHERE id = 7', rowBytes),
    load(`COPY ${tableRows} such rows TO STDOUT, ${way}`, address, 'COPY guide (text) TO STDOUT', tableBytes),
  ]);
}

function absence(): string | undefined {
  if (find('postgres') === undefined || find('initdb') === undefined) {
    return 'postgres is not here (Debian: apt-get install postgresql)';
  }
  return ordinaryUser() === undefined || onPath('setpriv') ? undefined : 'setpriv is not on PATH (util-linux)';
}

/** Makes the cluster. @throws with what initdb said. */
function initialise(data: string): void {
  const line = asOrdinaryUser([
    find('initdb')!,
    '-D',
    data,
    '-U',
    user,
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  const { status, stderr } = spawnSync(line[0]!, line.slice(1), { encoding: 'utf8', cwd: '/' });
  if (status !== 0) throw new Error(`initdb ended with ${status}: ${stderr.slice(-400)}`);
}

/** Gives a folder, and the way to it, to the user the server runs as. */
function handOver(folder: string): void {
  const name = ordinaryUser();
  if (name === undefined) return;
  chmodSync(dirname(folder), 0o755);
  spawnSync('chown', [name, folder]);
}

const settings = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  log_checkpoints: 'off',
  autovacuum: 'off',
  log_min_messages: 'fatal',
};

/** PostgreSQL with a table of its own. */
export const postgresSubject: Subject = {
  name: 'PostgreSQL',
  absence,
  async start(context) {
    const folder = context.scratchDirectory;
    handOver(folder);
    const data = join(folder, 'data');
    initialise(data);
    const port = await freePort();
    const options = { ...settings, port: String(port), unix_socket_directories: folder };
    const line = asOrdinaryUser([
      ...[find('postgres')!, '-D', data],
      ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    const child = startPinned({ cpus: undefined, niceness: 0 }, line[0]!, line.slice(1));
    child.stdout?.resume();
    child.stderr?.resume();
    const stop = () => {
      // Fast shutdown: SIGTERM would wait for clients.
      child.kill('SIGINT');
      return stopChild(child, 10_000);
    };
    const question = (sql: string): Omit<Load, 'connections' | 'requests'> => ({
      ...talk,
      address: { port },
      request: message('Q', sql),
    });
    try {
      await untilReady(question('SELECT 1'));
      const rows = `SELECT n, repeat('x', ${rowBytes}) FROM generate_series(1, ${tableRows}) AS n`;
      await askOnce(question(`CREATE TABLE guide (id integer PRIMARY KEY, text text); INSERT INTO guide ${rows}`));
    } catch (error) {
      await stop();
      throw error;
    }
    const server = ['-h', '127.0.0.1', '-p', String(port), '-U', user, 'postgres'];
    return {
      processId: child.pid!,
      loads: loadsOf(context, { TCP: { port }, 'unix socket': { path: join(folder, `.s.PGSQL.${port}`) } }),
      usual: {
        name: 'pgbench, select only',
        absence: () => (onPath('pgbench') ? undefined : 'pgbench is not on PATH (Debian: postgresql-contrib)'),
        prepare: ['pgbench', '-i', '-q', '-s', '1', ...server],
        command: ['pgbench', '-S', '-n', '-c', '4', '-t', '2000', ...server],
      },
      stop,
    };
  },
};
