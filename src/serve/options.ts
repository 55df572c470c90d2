// The options of serve: what each one means, its default, and the sentence that refuses a bad value.
// The command line, the configuration file and createServer() share them.

import { opendirSync, type Stats, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { BypassOptions } from '../bypass/bypass-plan.js';
import { longestUnixName } from '../kernel/unix-socket.js';
import type { EngineChoice } from '../transport/open-engine.js';
import { defaultSendLimits, type SendLimits } from '../transport/send-modes.js';
import { ownTypes, typesProblem } from '../wire/http/own-types.js';
import { hostForm, hostOf } from './addresses.js';
import { basePathOf } from './base-path.js';
import { type BypassServeOptions, bypassOf, bypassOptionNames } from './bypass-options.js';
import { proxyProblem } from './client-address.js';
import { connectionsWithin } from './connection-limit.js';
import {
  bytesOf,
  checkNames,
  choice,
  flag,
  integer,
  OptionError,
  onOff,
  parseDuration,
  refuse,
} from './option-values.js';
import { isPathPattern } from './path-pattern.js';
import { serveProfile } from './profile.js';
import { type HeaderOption, type HeaderRule, headersProblem, splitHeaders } from './response-headers.js';
import type { DotfilePolicy } from './site-types.js';

export { OptionError } from './option-values.js';

/** Seconds, or a text with a unit: `500ms`, `10s`, `2m`. */
export type Duration = number | string;
/** Bytes, or a text with a unit: `64K`, `10M`, `1.5G`, `1T` (powers of 1024). */
export type Size = number | string;

/** Options of {@link createServer} and, under the same names with dashes, of `clearway serve`. */
export interface ServeOptions extends BypassServeOptions {
  /** The directory to serve. Default: the current one. */
  root?: string;
  /**
   * Addresses or names of this host to listen on; a name is resolved, and every address of it listened on. Default 127.0.0.1: this
   * host only; none where `socket` or `listenFds` is given and neither this nor `port`. `::` takes IPv4 too.
   */
  host?: string | readonly string[];
  /** Port; 0 takes one that is free on every address. Default 8080. */
  port?: number;
  /** Path of a Unix socket to listen on; `@` in front: an abstract one. */
  socket?: string;
  /** Permissions of the Unix socket's file, an octal text such as `'0660'`, or a number. Default 0660: owner and group. */
  socketMode?: string | number;
  /** Descriptors of sockets that listen already, such as systemd passes. They stay the caller's. */
  listenFds?: readonly number[];
  /** Threads that serve; `auto` is one for each core. Default auto. */
  workers?: number | 'auto';
  /** Default auto: io_uring where the host allows it, else epoll. */
  engine?: EngineChoice;
  /** Path beneath which the site is served, such as `/docs`; everything else is 404. Default `/`. */
  base?: string;
  /** Names looked for in a directory. Default index.html. */
  index?: string | readonly string[];
  /** List directories without an index. Default false. */
  listing?: boolean;
  /**
   * `/about` is about.html, where there is no file `about`; it wins over a folder `about`, whose pages stay at `/about/...`.
   * `/about.html` is served too, without a redirect. Default false: a path is a name.
   */
  cleanUrls?: boolean;
  /** Answer unknown pages with the root's index. Default false. */
  spa?: boolean;
  /**
   * Evaluate documents with includes: server-side includes in .shtml files, edge-side includes in .esi files. They can
   * name only what a request could ask for. Default true: nothing else is looked into.
   */
  ssi?: boolean | 'on' | 'off';
  /**
   * Offer the films of the directory (MP4, MOV) as HLS and DASH, beneath their own paths: `/film.mp4/master.m3u8`, `/film.mp4/manifest.mpd`,
   * a player's page at `/film.mp4/`. Default false.
   */
  media?: boolean;
  /**
   * With `media`: a segment of video whose frames lie among a little else (its sound, packet by packet) is sent as the stretch of the film
   * that it is, with what lies between: less CPU, at most a sixteenth more bytes, and no CMAF. Default false.
   */
  mediaStretches?: boolean;
  /** Names that begin with a dot: `ignore` (404), `deny` (403) or `allow`. Default ignore. */
  dotfiles?: DotfilePolicy;
  /** Cache-Control of files. Default `no-cache`, and `immutable` for names that carry a hash; '' for none. */
  cacheControl?: string;
  /** Let any origin read the responses. Default false; with `media` true, since players are often on another site. */
  cors?: boolean;
  /**
   * Proxies whose X-Forwarded-For, or Forwarded, says for the log who the client is: addresses, networks (`10.0.0.0/8`), and `unix`
   * for whoever comes by a Unix socket. The client is the right-most address that is none of theirs. Default: none.
   */
  trustProxy?: readonly string[];
  /**
   * Each connection begins with a header of the PROXY protocol, version 1 or 2, which names the client; one without is closed.
   * Where `trustProxy` is given, only the header of those is believed. Default false.
   */
  proxyProtocol?: boolean;
  /** Media types by extension, such as `{ log: 'text/plain' }`; `*` is for names that have no type. They win over the known ones. */
  types?: Readonly<Record<string, string>>;
  /**
   * Fields that every response carries beside its own, such as `{ 'X-Frame-Options': 'DENY' }`; a name that begins with `/` is a
   * path of files, in which `*` stands for any characters, and has an object of fields (null takes one away):
   * `{ '/assets/*': { 'Cache-Control': 'public, max-age=600' } }`. Later paths win. Default: none.
   */
  headers?: HeaderOption;
  /** Access log, on stdout or in `logFile`. Default none; combined where there is a `logFile`. */
  log?: 'none' | 'combined' | 'json';
  /** File that the access log is appended to, opened again by `server.reopenLog()`. Default: stdout. */
  logFile?: string;
  /** HOST:PORT of the Prometheus endpoint /metrics. Default: none. */
  metrics?: string;
  /**
   * Meters this process, for the metrics: bytes copied in the kernel by cause, moved by reference, copy amplification.
   * `sockets` also accounts by socket. Needs root; where the host refuses, the server says so and serves. Default false.
   */
  meter?: boolean | 'sockets';
  /**
   * Open connections, all workers together. Default: what the limit on open files allows, at most 65536. For more the
   * limit is raised, as far as the process may.
   */
  maxConnections?: number;
  /** Time for a request's head to arrive whole, from 0.001 s. Default 10 s. */
  headTimeout?: Duration;
  /** Time a kept connection may be idle, from 0.001 s. Default 60 s. */
  idleTimeout?: Duration;
  /** Bytes a second that a reader must take, averaged over 20 s; 0: no limit. Default 256. */
  minRate?: Size;
  /**
   * Bytes a second that one connection is sent at most (kernel pacing); 0: no limit. `auto`, with `media`: segments leave at one and a half
   * times the rate they are played at, the first two of each stretch as fast as they can. Default 0.
   */
  pace?: Size | 'auto';
  /**
   * Files that are kept in memory which the kernel never takes away, and sent from there: paths in which `*` stands for any characters,
   * such as `/films/*.mp4`. Default: none.
   */
  pin?: string | readonly string[];
  /** Memory that pinned files take at most. Default 1 GiB. */
  pinMemory?: Size;
  /** Time that open connections have to finish at the end. Default 10 s. */
  grace?: Duration;
  /** Files up to this size are answered from memory; at most 1 MiB. Default: what calibrate measured, else 32 KiB. */
  inlineLimit?: Size;
}

/** Options after their defaults, in plain units. */
export interface ResolvedOptions {
  readonly root: string;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly socket: string | undefined;
  readonly socketMode: number;
  readonly listenFds: readonly number[];
  /** What is served on with our own TCP/IP; undefined: the kernel's. */
  readonly bypass: BypassOptions | undefined;
  /** 0: one for each queue of the device. */
  readonly workers: number;
  readonly engine: EngineChoice;
  /** Without a slash at its end; empty where the site is at the root. */
  readonly base: string;
  readonly index: readonly string[];
  readonly listing: boolean;
  readonly cleanUrls: boolean;
  readonly spa: boolean;
  readonly ssi: boolean;
  readonly media: boolean;
  readonly mediaStretches: boolean;
  readonly dotfiles: DotfilePolicy;
  readonly cacheControl: string | undefined;
  readonly cors: boolean;
  readonly trustProxy: readonly string[];
  readonly proxyProtocol: boolean;
  readonly types: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly headerRules: readonly HeaderRule[];
  readonly log: 'none' | 'combined' | 'json';
  readonly logFile: string | undefined;
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  readonly meter: boolean | 'sockets';
  readonly maxConnections: number;
  readonly headTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly minRate: number;
  readonly pace: number;
  /** Segments of films are paced by their own rate. */
  readonly paceMedia: boolean;
  /** Patterns of paths (path-pattern.ts), and bytes at most. */
  readonly pin: readonly string[];
  readonly pinBytes: number;
  readonly graceMs: number;
  readonly inlineBytes: number;
  /** How pieces of files leave, by their length. */
  readonly pieces: SendLimits;
}

function parseHosts({ host, port, socket, listenFds }: ServeOptions): readonly string[] {
  const others = socket !== undefined || (Array.isArray(listenFds) && listenFds.length > 0);
  if (host === undefined) return others && port === undefined ? [] : ['127.0.0.1'];
  const hosts = Array.isArray(host) ? (host as readonly unknown[]) : [host];
  if (hosts.length === 0 || hosts.length > mostHosts)
    return refuse('host', host, `1 to ${mostHosts} addresses or names`);
  return hosts.map((each) => hostOf(each) ?? refuse('host', each, hostForm));
}

function parseSocket(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value === '@' || value.includes('\0')) {
    return refuse('socket', value, 'the path of a Unix socket, or @NAME of an abstract one');
  }
  const name = value.startsWith('@') ? value : resolve(value);
  const bytes = Buffer.byteLength(name);
  return bytes <= longestUnixName
    ? name
    : refuse('socket', value, `at most ${longestUnixName} bytes long as an absolute path (${name} has ${bytes})`);
}

