// `clearway kv`: an in-memory key-value store that speaks Redis' protocol. Options, where it listens, a clean end on signals. Not here: the store
// (src/core/kv), how it is served (src/kv/).

import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { platformIsLinux } from '../kernel/ffi.js';
import type { KvCounts } from '../kv/kv-metrics.js';
import { evictionPolicies, type StoreOptions } from '../kv/kv-options.js';
import type { KvOffered, KvStart } from '../kv/kv-service.js';
import { fileTrouble } from '../text/file-trouble.js';
import { counted, formatBytes, parseWholeSize } from '../text/units.js';
import type { DeviceThread } from '../vhost/device-thread.js';
import type { VmOffered } from '../vmm/vm-service.js';
import { asWritten } from './kit/as-written.js';
import { deviceOptions } from './kit/device-options.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { oneOf, socketMode, wholeNumber } from './kit/values.js';
import { checkKvOptions, hasSockets, isPastKernel, vmLinks } from './kv-options.js';

const help = `Usage: clearway kv [options]

An in-memory key-value store for Redis clients (RESP2 and RESP3).

  --port N           TCP port (6379; 0: any free one)
  --bind HOST        address or name to listen on; repeatable (127.0.0.1: this host only)
  --socket PATH      also listen on a Unix socket; without --port or --bind, only there
  --socket-mode MODE permissions of the socket (660: owner and group)
  --maxmemory SIZE   most memory for data, clients and replies: 4m to 3g (1g)
  --maxmemory-policy NAME what goes when it is full (noeviction: writes are refused):
                     ${evictionPolicies.slice(1, 5).join(', ')},
                     ${evictionPolicies.slice(5).join(', ')}
  --password-file FILE clients must give the password in its first line (AUTH)
  --no-password      listen beyond this host without a password: anybody there can read and write everything
  --snapshot FILE    restore from FILE at the start; write it at the end, on SAVE, BGSAVE and SIGHUP
  --vm               run the store in a virtual machine, without an operating system (KVM, x86-64; group kvm): clients come
                     through this host's sockets; --maxmemory up to 1536m, no --snapshot
  --tap NAME         with --vm: TCP/IP is in the virtual machine too, on a tap of this host (CAP_NET_ADMIN)
  --xdp DEVICE       or on a network device, whose packets are taken past the kernel (AF_XDP; requires root)
  --vhost-user SOCKET or on a card that another process works for: clearway net --socket SOCKET
  --vm-address ADDRESS/LENGTH the store's own address there: 10.0.0.2/24
  --vm-gateway ADDRESS gateway to other networks (none)
  --bypass INTERFACE serve with Clearway's own TCP/IP on a network interface, past the kernel's (AF_XDP; requires root)
  --bypass-address ADDRESS/LENGTH another address than the interface's, which no other host has: 10.0.0.2/24; repeatable
  --bypass-gateway ADDRESS gateway to other networks (with the interface's address its default route; else none); repeatable
  --bypass-poll MICROSECONDS time to look for packets before sleeping: less delay, more CPU (20)
  --maxclients N     most clients (10000)
  --timeout SECONDS  close clients that are silent for so long (0: never)
  --metrics HOST:PORT serve Prometheus metrics there, at /metrics (none)
  --live             show on one screen what happens, each second
  --engine NAME      auto, uring or epoll (auto: io_uring where the host allows it)

  -h, --help         print this help
`;

