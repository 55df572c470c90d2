// JACK's library by its functions: what is called, with which types, and the few things that are needed around it: names of ports out of its memory, its
// words to nobody. Also PipeWire's library of the same name has these functions. Not here: what is done with them (jack-sink.ts, jack-connect.ts).

import { type NativeFunction, openLibrary } from '../../kernel/ffi.js';
import { addressOfFunction, pointerAt, textAt } from '../../kernel/foreign.js';
import { cString, scratch } from '../../kernel/memory.js';
import { sonames } from '../sonames.js';

/** JackNoStartServer and JackUseExactName (jack/types.h): the server is the user's to start, and our name is known before. */
const openOptions = 1 | 2;

/** Flags of ports (jack/types.h). */
const PortFlag = { input: 1, output: 2, physical: 4 } as const;

/** What ports of samples are called. */
const floatPorts = '32 bit float mono audio';

/** The functions. Clients and ports are addresses, which are passed on as BigInt: a number of that size would be allocated at each call. */
export interface JackLibrary {
  readonly clientOpen: NativeFunction;
  readonly clientClose: NativeFunction;
  readonly activate: NativeFunction;
  readonly deactivate: NativeFunction;
  readonly sampleRate: NativeFunction;
  readonly bufferSize: NativeFunction;
  readonly setProcessThread: NativeFunction;
  readonly cycleWait: NativeFunction;
  readonly cycleSignal: NativeFunction;
  /** In a rehearsal {@link bufferSize} and this one stand for {@link cycleWait}, the next two for {@link cycleSignal}: the same shapes, without a wait, and two of each, so that V8 expects any. */
  readonly otherSize: NativeFunction;
  readonly noSignal: NativeFunction;
  readonly otherSignal: NativeFunction;
  readonly cycleTimes: NativeFunction;
  readonly portRegister: NativeFunction;
  readonly portBuffer: NativeFunction;
  /** As {@link portBuffer}; the low half of the address, a small integer. */
  readonly portBufferLow: NativeFunction;
  readonly portConnections: NativeFunction;
  readonly getPorts: NativeFunction;
  readonly portByName: NativeFunction;
  readonly connect: NativeFunction;
  readonly free: NativeFunction;
}

const prototypes: Readonly<Record<keyof JackLibrary, string>> = {
  clientOpen: 'int64 jack_client_open(int64 name, int options, int64 status)',
  clientClose: 'int jack_client_close(int64 client)',
  activate: 'int jack_activate(int64 client)',
  deactivate: 'int jack_deactivate(int64 client)',
  sampleRate: 'uint32 jack_get_sample_rate(int64 client)',
  bufferSize: 'uint32 jack_get_buffer_size(int64 client)',
  setProcessThread: 'int jack_set_process_thread(int64 client, int64 callback, int64 argument)',
  cycleWait: 'uint32 jack_cycle_wait(int64 client)',
  cycleSignal: 'void jack_cycle_signal(int64 client, int status)',
  otherSize: 'uint32 jack_get_buffer_size(int64 client)',
  noSignal: 'void jack_get_buffer_size(int64 client, int status)',
  otherSignal: 'void jack_get_buffer_size(int64 client, int status)',
  cycleTimes: 'int jack_get_cycle_times(int64 client, int64 frames, int64 now, int64 next, int64 period)',
  portRegister: 'int64 jack_port_register(int64 client, int64 name, int64 type, ulong flags, ulong bytes)',
  portBuffer: 'int64 jack_port_get_buffer(int64 port, uint32 frames)',
  portBufferLow: 'int jack_port_get_buffer(int64 port, uint32 frames)',
  portConnections: 'int jack_port_connected(int64 port)',
  getPorts: 'int64 jack_get_ports(int64 client, int64 pattern, int64 type, ulong flags)',
  portByName: 'int64 jack_port_by_name(int64 client, int64 name)',
  connect: 'int jack_connect(int64 client, int64 source, int64 destination)',
  free: 'void jack_free(int64 memory)',
};

let loaded: JackLibrary | undefined;

/** Loads the library; `undefined` where there is none. What it has to say about errors goes to nobody: we say it ourselves. */
export function loadJack(): JackLibrary | undefined {
  if (loaded !== undefined) return loaded;
  const library = openLibrary(sonames.libjack);
  if (library === undefined) return undefined;
  const entries = Object.entries(prototypes).map(([name, prototype]) => [name, library.bind(prototype)]);
  const calls = Object.fromEntries(entries) as JackLibrary;
  // A function that takes a text and does nothing with it.
  const mute = addressOfFunction('strlen');
  for (const name of ['jack_set_error_function', 'jack_set_info_function'])
    library.bind(`void ${name}(int64 callback)`)(mute);
  loaded = calls;
  return calls;
}

/** Opens a client under exactly that name. @returns the client, or 0n: no server, or the name is taken */
export function openClient(jack: JackLibrary, name: string): bigint {
  const status = scratch(8);
  return BigInt(jack.clientOpen(cString(name), openOptions, status.address));
}

/** Has libjack's own thread sleep for ever, so that the server waits for {@link JackLibrary.cycleWait} of ours. Before `activate`. */
export function leaveCyclesToUs(jack: JackLibrary, client: bigint): void {
  jack.setProcessThread(client, addressOfFunction('sleep'), 1_000_000);
}

/** A port that samples leave by. @returns the port, or 0n */
export function registerOutput(jack: JackLibrary, client: bigint, name: string): bigint {
  return BigInt(jack.portRegister(client, cString(name), cString(floatPorts), PortFlag.output, 0));
}

const longestPortName = 512;

/** Names of the ports by which sound leaves the computer, in the server's order; 64 at most. */
export function playbackPorts(jack: JackLibrary, client: bigint): string[] {
  const list = Number(jack.getPorts(client, 0, cString(floatPorts), PortFlag.input | PortFlag.physical));
  if (list === 0) return [];
  const names: string[] = [];
  for (let index = 0; index < 64; index++) {
    const address = pointerAt(list + index * 8);
    if (address === 0) break;
    names.push(textAt(address, longestPortName));
  }
  jack.free(list);
  return names;
}

/** Joins an output to an input by their full names, where both are there: of one that is not jackd would complain. @returns whether they are joined now */
export function connectPorts(jack: JackLibrary, client: bigint, from: string, to: string): boolean {
  for (const name of [from, to]) if (BigInt(jack.portByName(client, cString(name))) === 0n) return false;
  const result = Number(jack.connect(client, cString(from), cString(to)));
  // EEXIST: they were.
  return result === 0 || result === 17;
}