function parseSocketMode(value: unknown, socket: unknown): number {
  if (value === undefined) return defaultSocketMode;
  if (socket === undefined)
    throw new OptionError('socketMode is given without socket: it is the mode of its file', 'socketMode');
  if (typeof value === 'string' && /^0?o?[0-7]{3,4}$/.test(value)) {
    const mode = Number.parseInt(value.replace('o', ''), 8);
    if (mode <= 0o777) return mode;
  }
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0o777) return value;
  return refuse('socketMode', value, 'an octal number of three digits such as 660, 600 or 666');
}

function parseListenFds(value: unknown): readonly number[] {
  if (value === undefined) return [];
  const isFd = (fd: unknown): boolean => typeof fd === 'number' && Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31;
  if (Array.isArray(value) && value.every(isFd) && new Set(value).size === value.length) return value as number[];
  return refuse('listenFds', value, 'a list of descriptors of sockets that listen, each once');
}

/** An address and a port from `HOST:PORT`; undefined where none is given. @throws OptionError. */
export function parseHostPort(option: string, value: unknown): { host: string; port: number } | undefined {
  if (value === undefined) return undefined;
  const match = typeof value === 'string' ? /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(value) : null;
  if (match === null) return refuse(option, value, 'HOST:PORT, such as 127.0.0.1:9100');
  const host = hostOf(match[1] ?? match[2]) ?? refuse(option, match[1] ?? match[2], hostForm);
  return { host, port: integer(option, match[3], 0, 0, 65_535) };
}