const flags = {
  port: { type: 'string' },
  bind: { type: 'string', multiple: true },
  socket: { type: 'string' },
  'socket-mode': { type: 'string' },
  maxmemory: { type: 'string' },
  'maxmemory-policy': { type: 'string' },
  'password-file': { type: 'string' },
  'no-password': { type: 'boolean' },
  snapshot: { type: 'string' },
  vm: { type: 'boolean' },
  tap: { type: 'string' },
  xdp: { type: 'string' },
  'vhost-user': { type: 'string' },
  'vm-address': { type: 'string' },
  'vm-gateway': { type: 'string' },
  bypass: { type: 'string' },
  'bypass-address': { type: 'string', multiple: true },
  'bypass-gateway': { type: 'string', multiple: true },
  'bypass-poll': { type: 'string' },
  maxclients: { type: 'string' },
  timeout: { type: 'string' },
  metrics: { type: 'string' },
  live: { type: 'boolean' },
  engine: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseFlags<typeof flags>>['values'];

const leastMemory = 4 * 1024 ** 2;
/** Of the 4 GiB that the core addresses, what is left beside its own tables. */
const mostMemory = 3 * 1024 ** 3;

/** @throws UsageError */
function memorySize(value: string | undefined): number {
  if (value === undefined) return 1024 ** 3;
  const bytes = parseWholeSize(value);
  if (bytes >= leastMemory && bytes <= mostMemory) return bytes;
  throw new UsageError(
    `--maxmemory is ${JSON.stringify(value)}, and must be from ${formatBytes(leastMemory)} to ${formatBytes(mostMemory)}, such as 256m`,
  );
}

/** The first line of the file. @throws UsageError */
function passwordOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--password-file ${path} cannot be read: ${fileTrouble(error)}`);
  }
  const password = text.split(/\r?\n/, 1)[0]!;
  if (password !== '' && Buffer.byteLength(password) <= 512) return password;
  throw new UsageError(`the first line of ${path} must be a password of 1 to 512 bytes`);
}

const isThisHost = (host: string): boolean => /^(?:localhost|127\.[\d.]+|\[?::1\]?)$/.test(host);

/** Where to listen. @throws UsageError where strangers could come in */
function placesOf(values: Values, password: string | undefined): { hosts: readonly string[]; port: number } {
  const port = wholeNumber('port', values.port, 6379, 0, 65_535);
  const isOnlyUnix = values.socket !== undefined && values.port === undefined && values.bind === undefined;
  const hosts = isOnlyUnix ? [] : (values.bind ?? ['127.0.0.1']);
  const open = hosts.find((host) => !isThisHost(host));
  if (open !== undefined && password === undefined && values['no-password'] !== true) {
    throw new UsageError(
      `--bind ${open} lets other hosts in, and there is no password: give --password-file FILE, or --no-password if everybody there may read and write everything`,
    );
  }
  return { hosts, port };
}

/** Reads the settings of the store. @throws UsageError */
function storeOptions(values: Values, port = 0): StoreOptions {
  return {
    maxMemory: memorySize(values.maxmemory),
    policy: oneOf('maxmemory-policy', values['maxmemory-policy'], evictionPolicies) ?? 'noeviction',
    password: passwordOf(values['password-file']),
    maxClients: wholeNumber('maxclients', values.maxclients, 10_000, 1, 65_535),
    timeoutSeconds: wholeNumber('timeout', values.timeout, 0, 0, 31_536_000),
    snapshot: values.snapshot,
    port,
  };
}

function announcement(places: readonly string[], store: StoreOptions, offered: KvOffered, how: string): string {
  const restored =
    offered.restoredKeys === undefined
      ? ''
      : `, ${counted(offered.restoredKeys, 'key')} restored from ${store.snapshot}`;
  return `${places.join('\n')}\nclearway kv: up to ${formatBytes(store.maxMemory)}, ${store.policy}${restored} (${how})\n`;
}

/** Where the store listens, how that is written, and what lets go of it. */
interface Place extends Pick<KvStart, 'sockets' | 'bypass'> {
  readonly port: number;
  readonly places: readonly string[];
  close(): void;
}

/** The kernel's sockets. @throws UsageError, SystemError */
async function listenByKernel(values: Values, store: StoreOptions): Promise<Place> {
  const { hosts, port } = placesOf(values, store.password);
  const { Listening } = await import('../serve/listening.js');
  const { hostAndPort } = await import('../serve/addresses.js');
  const listening = await Listening.open(
    { hosts, port, socket: values.socket, socketMode: socketMode(values['socket-mode']), listenFds: [] },
    1,
    (warning) => void process.stderr.write(`clearway kv: ${warning}\n`),
  );
  const bound = listening.addresses.find((each) => 'port' in each);
  return {
    sockets: listening.sockets(0),
    bypass: undefined,
    port: bound?.port ?? 0,
    places: listening.addresses.map((each) =>
      'path' in each ? `unix:${each.path}` : `redis://${hostAndPort(each.host, each.port)}`,
    ),
    close: () => listening.close(),
  };
}

/** What an option of the library is called on this command line; undefined for words that are none. */
function flagOf(option: string): string | undefined {
  const name = option === 'host' ? 'bind' : option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.hasOwn(flags, name) ? `--${name}` : undefined;
}

/** Our own TCP/IP. @throws UsageError, BypassRefusal */
async function listenPastKernel(values: Values, store: StoreOptions): Promise<Place> {
  const { bypassOf } = await import('../serve/bypass-options.js');
  const { planBypass } = await import('../bypass/bypass-plan.js');
  const { hostAndPort } = await import('../serve/addresses.js');
  const options = bypassOf({
    ...(values.bypass !== undefined && { bypass: values.bypass }),
    ...(values['bypass-address'] && { bypassAddress: values['bypass-address'] }),
    ...(values['bypass-gateway'] && { bypassGateway: values['bypass-gateway'] }),
    ...(values['bypass-poll'] !== undefined && { bypassPoll: values['bypass-poll'] }),
    host: values.bind,
    socket: values.socket,
  });
  if (typeof options === 'string' || options === undefined) throw new UsageError(asWritten(`${options}`, flagOf));
  if (store.password === undefined && values['no-password'] !== true) {
    throw new UsageError(
      '--bypass lets other hosts in, and there is no password: give --password-file FILE, or --no-password if everybody there may read and write everything',
    );
  }
  const port = wholeNumber('port', values.port, 6379, 1, 65_535);
  const plan = planBypass(options, [port]);
  if (plan.queues !== 1) {
    throw new UsageError(
      `${plan.device} receives on ${plan.queues} queues, and a store has one thread: ethtool -L ${plan.device} combined 1`,
    );
  }
  const places = plan.addresses.map(({ host }) => `redis://${hostAndPort(host, port)}`);
  return { sockets: [], bypass: { plan, port }, port, places, close: () => {} };
}

