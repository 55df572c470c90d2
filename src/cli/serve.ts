// `clearway serve`: options from the command line and a file, one line when it is ready, a clean end on signals.
// The server is loaded when the command line is read. The bundle has it in this command's file, where it is there from the begin
// (tools/bundle.mjs): --help waits some 25 ms for it, and no start for a second file.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ServeOptions } from '../serve/options.js';
import type { Server } from '../serve/server.js';
import { asWritten } from './kit/as-written.js';
import { readConfigFile } from './kit/config-file.js';
import { parseFlags } from './kit/flags.js';
import { optionalAddress } from './kit/optional-address.js';
import { plainSentence } from './kit/plain-sentence.js';
import { hasTerminal, onSignals, statusOfSignal } from './kit/signals.js';
import { dressed, printable } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import type { ServeDashboard } from './serve-dashboard.js';

const flags = {
  host: { type: 'string', multiple: true },
  port: { type: 'string', short: 'p' },
  socket: { type: 'string' },
  'socket-mode': { type: 'string' },
  bypass: { type: 'string' },
  'bypass-address': { type: 'string', multiple: true },
  'bypass-gateway': { type: 'string', multiple: true },
  'bypass-poll': { type: 'string' },
  workers: { type: 'string' },
  engine: { type: 'string' },
  base: { type: 'string' },
  index: { type: 'string' },
  listing: { type: 'boolean' },
  'clean-urls': { type: 'boolean' },
  spa: { type: 'boolean' },
  ssi: { type: 'string' },
  media: { type: 'boolean' },
  'media-stretches': { type: 'boolean' },
  dotfiles: { type: 'string' },
  'cache-control': { type: 'string' },
  cors: { type: 'boolean' },
  header: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  log: { type: 'string' },
  'log-file': { type: 'string' },
  metrics: { type: 'string' },
  meter: { type: 'boolean' },
  dashboard: { type: 'string' },
  'trust-proxy': { type: 'string', multiple: true },
  'proxy-protocol': { type: 'boolean' },
  'max-connections': { type: 'string' },
  'head-timeout': { type: 'string' },
  'idle-timeout': { type: 'string' },
  'min-rate': { type: 'string' },
  pace: { type: 'string' },
  pin: { type: 'string', multiple: true },
  'pin-memory': { type: 'string' },
  grace: { type: 'string' },
  'inline-limit': { type: 'string' },
  config: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const help = `Usage: clearway serve [DIR] [options]

Serves the files of DIR (default: the current directory) over HTTP/1.1.

  --host HOST             address or host name to listen on; repeatable (127.0.0.1: this host only; use :: for all addresses)
  -p, --port PORT         port to listen on; 0 takes any free one (8080)
  --socket PATH           listen on a Unix socket instead of a port (with --host or --port: on both); @NAME is an abstract socket
  --socket-mode MODE      permissions of the Unix socket (660: owner and group)
  --bypass INTERFACE      serve with Clearway's own TCP/IP on a network interface, past the kernel's (AF_XDP; requires root)
  --bypass-address ADDRESS/LENGTH  another address than the interface's, which no other host has: 10.0.0.2/24, fd00::2/64; repeatable
  --bypass-gateway ADDRESS  gateway to other networks (with the interface's address its default route; else none); repeatable
  --bypass-poll MICROSECONDS  time to look for packets before sleeping: less delay, more CPU (20)
  --workers auto|N        number of serving threads (auto: one for each core)
  --engine auto|uring|epoll  kernel interface for I/O (auto: io_uring where the kernel allows it, else epoll)
  --base PATH             serve the site beneath a path, such as /docs
  --index NAMES           index files of a directory, in order, with commas (index.html)
  --listing               list directories without an index
  --clean-urls            /about is about.html, where there is no file about
  --spa                   single-page application: answer unknown pages with the root's index.html
  --ssi on|off            process includes: SSI in .shtml, ESI in .esi (on)
  --media                 offer films (MP4, MOV) as HLS and DASH: /film.mp4/master.m3u8, a player at /film.mp4/; includes --cors
  --media-stretches       with --media: send video that lies among its sound in one piece, sound included (less CPU, a few more bytes, no CMAF)
  --dotfiles ignore|allow|deny  names that begin with a dot: answer 404, serve, answer 403 (ignore)
  --cache-control VALUE   Cache-Control of all files (no-cache; names with a content hash: immutable)
  --cors                  let any origin read the responses
  --header 'NAME: VALUE'  response header for every response; repeatable
  --header '/PATH NAME: VALUE'  response header for files by path (* matches any characters): '/assets/* Cache-Control: max-age=600'
  --type EXT=TYPE         media type of an extension, such as log=text/plain; * for names without a known type; repeatable
  --log none|combined|json  access log, on stdout unless --log-file is given (none)
  --log-file PATH         write the access log to a file (combined unless --log says otherwise); SIGUSR1 reopens it
  --metrics HOST:PORT     serve Prometheus metrics there, at /metrics (none)
  --meter                 add to the metrics what the kernel copied for this process, and why (requires root)
  --dashboard [HOST:PORT]  live page of what is copied (127.0.0.1, any free port); includes --meter
  --trust-proxy NETWORK   trusted proxies, whose X-Forwarded-For gives the client address in the log: 10.0.0.0/8, ::1, unix; repeatable
  --proxy-protocol        require a PROXY protocol header (version 1 or 2) on every connection
  --max-connections N     most open connections (three quarters of the open-file limit, at most 65536; for more that limit is raised)
  --head-timeout TIME     time in which a request's header must arrive (10s)
  --idle-timeout TIME     time after which an idle keep-alive connection is closed (60s)
  --min-rate SIZE         close connections that read fewer bytes a second; 0: never (256)
  --pace SIZE|auto        most bytes a second to each connection (no limit); auto (with --media): segments of films at 1.5 times the rate they are played at
  --pin PATH              keep files in locked memory and send them from there (* matches any characters): '/films/*.mp4'; repeatable
  --pin-memory SIZE       most memory for pinned files (1G)
  --grace TIME            time for open requests to finish when the server stops (10s)
  --inline-limit SIZE     send files up to this size from memory, larger ones by sendfile (32K, or as calibrated; at most 1M)
  --config FILE           options from a JSON file, such as {"port": 8080, "log": "json"}; the command line takes precedence
  -h, --help              print this help

Sockets passed by systemd (LISTEN_FDS) are used instead of a port, or as well as one if --host or --port is given.
Times: 500ms, 10s, 2m. Sizes: 512, 64K, 10M.
`;

function camelCase(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

type HeaderSet = Record<string, string | null>;

/** `--header '[/PATH ]NAME: VALUE'`, each time it is given, beside those of the file. @throws UsageError */
function readHeaders(lines: readonly string[], given: unknown): Record<string, unknown> {
  const headers: Record<string, unknown> = { ...(given as object | undefined) };
  for (const line of lines) {
    const [, path, name, value] = /^(?:(\/[^ ]*) +)?([^:/][^:]*):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError(`--header is ${JSON.stringify(line)}, and must be 'NAME: VALUE' or '/PATH NAME: VALUE'`);
    }
    if (path === undefined) headers[name] = value;
    else {
      const rule: HeaderSet = { ...(headers[path] as HeaderSet | undefined) };
      // Behind what the file says: later ones win.
      delete headers[path];
      rule[name] = value === '' ? null : value;
      headers[path] = rule;
    }
  }
  return headers;
}

/** `--type EXT=TYPE`, each time it is given. @throws UsageError */
function readTypes(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      if (at < 1)
        throw new UsageError(`--type is ${JSON.stringify(line)}, and must be EXT=TYPE, such as log=text/plain`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

/** A server for what the command line asks for, and where its dashboard listens, if it is wanted. */
interface Prepared {
  readonly server: Server;
  readonly dashboardAt: { readonly host: string; readonly port: number } | undefined;
}

/** A bad option that stood on the command line is named as it was written there: `--inline-limit`, not `inlineLimit`. */
function tellOption(message: string, option: string, args: readonly string[]): string {
  const flagOf = (
    option: string,
  ): [name: string, flag: { readonly type: string; readonly short?: string }] | undefined =>
    Object.entries(flags).find(([name]) => camelCase(name) === option);
  const [name, { short }] = flagOf(option) ?? ['', {}];
  const isIt = (arg: string): boolean =>
    arg === `--${name}` || arg.startsWith(`--${name}=`) || (short !== undefined && arg.startsWith(`-${short}`));
  if (name === '' || !args.some(isIt)) return message;
  return asWritten(message, (option) => (flagOf(option) === undefined ? undefined : `--${flagOf(option)![0]}`));
}

/** What the command was given. */
interface Given {
  /** None checked. */
  readonly options: Record<string, unknown>;
  /** Where an option stands in the configuration file, for the begin of a sentence; empty where it is not from there alone. */
  placeOf(option: string): string;
}

/** The options as they were given; undefined where help is wanted. @throws UsageError */
function readOptions(args: readonly string[]): Given | undefined {
  const parsed = parseFlags('serve', optionalAddress(args, '--dashboard'), flags, 1, 'serve takes one directory');
  const { config, help: wantsHelp, header, type, ...given } = parsed.values;
  if (wantsHelp === true) return undefined;
  const file = config === undefined ? undefined : readConfigFile(config);
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) written[camelCase(name)] = value;
  if (header !== undefined) written['headers'] = readHeaders(header, file?.options['headers']);
  if (type !== undefined) written['types'] = { ...(file?.options['types'] as object | undefined), ...readTypes(type) };
  if (parsed.positionals[0] !== undefined) written['root'] = parsed.positionals[0];
  const placeOf = (option: string): string => (Object.hasOwn(written, option) ? '' : (file?.placeOf(option) ?? ''));
  return { options: { ...file?.options, ...written }, placeOf };
}

/**
 * Whether these arguments of the command say what is served, in words or by their configuration file, so that no other directory is to be put
 * beside them. It is so of those that are refused, too: the command tells why.
 */
export function namesDirectory(args: readonly string[]): boolean {
  try {
    const given = readOptions(args);
    return given === undefined || given.options['root'] !== undefined;
  } catch {
    return true;
  }
}

/** Loads the server and makes it. @throws OptionError */
async function prepare({ dashboard, ...options }: Record<string, unknown>): Promise<Prepared> {
  const { createServer, giveFreedMemoryBack, parseHostPort } = await import('../serve/server.js');
  const { beginHere } = await import('../serve/begun-here.js');
  giveFreedMemoryBack();
  // Loaded only where sockets may have been passed.
  if (process.env['LISTEN_FDS'] !== undefined || process.env['LISTEN_PID'] !== undefined) {
    const { takePassedSockets } = await import('./kit/listen-fds.js');
    const passed = takePassedSockets();
    if (passed.note !== undefined) process.stderr.write(`clearway serve: ${passed.note}\n`);
    if (passed.fds.length > 0) options['listenFds'] = passed.fds;
  }
  const dashboardAt = parseHostPort('dashboard', dashboard);
  if (dashboardAt !== undefined) options['meter'] = 'sockets';
  const { media } = options as ServeOptions;
  const entry = media === true ? (await import('../media/serving/entry.js')).workerEntry({ media }) : undefined;
  return { server: createServer(options as ServeOptions, entry, beginHere), dashboardAt };
}

/** Runs the command. @returns the exit status: 0, 1 when it cannot run, 2 for a bad option. */
export async function run(args: string[]): Promise<number> {
  let prepared: Prepared;
  let given: Given | undefined;
  try {
    given = readOptions(args);
    if (given === undefined) {
      process.stdout.write(dressed(help, process.stdout));
      return 0;
    }
    prepared = await prepare(given.options);
  } catch (error) {
    const { code, message, option = '' } = error as NodeJS.ErrnoException & { readonly option?: string };
    const told = (given?.placeOf(option) ?? '') + tellOption(message, option, args);
    process.stderr.write(`clearway serve: ${plainSentence(error, told)}\n`);
    return code === 'CLEARWAY_OPTION' || code === 'CLEARWAY_USAGE' ? 2 : 1;
  }
  const { server, dashboardAt } = prepared;
  server.on('warning', (message) => void tell('stderr', `clearway serve: ${printable(message)}\n`));
  server.on('pinned', (files, bytes) => void tellPinned(files, bytes));
  let dashboard: ServeDashboard | undefined;
  try {
    await server.listen();
    if (dashboardAt !== undefined) {
      const { openServeDashboard } = await import('./serve-dashboard.js');
      dashboard = await openServeDashboard(server, dashboardAt);
    }
  } catch (error) {
    await server.close(0);
    process.stderr.write(`clearway serve: ${plainSentence(error)}\n`);
    return 1;
  }
  return serveUntilSignal(server, dashboard);
}

/** This thread serves: no reader is waited for. */
async function tell(stream: 'stdout' | 'stderr', text: string): Promise<void> {
  const { sayWhenTaken } = await import('./kit/say.js');
  sayWhenTaken(stream, text);
}

async function tellPinned(files: number, bytes: number): Promise<void> {
  const { formatBytes } = await import('../text/units.js');
  const what = files === 1 ? '1 file is' : `${files} files are`;
  await tell('stderr', `clearway serve: ${what} pinned, ${formatBytes(bytes)}\n`);
}

/** What whoever started it by hand would wonder about: an address that answers 404. Nothing where there is an index. */
function firstSteps({ options: { root, index, listing } }: Server): string {
  if (listing || index.some((name) => existsSync(join(root, name)))) return '';
  return `there is no ${index.join(', ')} in it: / answers 404, files answer by their names; --listing lists folders\n`;
}

function serveUntilSignal(server: Server, dashboard: ServeDashboard | undefined): Promise<number> {
  const { root, workers, base } = server.options;
  const many = workers === 1 ? '1 worker' : `${workers} workers`;
  // Each address stands alone on its line, so that a terminal takes nothing else into the link.
  const below = base === '' ? '' : `${base}/`;
  const lines = [
    ...server.urls.map((url) => (url.startsWith('http') ? url + below : url)),
    `clearway serves ${printable(root)} there (${server.engine}, ${many})`,
  ];
  if (server.metricsUrl !== undefined) lines.push('the metrics are at', ...server.metricsUrls);
  if (dashboard !== undefined) lines.push('the dashboard is at', ...dashboard.urls);
  return new Promise((resolve) => {
    const end = async (status: number, graceMs?: number): Promise<void> => {
      await Promise.all([dashboard?.close(), server.close(graceMs)]);
      resolve(status);
    };
    let stopping = false;
    const { logFile } = server.options;
    const reopenLog = (): void => server.reopenLog();
    // Without a log file the signal is Node's, for its debugger.
    if (logFile !== undefined) process.on('SIGUSR1', reopenLog);
    const hangUpRotates = logFile !== undefined && !hasTerminal();
    onSignals(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
      // Without a terminal that could go, whoever sends it has rotated the log, as many programs are told so.
      if (signal === 'SIGHUP' && hangUpRotates) {
        reopenLog();
        return;
      }
      // The terminal has gone, or somebody expects a reload: what is under way ends whole. It comes more than once (from the
      // kernel and from the shell; from systemd behind SIGTERM), so it never hurries an end that was begun.
      if (stopping && signal === 'SIGHUP') return;
      stopping = true;
      void end(statusOfSignal(signal));
    });
    // Said only now: whoever reads it may send a signal at once.
    void tell('stdout', `${lines.join('\n')}\n`);
    if (process.stderr.isTTY) void tell('stderr', firstSteps(server));
    server.on('error', (error) => {
      void tell('stderr', `clearway serve: ${printable(error.message)}\n`);
      void end(1, 0);
    });
  });
}