function parseRoot(value: unknown): string {
  // An empty one is a variable that was not set, and not a wish for the current directory.
  const isPath = value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'));
  if (!isPath) return refuse('root', value, 'a directory');
  const root = resolve(value ?? '.');
  const status = statusOf(root);
  if (status === undefined) throw new OptionError(`there is no directory ${root}: name one that exists`, 'root');
  if (!status.isDirectory())
    throw new OptionError(`${root} is not a directory: name the directory that holds it`, 'root');
  asked(root, () => {
    // access(2) would ask for whoever started it, without the rights that systemd gave the process (AmbientCapabilities=).
    opendirSync(root).closeSync();
    statSync(`${root}/.`);
  });
  return root;
}

/** What is at a path; undefined when nothing is. @throws OptionError when it may not be asked. */
const statusOf = (path: string): Stats | undefined => asked(path, () => statSync(path));

/** What `ask` tells of a path; undefined when nothing is there. @throws OptionError when it may not be asked or opened. */
function asked<T>(path: string, ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new OptionError(
      `the directory ${path} cannot be opened (${code}): check the permissions on the way to it`,
      'root',
    );
  }
}

function parseIndex(value: unknown): readonly string[] {
  if (value === undefined) return ['index.html'];
  const names = typeof value === 'string' ? value.split(',') : value;
  const plain = (name: unknown): boolean =>
    typeof name === 'string' && /^[^/\0]+$/.test(name) && !/^\.{1,2}$/.test(name);
  return Array.isArray(names) && names.every(plain) ? names : refuse('index', value, 'file names without a slash');
}

