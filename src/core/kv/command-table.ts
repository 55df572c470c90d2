// The table of commands: found by name in any case with two comparisons of eight bytes. Each family of commands adds its own (kv/commands/).

/** What a command does, bit by bit; the names are those that COMMAND INFO gives (commands/command-info.ts). */
export const WRITE: u32 = 1;
export const READONLY: u32 = 2;
export const DENYOOM: u32 = 4;
export const ADMIN: u32 = 8;
export const PUBSUB: u32 = 16;
export const NO_AUTH: u32 = 32;
export const FAST: u32 = 64;
/** Allowed while a RESP2 client is subscribed. */
export const WHILE_SUBSCRIBED: u32 = 128;
/** Runs at once within MULTI. */
export const NOT_QUEUED: u32 = 256;
/** May wait for a key. */
export const BLOCKING: u32 = 512;
/** Where its keys are depends on its arguments. */
export const MOVABLE: u32 = 1024;
/** Is several commands, by the word behind its name (commands/subcommands.ts). */
export const SEVERAL: u32 = 2048;

@unmanaged
class Command {
  low: u64;
  high: u64;
  length: u32;
  /** The family in the upper bits, the number in it in the lower five. */
  number: u32;
  /** How many arguments with the name; negative: at least so many. */
  arity: i32;
  flags: u32;
  firstKey: i32;
  lastKey: i32;
  keyStep: i32;
  calls: u32;
}
const COMMAND_BYTES: u32 = 48;
const COMMANDS_MOST: u32 = 256;
const SLOTS: u32 = 1024;

const rows = memory.data(12_288, 8);
/** Number of a row and 1. */
const slots = memory.data(2048, 8);

/** How many commands there are. */
export let commandCount: u32 = 0;

let low: u64 = 0;
let high: u64 = 0;
const LOWER: u64 = 0x2020_2020_2020_2020;

/** Brings a name of 1 to 16 bytes into two numbers, letters in lower case: letters are the only bytes that the bit makes into letters. */
function pack(at: usize, length: u32): void {
  if (length >= 8) {
    low = load<u64>(at) | LOWER;
    high = load<u64>(at + length - 8) | LOWER;
    return;
  }
  high = 0;
  if (length >= 4) low = <u64>load<u32>(at) | ((<u64>load<u32>(at + length - 4)) << 32) | LOWER;
  else {
    low =
      <u64>load<u8>(at) |
      ((<u64>load<u8>(at + (length >> 1))) << 8) |
      ((<u64>load<u8>(at + length - 1)) << 16) |
      0x20_2020;
  }
}

function slotOf(length: u32): u32 {
  const mixed = (low ^ rotl<u64>(high, 29) ^ <u64>length) * 0x9e37_79b9_7f4a_7c15;
  return <u32>(mixed >> 54);
}

/** Empties the table. */
export function commandsBegin(): void {
  memory.fill(rows, 0, 12_288);
  memory.fill(slots, 0, 2048);
  commandCount = 0;
}

const nameBuffer = memory.data(16, 8);

/** Adds a command. @param name up to 16 characters, in lower case. */
export function addCommand(
  name: string,
  number: u32,
  arity: i32,
  flags: u32,
  firstKey: i32,
  lastKey: i32,
  keyStep: i32,
): void {
  const length = <u32>name.length;
  if (commandCount === COMMANDS_MOST || length > 16) unreachable();
  for (let index: u32 = 0; index < length; index++) {
    store<u8>(nameBuffer + index, <u8>load<u16>(changetype<usize>(name) + index * 2));
  }
  pack(nameBuffer, length);
  const it = changetype<Command>(rows + commandCount * COMMAND_BYTES);
  it.low = low;
  it.high = high;
  it.length = length;
  it.number = number;
  it.arity = arity;
  it.flags = flags;
  it.firstKey = firstKey;
  it.lastKey = lastKey;
  it.keyStep = keyStep;
  commandCount += 1;
  let slot = slotOf(length);
  while (load<u16>(slots + slot * 2) !== 0) slot = (slot + 1) & (SLOTS - 1);
  store<u16>(slots + slot * 2, <u16>commandCount);
}

/** The command of a name; 0: there is none. */
export function findCommand(at: usize, length: u32): usize {
  if (length === 0 || length > 16) return 0;
  pack(at, length);
  let slot = slotOf(length);
  while (true) {
    const row = <u32>load<u16>(slots + slot * 2);
    if (row === 0) return 0;
    const it = changetype<Command>(rows + (row - 1) * COMMAND_BYTES);
    if (it.low === low && it.high === high && it.length === length) return changetype<usize>(it);
    slot = (slot + 1) & (SLOTS - 1);
  }
}

/** A command by its place in the table. */
export function commandAt(index: u32): usize {
  return rows + index * COMMAND_BYTES;
}

/** The family of a command, and its number there. */
export function commandNumber(command: usize): u32 {
  return changetype<Command>(command).number;
}

/** What a command does. */
export function commandFlags(command: usize): u32 {
  return changetype<Command>(command).flags;
}

/** How many arguments it has; negative: at least so many. */
export function commandArity(command: usize): i32 {
  return changetype<Command>(command).arity;
}

/** Whether a command may have so many arguments, its name included. */
export function arityFits(command: usize, given: u32): bool {
  const arity = changetype<Command>(command).arity;
  return arity >= 0 ? given === <u32>arity : given >= <u32>-arity;
}

/** Where its keys are: `which` 0 the first, 1 the last (negative: from the end), 2 the step between them. */
export function commandKeys(command: usize, which: u32): i32 {
  return load<i32>(command + which * 4, offsetof<Command>('firstKey'));
}

/** Counts a call. */
export function countCall(command: usize): void {
  changetype<Command>(command).calls += 1;
}

/** How often it was called. */
export function commandCalls(command: usize): u32 {
  return changetype<Command>(command).calls;
}

/** No command was called, from now on. */
export function forgetCalls(): void {
  for (let index: u32 = 0; index < commandCount; index++) changetype<Command>(commandAt(index)).calls = 0;
}

/** Bytes of its name. */
export function commandNameLength(command: usize): u32 {
  return changetype<Command>(command).length;
}

/** Writes its name, of up to 16 bytes. */
export function writeCommandName(command: usize, to: usize): void {
  const it = changetype<Command>(command);
  if (it.length >= 8) {
    store<u64>(to, it.low);
    store<u64>(to + it.length - 8, it.high);
  } else if (it.length >= 4) {
    store<u32>(to, <u32>it.low);
    store<u32>(to + it.length - 4, <u32>(it.low >> 32));
  } else {
    store<u8>(to, <u8>it.low);
    store<u8>(to + (it.length >> 1), <u8>(it.low >> 8));
    store<u8>(to + it.length - 1, <u8>(it.low >> 16));
  }
  // What made letters small made this of the low line.
  for (let index: u32 = 0; index < it.length; index++) {
    if (load<u8>(to + index) === 0x7f) store<u8>(to + index, 0x5f);
  }
}
