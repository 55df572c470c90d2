// Where a client calls from, as Redis writes it: 10.0.0.1:34567, [fd00::1]:34567. For CLIENT LIST and CLIENT KILL.

import { isIpv4 } from '../addresses';
import { writeUnsigned } from '../resp/numbers';
import { peerOf } from '../tcp/sockets';

/** Two addresses with a port each, as `peerOf` writes them; and the text, of up to 47 characters. */
const names = memory.data(36, 8);
const text = memory.data(64, 8);

/** Where the text is. */
export function peerText(): usize {
  return text;
}

/** Writes the text for the peer of a socket. Returns how many bytes it has; 0: there is no such socket. */
export function writePeer(socket: i32): u32 {
  if (peerOf(socket, names) < 0) return 0;
  let at = isIpv4(names) ? writeFour() : writeSix();
  store<u8>(at, 0x3a);
  at += 1;
  return <u32>(at + writeUnsigned(at, <u64>load<u16>(names, 16)) - text);
}

function writeFour(): usize {
  let at = text;
  for (let index: u32 = 12; index < 16; index++) {
    if (index > 12) {
      store<u8>(at, 0x2e);
      at += 1;
    }
    at += writeUnsigned(at, <u64>load<u8>(names + index));
  }
  return at;
}

/** Bytes of the longest run of groups that are 0, of two at least, which is left out (RFC 5952); `runAt` is where it begins. */
let runAt: u32 = 0;
function longestRun(): u32 {
  let longest: u32 = 2;
  let run: u32 = 0;
  for (let index: u32 = 0; index < 16; index += 2) {
    run = load<u16>(names + index) === 0 ? run + 2 : 0;
    if (run <= longest) continue;
    longest = run;
    runAt = index + 2 - run;
  }
  return longest > 2 ? longest : 0;
}

function writeSix(): usize {
  const run = longestRun();
  let at = text;
  store<u8>(at, 0x5b);
  at += 1;
  for (let index: u32 = 0; index < 16; index += 2) {
    if (run > 0 && index === runAt) {
      store<u16>(at, 0x3a3a);
      at += 2;
      index += run - 2;
      continue;
    }
    if (index > 0 && load<u8>(at - 1) !== 0x3a) {
      store<u8>(at, 0x3a);
      at += 1;
    }
    at += writeHex(at, bswap<u16>(load<u16>(names + index)));
  }
  store<u8>(at, 0x5d);
  return at + 1;
}

/** Writes a group without leading zeros. Returns how many digits. */
function writeHex(at: usize, group: u16): u32 {
  let digits: u32 = 1;
  while (digits < 4 && <u32>group >> (digits * 4) !== 0) digits++;
  for (let index: u32 = 0; index < digits; index++) {
    const digit = (<u32>group >> ((digits - 1 - index) * 4)) & 15;
    store<u8>(at + index, <u8>(digit + (digit < 10 ? 0x30 : 0x57)));
  }
  return digits;
}