function parseCacheControl(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)) return value;
  return refuse('cacheControl', value, 'a field value such as "public, max-age=3600"');
}

/** Proxies that may be trusted. */
const mostProxies = 1000;

function parseTrustProxy(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const proxies = given.flatMap((each) => (typeof each === 'string' ? each.split(',') : [each]));
  if (proxies.length > mostProxies) {
    return refuse('trustProxy', value, `a list of at most ${mostProxies} addresses and networks`);
  }
  for (const proxy of proxies) {
    const form = proxyProblem(proxy);
    if (form !== undefined) refuse('trustProxy', proxy, form);
  }
  return proxies as string[];
}

function parseTypes(value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('types', value, 'an object of extensions and media types, such as {"log": "text/plain"}');
  }
  const problem = typesProblem(value as Record<string, unknown>);
  if (problem !== undefined) throw new OptionError(`types: ${problem}`, 'types');
  return ownTypes(value as Record<string, string>);
}

function parseHeaders(value: unknown, cors: boolean): ReturnType<typeof splitHeaders> {
  const problem = value === undefined ? undefined : headersProblem(value, cors);
  if (problem !== undefined) throw new OptionError(problem, 'headers');
  return splitHeaders((value ?? {}) as HeaderOption);
}

function parseLogFile(value: unknown, log: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return refuse('logFile', value, 'a path');
  if (log === 'none') {
    const named = JSON.stringify(value);
    throw new OptionError(`log is "none", and logFile names ${named}: leave one of them out`, 'log');
  }
  return resolve(value);
}

const known: Readonly<Record<keyof ServeOptions, true>> = {
  root: true,
  host: true,
  port: true,
  socket: true,
  socketMode: true,
  listenFds: true,
  workers: true,
  engine: true,
  base: true,
  index: true,
  listing: true,
  cleanUrls: true,
  spa: true,
  ssi: true,
  media: true,
  mediaStretches: true,
  dotfiles: true,
  cacheControl: true,
  cors: true,
  trustProxy: true,
  proxyProtocol: true,
  types: true,
  headers: true,
  log: true,
  logFile: true,
  metrics: true,
  meter: true,
  maxConnections: true,
  headTimeout: true,
  idleTimeout: true,
  minRate: true,
  pace: true,
  pin: true,
  pinMemory: true,
  grace: true,
  inlineLimit: true,
  ...bypassOptionNames,
};

/** Addresses and names that may be listened on. */
const mostHosts = 64;
/** Owner and group: a proxy in front is put into the group. */
const defaultSocketMode = 0o660;

/** Largest size of a file that may be answered from memory. */
const maxInlineBytes = 1024 * 1024;
const defaultInlineBytes = 32 * 1024;

const defaultPinBytes = 1024 ** 3;
const mostPins = 64;

function parsePins(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (given.length > mostPins) return refuse('pin', value, `at most ${mostPins} paths`);
  return given.map((each) => {
    const pattern = typeof each === 'string' && !each.startsWith('/') ? `/${each}` : each;
    if (typeof pattern === 'string' && isPathPattern(pattern)) return pattern;
    return refuse('pin', each, 'a path of files from the root of the site, such as /films/*.mp4');
  });
}

/** Whether `pace` is `auto`. @throws OptionError where there are no films */
function paceOfMedia(pace: ServeOptions['pace'], media: boolean): boolean {
  if (pace === 'auto' && !media)
    refuse('pace', pace, 'a size such as 1M; auto is for films, and requires media (--media)');
  return pace === 'auto';
}

