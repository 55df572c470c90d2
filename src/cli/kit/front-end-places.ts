// Where the front ends of devices come from, as the commands that offer devices (vhost-user) are told: one --socket, --fd or --connect for each device,
// in order. Not here: what is done with them (vhost/door.ts), what the devices are.

import { basename, resolve } from 'node:path';
import type { Place } from '../../vhost/door.js';
import { UsageError } from './usage.js';
import { socketMode } from './values.js';

/** The options, for `parseFlags`. */
export const placeFlags = {
  socket: { type: 'string', multiple: true },
  'socket-path': { type: 'string', multiple: true },
  'socket-mode': { type: 'string' },
  fd: { type: 'string', multiple: true },
  connect: { type: 'string', multiple: true },
} as const;

/** Their lines of a help text. */
export const placeHelp = `  --socket PATH      Unix socket that the virtual machine connects to; repeatable
  --socket-mode MODE permissions of the sockets (660: owner and group)
  --fd N             a socket that was handed over as descriptor N: one that listens, or is connected; repeatable
  --connect PATH     connects to a socket at which the virtual machine listens, again and again; repeatable
`;

/** Descriptors 0 to 2 are the terminal's. */
const firstDescriptor = 3;

interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly value?: string | undefined;
}

function descriptorOf(value: string): number {
  const fd = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (fd >= firstDescriptor) return fd;
  throw new UsageError(
    `--fd is ${JSON.stringify(value)}, and must be the number of a descriptor from ${firstDescriptor} on`,
  );
}

/** A name in the abstract namespace stays what it is. */
const pathOf = (value: string): string => (value.startsWith('@') ? value : resolve(value));

/** Places in the order in which they were given. @param permissions of sockets that are made @throws UsageError */
export function placesOf(tokens: readonly Token[], permissions: string | undefined): readonly Place[] {
  const mode = socketMode(permissions);
  const places: Place[] = [];
  for (const { kind, name, value = '' } of tokens) {
    if (kind !== 'option') continue;
    if (name === 'socket' || name === 'socket-path') places.push({ kind: 'socket', path: pathOf(value), mode });
    else if (name === 'connect') places.push({ kind: 'connect', path: pathOf(value) });
    else if (name === 'fd') places.push({ kind: 'fd', fd: descriptorOf(value) });
  }
  const names = places.map(placeName);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) throw new UsageError(`${twice} is given twice: each device has one of its own`);
  return places;
}

/** What a place is called. */
export function placeName(place: Place): string {
  return place.kind === 'fd' ? `descriptor ${place.fd}` : place.path;
}

/** QEMU's ids: letters, digits, `-`, `.` and `_`, a letter first. */
function identifier(path: string): string {
  const name = basename(path).replace(/[^A-Za-z0-9._-]/g, '_');
  return /^[A-Za-z]/.test(name) ? name : `cw-${name}`;
}

/** A word of a shell. */
const word = (text: string): string => (/^[\w./,=@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/**
 * The character device of QEMU that reaches a place, such that it can be pasted into a shell, and its name; undefined: who handed the
 * descriptor over knows.
 */
export function chardevOf(place: Place): { readonly id: string; readonly options: string } | undefined {
  if (place.kind === 'fd') return undefined;
  const id = identifier(place.path);
  const how = place.kind === 'socket' ? 'reconnect=1' : 'server=on,wait=off';
  // A comma ends a value of QEMU's; two are one.
  return { id, options: `-chardev ${word(`socket,id=${id},path=${place.path.replaceAll(',', ',,')},${how}`)}` };
}