/** What a guest with a card is told of its network. @throws UsageError */
function onCard(
  values: Values,
  store: StoreOptions,
  option: string,
): { places: string[]; words: string; port: number } {
  const address = /^((?:\d{1,3}\.){3}\d{1,3})\/(\d{1,2})$/.exec(values['vm-address'] ?? '');
  if (address === null || !isIPv4(address[1]!) || Number(address[2]) > 32)
    throw new UsageError(`${option} needs an address for the store that no other host has: --vm-address 10.0.0.2/24`);
  const gateway = values['vm-gateway'];
  if (gateway !== undefined && !isIPv4(gateway))
    throw new UsageError('--vm-gateway must be an address such as 10.0.0.1');
  if (store.password === undefined && values['no-password'] !== true) {
    throw new UsageError(
      `${option} lets other hosts in, and there is no password: give --password-file FILE, or --no-password if everybody there may read and write everything`,
    );
  }
  if (values.bind !== undefined || values.socket !== undefined)
    throw new UsageError(`--bind and --socket are for this host's sockets, and ${option} does without them`);
  const port = wholeNumber('port', values.port, 6379, 1, 65_535);
  const words = `ip=${address[0]}${gateway === undefined ? '' : ` gw=${gateway}`}`;
  return { places: [`redis://${address[1]}:${port}`], words, port };
}

/** The store as a guest of its own. @throws UsageError, SystemError */
async function serveInGuest(
  values: Values,
  store: StoreOptions,
  { metrics, live, engine }: Pick<Awaited<ReturnType<typeof deviceOptions>>, 'metrics' | 'live' | 'engine'>,
): Promise<number> {
  const { runVm, bootWords, linkWords } = await import('./kit/run-vm.js');
  const { linkOf } = await import('./kit/vm-link.js');
  const { kvGuest } = await import('../kv/kv-guest.js');
  const { warmWords } = await import('../kv/warm-words.js');
  const guest = kvGuest(store);
  if (typeof guest === 'string') throw new UsageError(guest);
  const { image, memoryBytes } = guest;
  const common = { name: 'kv', engine, metrics, live };
  const link = linkOf(values, 1);
  const said = (places: readonly string[], how: string, offered: VmOffered): string =>
    `${announcement(places, store, { restoredKeys: undefined }, `in a virtual machine${how}`)}clearway kv: ${bootWords(offered)}\n`;
  if (link !== undefined) {
    const { places, words, port } = onCard(values, store, `--${vmLinks.find((name) => values[name] !== undefined)}`);
    const commandLine = `${guest.commandLine(port)} ${words}`;
    return runVm({
      ...{ ...common, guests: [{ image, memoryBytes, commandLine }], door: undefined, link },
      announce: (offered, name) => said(places, ` ${linkWords(offered, link)}, ${name}`, offered),
    });
  }
  const place = await listenByKernel(values, store);
  try {
    return await runVm({
      ...{ ...common, guests: [{ image, memoryBytes, commandLine: guest.commandLine(place.port) }], link },
      door: {
        sockets: place.sockets,
        guestPort: guest.port,
        maxClients: store.maxClients,
        overflow: '-ERR max number of clients reached\r\n',
        warmUp: warmWords(store.password),
      },
      announce: (offered, name) => said(place.places, `, ${name}`, offered),
    });
  } finally {
    place.close();
  }
}

async function serveOnLinux(values: Values, asked: StoreOptions): Promise<number> {
  const { offerDevices } = await import('./kit/devices.js');
  const { kvMetrics } = await import('../kv/kv-metrics.js');
  const { watchStore } = await import('./kit/watch-store.js');
  const { clientsThatFit } = await import('./kit/client-room.js');
  const { metrics, live, engine } = await deviceOptions(values);
  const store = hasSockets(values) ? { ...asked, maxClients: clientsThatFit('kv', asked.maxClients) } : asked;
  if (values.vm === true) return serveInGuest(values, store, { metrics, live, engine });
  const place = await (isPastKernel(values) ? listenPastKernel(values, store) : listenByKernel(values, store));
  const { sockets, bypass, port, places } = place;
  const options: KvStart = { store: { ...store, port }, sockets, bypass };
  try {
    return await offerDevices({
      name: 'kv',
      entry: new URL('../kv/kv-thread.js', import.meta.url),
      engine,
      options,
      metrics,
      hangUpChanges: true,
      announce: (offered: KvOffered, name) => announcement(places, store, offered, name),
      metricsText: kvMetrics,
      watch: async (thread: Pick<DeviceThread<never, KvCounts>, 'counts'>) => watchStore(thread, live),
    });
  } finally {
    place.close();
  }
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseFlags('kv', args, flags);
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  checkKvOptions(values, platformIsLinux);
  const store = storeOptions(values);
  if (platformIsLinux) return serveOnLinux(values, store);
  const { hosts, port } = placesOf(values, store.password);
  const { servePortably } = await import('../kv/serve-portably.js');
  return servePortably({ hosts, port, socket: values.socket, store }, (offered, places) =>
    announcement(places, store, offered, "Node's sockets"),
  );
}