/** Whether stretches of films are sent. @throws OptionError where there are no films */
function stretchesOf(value: unknown, media: boolean): boolean {
  const isWanted = flag('mediaStretches', value);
  if (isWanted && !media) refuse('mediaStretches', value, 'false; it is for films, and requires media (--media)');
  return isWanted;
}

/** Files up to this size are answered from memory. @param measured what calibrate found. @throws OptionError */
function inlineBytesOf(value: unknown, measured: number | undefined): number {
  const bytes = bytesOf('inlineLimit', value, Math.min(measured ?? defaultInlineBytes, maxInlineBytes));
  return bytes <= maxInlineBytes ? bytes : refuse('inlineLimit', value, 'at most 1M: larger files leave by sendfile');
}

/** Applies the defaults. @throws OptionError for a value that is not allowed or an option that does not exist. */
export function resolveOptions(options: ServeOptions, openFileLimit: number): ResolvedOptions {
  checkNames(options, known);
  const bypass = bypassOf(options);
  // Its sentences begin with the option.
  if (typeof bypass === 'string') throw new OptionError(bypass, /^\w+/.exec(bypass)![0]);
  const media = flag('media', options.media);
  const cors = options.cors === undefined ? media : flag('cors', options.cors);
  const profile = serveProfile();
  const given = options.workers === 'auto' ? undefined : options.workers;
  const byQueues = bypass !== undefined && given === undefined;
  const workers = byQueues ? 0 : integer('workers', given, availableParallelism(), 1, 256);
  const connectionLimit = Math.min(65_536, connectionsWithin(openFileLimit, Math.max(1, workers)));
  return {
    root: parseRoot(options.root),
    hosts: parseHosts(options),
    port: integer('port', options.port, 8080, 0, 65_535),
    socket: parseSocket(options.socket),
    socketMode: parseSocketMode(options.socketMode, options.socket),
    listenFds: parseListenFds(options.listenFds),
    bypass,
    workers,
    engine: choice('engine', options.engine, 'auto', ['auto', 'uring', 'epoll']),
    base:
      basePathOf(options.base === undefined ? '/' : options.base) ??
      refuse('base', options.base, 'a path such as /docs, as it stands in requests: no dots, no %XX, no empty segment'),
    index: parseIndex(options.index),
    listing: flag('listing', options.listing),
    cleanUrls: flag('cleanUrls', options.cleanUrls),
    spa: flag('spa', options.spa),
    ssi: onOff('ssi', options.ssi, true),
    media,
    mediaStretches: stretchesOf(options.mediaStretches, media),
    dotfiles: choice('dotfiles', options.dotfiles, 'ignore', ['ignore', 'allow', 'deny']),
    cacheControl: parseCacheControl(options.cacheControl),
    cors,
    trustProxy: parseTrustProxy(options.trustProxy),
    proxyProtocol: flag('proxyProtocol', options.proxyProtocol),
    types: parseTypes(options.types),
    ...parseHeaders(options.headers, cors),
    log: choice('log', options.log, options.logFile === undefined ? 'none' : 'combined', ['none', 'combined', 'json']),
    logFile: parseLogFile(options.logFile, options.log),
    metrics: parseHostPort('metrics', options.metrics),
    meter: options.meter === 'sockets' ? 'sockets' : flag('meter', options.meter),
    maxConnections: integer('maxConnections', options.maxConnections, connectionLimit, 1, 1_000_000),
    headTimeoutMs: parseDuration('headTimeout', options.headTimeout, 10_000, 1),
    idleTimeoutMs: parseDuration('idleTimeout', options.idleTimeout, 60_000, 1),
    minRate: bytesOf('minRate', options.minRate, 256),
    pace: options.pace === 'auto' ? 0 : bytesOf('pace', options.pace, 0, ', or auto (with media)'),
    paceMedia: paceOfMedia(options.pace, media),
    pin: parsePins(options.pin),
    pinBytes: bytesOf('pinMemory', options.pinMemory, defaultPinBytes),
    graceMs: parseDuration('grace', options.grace, 10_000),
    inlineBytes: inlineBytesOf(options.inlineLimit, profile.inlineBytes),
    pieces: profile.pieces ?? defaultSendLimits,
  };
}
