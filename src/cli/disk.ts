// `clearway disk`: disks for virtual machines: raw files as virtio-blk devices over vhost-user. Options, the lines that QEMU needs, a clean end on
// signals. Not here: the device (vhost/block/).

import { basename, resolve } from 'node:path';
import { parseFlags } from './kit/flags.js';
import { shortageSentence } from './kit/shortage.js';
import { onSignals, statusOfSignal } from './kit/signals.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';

const help = `Usage: clearway disk FILE... --socket PATH... [options]

Offers raw disk images to virtual machines as virtio-blk devices (vhost-user). Data moves between the image and the guest's memory without a
copy in user space. One --socket for each FILE, in order.

  --socket PATH      Unix socket that the virtual machine connects to; repeatable
  --socket-mode MODE permissions of the sockets (660: owner and group)
  --queues N         most queues of a disk, 1 to 16 (4)
  --readonly         the guest cannot write
  --id TEXT          serial number that the guest sees, up to 20 letters (the file's name)
  --format raw       the image is raw, though it begins like another format
  --memory any       also accept guest memory that may become shorter: its end ends this process
  --engine NAME      epoll or uring (epoll: on io_uring a kick may wait for 250 ms)
  -h, --help         print this help
`;

const flags = {
  socket: { type: 'string', multiple: true },
  'socket-path': { type: 'string', multiple: true },
  'socket-mode': { type: 'string' },
  queues: { type: 'string' },
  readonly: { type: 'boolean' },
  'read-only': { type: 'boolean' },
  id: { type: 'string' },
  format: { type: 'string' },
  memory: { type: 'string' },
  engine: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseFlags<typeof flags>>['values'];

function wholeNumber(name: string, value: string | undefined, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be a whole number from ${least} to ${most}`);
}

function modeOf(value: string | undefined): number {
  if (value === undefined) return 0o660;
  if (/^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  throw new UsageError(`--socket-mode is ${JSON.stringify(value)}, and must be an octal number such as 660`);
}

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  const found = allowed.find((each) => each === value);
  if (value === undefined || found !== undefined) return found;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be ${allowed.join(' or ')}`);
}

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

const size = (sectors: number): string => `${(sectors / 2 ** 21).toFixed(1)} GiB`;

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags('disk', args, flags, 64, 'disk takes files');
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const pairs = pairsOf(positionals, values);
  const queues = wholeNumber('queues', values.queues, 4, 1, 16);
  const mode = modeOf(values['socket-mode']);
  const isRaw = oneOf('format', values.format, ['raw']) !== undefined;
  const any = oneOf('memory', values.memory, ['any']) !== undefined;
  const engine = oneOf('engine', values.engine, ['epoll', 'uring']) ?? 'epoll';
  const readOnly = values.readonly === true || values['read-only'] === true;
  const { Loop } = await import('../transport/loop.js');
  const { BlockFile } = await import('../vhost/block/block-file.js');
  const { BlockDevice } = await import('../vhost/block/block-device.js');
  const { VhostServer } = await import('../vhost/vhost-server.js');
  const loop = new Loop(engine);
  const opened: { readonly file: InstanceType<typeof BlockFile>; readonly server: InstanceType<typeof VhostServer> }[] =
    [];
  try {
    for (const [path, socket] of pairs) {
      const file = new BlockFile(path, { readOnly, isRaw });
      const say = (sentence: string): void =>
        void process.stderr.write(`clearway disk: ${basename(path)}: ${sentence}\n`);
      const device = new BlockDevice(loop, file, { queues, id: values.id ?? basename(path) });
      device.onSay = say;
      opened.push({ file, server: new VhostServer(loop, device, { path: socket, mode, memory: { any }, say }) });
      const how = `${size(file.sectors)} raw, ${readOnly ? 'read only' : 'read and write'}, ${queues} queues`;
      process.stdout.write(
        `${socket}\nclearway disk: ${path}, ${how} (${loop.engine.name}). QEMU, add:\n` +
          '  -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem\n' +
          `  -chardev socket,id=${basename(socket)},path=${socket},reconnect=1 -device vhost-user-blk-pci,chardev=${basename(socket)},num-queues=${queues}\n`,
      );
    }
  } catch (error) {
    for (const { file, server } of opened) server.close(() => file.close());
    loop.close();
    process.stderr.write(`clearway disk: ${shortageSentence(error) ?? (error as Error).message}\n`);
    return 1;
  }
  loop.attach();
  return new Promise((resolve) => {
    onSignals(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
      let left = opened.length;
      for (const { file, server } of opened) {
        server.close(() => {
          file.flush();
          file.close();
          if (--left > 0) return;
          loop.close();
          resolve(statusOfSignal(signal));
        });
      }
    });
  });
}
