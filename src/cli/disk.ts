// `clearway disk`: disks for virtual machines: raw files as virtio-blk devices over vhost-user. Options, the lines that QEMU needs, a clean end on
// signals. Not here: the device (vhost/block/).

import { formatBytes } from '../text/units.js';
import type { BlockCounts } from '../vhost/block/block-counts.js';
import type { DisksOptions, OfferedDisk } from '../vhost/block/disks.js';
import type { Place } from '../vhost/door.js';
import type { DevicesCounts } from '../vhost/queue-counts.js';
import { deviceFlags, deviceHelp, deviceOptions } from './kit/device-options.js';
import { parseFlags } from './kit/flags.js';
import { chardevOf, placeFlags, placeHelp, placeName, placesOf } from './kit/front-end-places.js';
import { optionalAddress } from './kit/optional-address.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { oneOf, wholeNumber } from './kit/values.js';

const help = `Usage: clearway disk FILE... --socket PATH... [options]

Offers raw disk images to virtual machines as virtio-blk devices (vhost-user). Data moves between the image and the guest's memory without a
copy in user space. One --socket, --fd or --connect for each FILE, in order.

${placeHelp}  --queues N         most queues of a disk, 1 to 16 (4)
  --readonly         the guest cannot write
  --direct           read and write past the host's page cache
  --id TEXT          serial number that the guest sees, up to 20 bytes (the file's name)
  --incoming         guests come from another host while they run: images are used by the process there until then
  --format raw       the image is raw, though it begins like another format
${deviceHelp}
SIGHUP (where there is no terminal that hangs up): files are measured again, and guests are told of disks that have grown.

  -h, --help         print this help
`;

const flags = {
  ...placeFlags,
  queues: { type: 'string' },
  readonly: { type: 'boolean' },
  direct: { type: 'boolean' },
  incoming: { type: 'boolean' },
  // As every back end of a disk has (QEMU, docs/interop/vhost-user.rst, "Backend program conventions").
  'read-only': { type: 'boolean' },
  'blk-file': { type: 'string', multiple: true },
  id: { type: 'string' },
  format: { type: 'string' },
  ...deviceFlags,
} as const;

/** Which file goes to which place. @throws UsageError */
function pairsOf(files: readonly string[], places: readonly Place[]): DisksOptions['pairs'] {
  if (files.length === 0) throw new UsageError('disk needs a file: clearway disk disk.raw --socket /run/disk.sock');
  if (places.length !== files.length) {
    throw new UsageError(
      `files: ${files.length}, sockets: ${places.length}; give one --socket, --fd or --connect for each file`,
    );
  }
  return files.map((file, index) => [file, places[index]!]);
}

/** What is said of a disk when it is offered. */
function announcement(
  { path, place, sectors }: OfferedDisk,
  { readOnly, queues }: DisksOptions,
  engine: string,
): string {
  const how = `${formatBytes(sectors * 512)} raw, ${readOnly ? 'read only' : 'read and write'}, ${queues} queues (${engine})`;
  const chardev = chardevOf(place);
  const address = place.kind === 'fd' ? '' : `${place.path}\n`;
  if (chardev === undefined) return `clearway disk: ${path}, ${how}, on ${placeName(place)}\n`;
  return (
    `${address}clearway disk: ${path}, ${how}. QEMU, add (SIZE is what -m says):\n` +
    '  -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem\n' +
    `  ${chardev.options} -device vhost-user-blk-pci,chardev=${chardev.id},num-queues=${queues}\n`
  );
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals, tokens } = parseFlags(
    'disk',
    optionalAddress(args, '--dashboard'),
    flags,
    64,
    'disk takes files',
  );
  if (values['print-capabilities'] === true) {
    process.stdout.write('{"type":"block","features":["read-only","blk-file"]}\n');
    return 0;
  }
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const pairs = pairsOf([...positionals, ...(values['blk-file'] ?? [])], placesOf(tokens, values['socket-mode']));
  const queues = wholeNumber('queues', values.queues, 4, 1, 16);
  const isRaw = oneOf('format', values.format, ['raw']) !== undefined;
  const direct = values.direct === true;
  if (Buffer.byteLength(values.id ?? '') > 20)
    throw new UsageError(`--id is ${JSON.stringify(values.id)}, and must be up to 20 bytes`);
  const readOnly = values.readonly === true || values['read-only'] === true;
  const { memory, ...how } = await deviceOptions(values);
  if (memory.any && pairs.length > 1) {
    throw new UsageError(
      'with --memory any a guest can end the process that its disk is in: start a command for each disk, so that it ends no other',
    );
  }
  const { offerDevices } = await import('./kit/devices.js');
  const { watchDevices } = await import('./kit/watch-devices.js');
  const { diskKind, diskMetrics } = await import('../vhost/block/disk-metrics.js');
  const options: DisksOptions = {
    pairs,
    queues,
    readOnly,
    isRaw,
    direct,
    isIncoming: values.incoming === true,
    memory,
    id: values.id,
  };
  return offerDevices<readonly OfferedDisk[], DevicesCounts<BlockCounts>>({
    name: 'disk',
    entry: new URL('../vhost/block/disk-thread.js', import.meta.url),
    options,
    ...how,
    hangUpChanges: true,
    announce: (offered, name) => offered.map((disk) => announcement(disk, options, name)).join(''),
    metricsText: diskMetrics,
    watch: (thread, subject) => watchDevices(thread, diskKind, how, subject),
  });
}
