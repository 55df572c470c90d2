// `clearway net`: network devices for virtual machines: virtio-net over vhost-user. Options, the lines that QEMU needs, a clean end on signals.
// Not here: the device and what it is joined to (vhost/net/).

import { basename } from 'node:path';
import type { NetsCounts } from '../vhost/net/net-metrics.js';
import type { NetOffer, NetsOptions, OfferedNets } from '../vhost/net/nets.js';
import { deviceFlags, deviceHelp, deviceOptions } from './kit/device-options.js';
import { offerDevices } from './kit/devices.js';
import { parseFlags } from './kit/flags.js';
import { chardevOf, placeFlags, placeHelp, placeName, placesOf } from './kit/front-end-places.js';
import { optionalAddress } from './kit/optional-address.js';
import { ownMac } from './kit/own-mac.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { wholeNumber } from './kit/values.js';
import { watchDevices } from './kit/watch-devices.js';

const help = `Usage: clearway net --socket PATH... [--tap NAME | --xdp DEVICE] [options]

Offers network devices to virtual machines (virtio-net over vhost-user). Several are joined by a switch;
a tap or a network device of the host is their way out. What cannot be delivered is dropped and counted; nothing waits in this process.

${placeHelp}  --tap NAME         join them to a tap of the host, which is made if it is not there; one guest: no copy in user space
  --xdp DEVICE       join them to a network device of the host past its network stack (AF_XDP): all that arrives there
                     goes to the guests, and the host hears nothing on it; one copy in user space each way
  --isolate          guests reach the tap or --xdp, and not each other: all that they send goes there
  --echo             every packet goes back to the guest that sent it: for tests and measuring
  --mac ADDRESS      the guest's address, such as 52:54:00:12:34:56 (one made of each socket's path)
  --mtu BYTES        the longest packet, 68 to 65535, that the guest is told of (the tap's or device's)
  --pairs N          most pairs of queues, 1 to 16 (1)
${deviceHelp}  -h, --help         print this help
`;

const flags = {
  ...placeFlags,
  tap: { type: 'string' },
  xdp: { type: 'string' },
  isolate: { type: 'boolean' },
  echo: { type: 'boolean' },
  mac: { type: 'string' },
  mtu: { type: 'string' },
  pairs: { type: 'string' },
  ...deviceFlags,
} as const;

/** The address that was given, or one of the path: the same at each start, and another for each socket. @throws UsageError */
function macOf(value: string | undefined, socket: string): Uint8Array {
  if (value === undefined) return ownMac(socket);
  const isAddress = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value);
  const bytes = Uint8Array.from(isAddress ? value.split(':').map((each) => Number.parseInt(each, 16)) : [1]);
  if ((bytes[0]! & 1) === 0 && bytes.some((byte) => byte !== 0)) return bytes;
  throw new UsageError(
    `--mac is ${JSON.stringify(value)}, and must be the address of one device, such as 52:54:00:12:34:56`,
  );
}

const macText = (mac: Uint8Array): string => [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

type Parsed = ReturnType<typeof parseFlags<typeof flags>>;

/** Whether so many devices can be joined to what was asked for. @throws UsageError */
function checkLink(devices: number, { echo, tap, xdp, isolate, mac }: Parsed['values']): void {
  const hasWayOut = tap !== undefined || xdp !== undefined;
  if (echo === true && (hasWayOut || isolate === true))
    throw new UsageError(
      'with --echo each guest is joined to itself alone: leave --tap, --xdp and --isolate out, or --echo',
    );
  if (tap !== undefined && xdp !== undefined)
    throw new UsageError('guests have one way out: leave --tap out, or --xdp');
  if (devices === 1 && echo !== true && !hasWayOut)
    throw new UsageError('net needs something to join the guest to: add --tap tap0, --xdp eth1, or a second --socket');
  if (isolate === true && (!hasWayOut || devices === 1))
    throw new UsageError(
      '--isolate keeps guests on one way out apart: it needs --tap or --xdp, and more than one --socket',
    );
  if (devices > 1 && mac !== undefined)
    throw new UsageError('two guests cannot have one address: leave --mac out, and each has one of its own');
}

/** What was asked for. @throws UsageError */
function optionsOf({ values, tokens }: Parsed): Omit<NetsOptions, 'memory'> {
  const places = placesOf(tokens, values['socket-mode']);
  if (places.length === 0) throw new UsageError('net needs a socket: clearway net --socket /run/net.sock --tap tap0');
  checkLink(places.length, values);
  return {
    offers: places.map((place) => ({
      place,
      name: basename(placeName(place)),
      mac: macOf(values.mac, placeName(place)),
    })),
    mtu: values.mtu === undefined ? undefined : wholeNumber('mtu', values.mtu, 0, 68, 65_535),
    pairs: wholeNumber('pairs', values.pairs, 1, 1, 16),
    link: { echo: values.echo === true, tap: values.tap, xdp: values.xdp, isolate: values.isolate === true },
  };
}

/** What is said of a device when it is offered. */
function announcement({ place, mac }: NetOffer, { pairs }: NetsOptions, to: string, engine: string): string {
  const queues = pairs === 1 ? '1 pair of queues' : `${pairs} pairs of queues`;
  const many = pairs === 1 ? '' : `,mq=on,vectors=${2 * pairs + 2}`;
  const how = `${to}, ${queues} (${engine})`;
  const chardev = chardevOf(place);
  if (chardev === undefined) return `clearway net: ${how}, on ${placeName(place)}\n`;
  const { id, options } = chardev;
  return (
    `${placeName(place)}\nclearway net: ${how}. QEMU, add (SIZE is what -m says):\n` +
    '  -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem\n' +
    `  ${options} -netdev vhost-user,id=net-${id},chardev=${id},queues=${pairs}\n` +
    `  -device virtio-net-pci,netdev=net-${id},mac=${macText(mac)}${many}\n` +
    '  (QEMU 7.2 without KVM needs vectors=0 in the last line: else it dies when the guest starts the device)\n'
  );
}

/** Said where guests whose memory may lose pages are on one switch. */
const sharedFate =
  'with --memory any each of these guests can end this process, and with it the network of the others\n';

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseFlags('net', optionalAddress(args, '--dashboard'), flags);
  const { values } = parsed;
  if (values['print-capabilities'] === true) {
    process.stdout.write('{"type":"net"}\n');
    return 0;
  }
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const asked = optionsOf(parsed);
  const { memory, ...how } = await deviceOptions(values);
  const options: NetsOptions = { ...asked, memory };
  const { netKind, netMetrics } = await import('../vhost/net/net-metrics.js');
  return offerDevices<OfferedNets, NetsCounts>({
    name: 'net',
    entry: new URL('../vhost/net/net-thread.js', import.meta.url),
    options,
    ...how,
    metricsText: netMetrics,
    watch: (thread, subject) => watchDevices(thread, netKind, how, subject),
    announce: ({ to, hint }, name) => {
      const texts = options.offers.map((offer) => announcement(offer, options, to, name));
      const isShared = memory.any && texts.length > 1;
      return `${texts.join('')}${isShared ? sharedFate : ''}${hint === undefined ? '' : `${hint}\n`}`;
    },
  });
}
