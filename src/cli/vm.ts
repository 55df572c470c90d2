// `clearway vm`: runs an image of Clearway's form in a virtual machine of KVM, without another monitor. Options and what is said. Not here: the machine (src/vmm, src/kvm).

import { clientsThatFit } from './kit/client-room.js';
import { deviceOptions } from './kit/device-options.js';
import { parseFlags } from './kit/flags.js';
import { bootWords, type GuestCommand, linkWords, runVm } from './kit/run-vm.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { socketMode, wholeNumber } from './kit/values.js';
import { linkOf } from './kit/vm-link.js';

const help = `Usage: clearway vm IMAGE [options] [-- WORD...]

Runs an image in a virtual machine (KVM, x86-64) whose monitor is this command. An image is one program that is its own
operating system: docs/vm.md says how one is made. What it says on its serial line goes to the standard error output, line by line;
the exit status is the guest's. WORDs are its command line.

  --memory MIB       memory of the guest, 8 to 2048 (64)
  --port N           connections to this TCP port are streams to the guest (none); 0: any free one
  --bind HOST        address to listen on; repeatable (127.0.0.1: this host only)
  --tap NAME         a network card of the guest on a tap of this host, which is made if it is not there (CAP_NET_ADMIN)
  --xdp DEVICE       or on a network device of this host, whose packets are taken past the kernel (AF_XDP; requires root)
  --vhost-user SOCKET or by another process, the back end of vhost-user that listens there: clearway net --socket SOCKET
  --beside 'IMAGE WORD...' another guest, with a card on the same network, which without --tap and --xdp is theirs alone;
                     repeatable, up to 7; it has as much memory, and the command ends with the first guest
  --guest-port N     with --port: the port that the guest listens on (6379)
  --maxclients N     with --port: most connections (10000)
  --metrics HOST:PORT serve Prometheus metrics there, at /metrics (none)
  --live             show on one screen what happens, each second
  --engine NAME      auto, uring or epoll (auto: io_uring where the host allows it)

  -h, --help         print this help
`;

const flags = {
  memory: { type: 'string' },
  port: { type: 'string' },
  bind: { type: 'string', multiple: true },
  tap: { type: 'string' },
  xdp: { type: 'string' },
  'vhost-user': { type: 'string' },
  beside: { type: 'string', multiple: true },
  'guest-port': { type: 'string' },
  maxclients: { type: 'string' },
  metrics: { type: 'string' },
  live: { type: 'boolean' },
  engine: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseFlags<typeof flags>>['values'];

/** Options that say more of `--port`, and nothing without it. */
const ofDoor = ['bind', 'guest-port', 'maxclients'] as const;

/** The sockets that lead to the guest. @throws UsageError, SystemError */
async function openDoor(values: Values) {
  if (values.port === undefined) {
    const name = ofDoor.find((each) => values[each] !== undefined);
    if (name !== undefined) throw new UsageError(`--${name} needs --port N: without it nobody can connect`);
    return undefined;
  }
  const { Listening } = await import('../serve/listening.js');
  const { hostAndPort } = await import('../serve/addresses.js');
  const listening = await Listening.open(
    {
      hosts: values.bind ?? ['127.0.0.1'],
      port: wholeNumber('port', values.port, 0, 0, 65_535),
      ...{ socket: undefined, socketMode: socketMode(undefined), listenFds: [] },
    },
    1,
    (warning) => void process.stderr.write(`clearway vm: ${warning}\n`),
  );
  return {
    places: listening.addresses.flatMap((each) =>
      'path' in each ? [] : [`tcp://${hostAndPort(each.host, each.port)}`],
    ),
    close: () => listening.close(),
    door: {
      sockets: listening.sockets(0),
      guestPort: wholeNumber('guest-port', values['guest-port'], 6379, 1, 2 ** 31),
      maxClients: clientsThatFit('vm', wholeNumber('maxclients', values.maxclients, 10_000, 1, 60_000)),
      overflow: '',
    },
  };
}

const mostBeside = 7;

/** Guests beside the first one. @throws UsageError */
function guestsBeside({ beside = [] }: Values, memoryBytes: number): GuestCommand[] {
  if (beside.length > mostBeside) throw new UsageError(`there is room for ${mostBeside} guests beside the first one`);
  return beside.map((text) => {
    const [image, ...words] = text.split(' ').filter((word) => word !== '');
    if (image === undefined)
      throw new UsageError("--beside is an image and its words: --beside 'echo.elf ip=10.0.0.3/24'");
    return { image, memoryBytes, commandLine: words.join(' ') };
  });
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const split = args.indexOf('--');
  const [own, words] = split < 0 ? [args, []] : [args.slice(0, split), args.slice(split + 1)];
  const { values, positionals } = parseFlags('vm', own, flags, 1);
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const [image] = positionals;
  if (image === undefined) throw new UsageError('give one image: clearway vm IMAGE');
  const { memory, ...others } = values;
  const { metrics, live, engine } = await deviceOptions(others);
  const memoryBytes = wholeNumber('memory', memory, 64, 8, 2048) * 1024 ** 2;
  const guests = [{ image, memoryBytes, commandLine: words.join(' ') }, ...guestsBeside(values, memoryBytes)];
  const link = linkOf(values, guests.length);
  const opened = await openDoor(values);
  try {
    return await runVm({
      ...{ name: 'vm', guests, door: opened?.door, link, engine, metrics, live },
      announce: (offered) => {
        const to = link === undefined ? '' : `, ${linkWords(offered, link)}`;
        return `${opened === undefined ? '' : `${opened.places.join('\n')}\n`}clearway vm: ${bootWords(offered)}${to}\n`;
      },
    });
  } finally {
    opened?.close();
  }
}
