// `clearway disk`: disks for virtual machines: raw files as virtio-blk devices over vhost-user. Options, the lines that QEMU needs, a clean end on
// signals. Not here: the device (vhost/block/).

import { basename, resolve } from 'node:path';
import type { DisksOptions, OfferedDisk } from '../vhost/block/disks.js';
import { offerDevices } from './kit/devices.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { oneOf, socketMode, wholeNumber } from './kit/values.js';

const help = `Usage: clearway disk FILE... --socket PATH... [options]

Offers raw disk images to virtual machines as virtio-blk devices (vhost-user). Data moves between the image and the guest's memory without a
copy in user space. One --socket for each FILE, in order.

  --socket PATH      Unix socket that the virtual machine connects to; repeatable
  --socket-mode MODE permissions of the sockets (660: owner and group)
  --queues N         most queues of a disk, 1 to 16 (4)
  --readonly         the guest cannot write
  --direct           read and write past the host's page cache
  --id TEXT          serial number that the guest sees, up to 20 letters (the file's name)
  --format raw       the image is raw, though it begins like another format
  --memory any       also accept guest memory that may become shorter: its end ends this process
  --engine NAME      auto, uring or epoll (auto: io_uring where the host allows it)
  -h, --help         print this help
`;

const flags = {
  socket: { type: 'string', multiple: true },
  'socket-path': { type: 'string', multiple: true },
  'socket-mode': { type: 'string' },
  queues: { type: 'string' },
  readonly: { type: 'boolean' },
  direct: { type: 'boolean' },
  'read-only': { type: 'boolean' },
  id: { type: 'string' },
  format: { type: 'string' },
  memory: { type: 'string' },
  engine: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseFlags<typeof flags>>['values'];

/** Which file goes to which socket. @throws UsageError */
function pairsOf(files: readonly string[], values: Values): readonly (readonly [file: string, socket: string])[] {
  const sockets = [...(values.socket ?? []), ...(values['socket-path'] ?? [])];
  if (files.length === 0) throw new UsageError('disk needs a file: clearway disk disk.raw --socket /run/disk.sock');
  if (sockets.length !== files.length) {
    throw new UsageError(
      `there are ${files.length} files and ${sockets.length} sockets: give one --socket for each file`,
    );
  }
  return files.map((file, index) => [file, resolve(sockets[index]!)]);
}

/** What is said of a disk when it is offered. */
function announcement(
  { path, socket, sectors }: OfferedDisk,
  { readOnly, queues }: DisksOptions,
  engine: string,
): string {
  const size = `${(sectors / 2 ** 21).toFixed(1)} GiB`;
  const name = basename(socket);
  return (
    `${socket}\nclearway disk: ${path}, ${size} raw, ${readOnly ? 'read only' : 'read and write'}, ${queues} queues (${engine}). QEMU, add:\n` +
    '  -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem\n' +
    `  -chardev socket,id=${name},path=${socket},reconnect=1 -device vhost-user-blk-pci,chardev=${name},num-queues=${queues}\n`
  );
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags('disk', args, flags, 64, 'disk takes files');
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const pairs = pairsOf(positionals, values);
  const queues = wholeNumber('queues', values.queues, 4, 1, 16);
  const mode = socketMode(values['socket-mode']);
  const isRaw = oneOf('format', values.format, ['raw']) !== undefined;
  const anyMemory = oneOf('memory', values.memory, ['any']) !== undefined;
  const engine = oneOf('engine', values.engine, ['auto', 'epoll', 'uring']) ?? 'auto';
  const direct = values.direct === true;
  const readOnly = values.readonly === true || values['read-only'] === true;
  const options: DisksOptions = { pairs, mode, queues, readOnly, isRaw, direct, anyMemory, id: values.id };
  const entry = new URL('../vhost/block/disk-thread.js', import.meta.url);
  return offerDevices<readonly OfferedDisk[]>('disk', entry, engine, options, ({ offered, engine: name }) =>
    offered.map((disk) => announcement(disk, options, name)).join(''),
  );
}
