// The stack on a card of virtio, set up by words of the command line: `ip=ADDRESS/LENGTH`, `gw=ADDRESS`. Not here: the stack, the driver (virtio/net.ts).

import { Setting } from '../control';
import { settingAt } from '../figures';
import { attachRings, controlBlock } from '../stack';
import { joinNet } from '../virtio/net';
import { commandLine, numberAt, numberEnd, seedAt, wordValue } from './boot';

const EINVAL: i32 = -22;

/** Reads an IPv4 address into 4 bytes. Returns its end, 0 where there is none. */
export function readAddress(at: usize, into: usize): usize {
  for (let part: u32 = 0; part < 4; part++) {
    const value = numberAt(at);
    if (numberEnd === at || value > 255) return 0;
    store<u8>(into + part, <u8>value);
    if (part === 3) return numberEnd;
    if (load<u8>(numberEnd) !== 46) return 0;
    at = numberEnd + 1;
  }
  return 0;
}

/** Takes the settings of the command line, and sizes that fit a guest. Returns 0; -EINVAL: there is no address, or it makes no sense. */
export function tellNetwork(frames: u32, connections: u32): i32 {
  controlBlock();
  const address = wordValue('ip=', commandLine());
  if (address === 0) return EINVAL;
  const end = readAddress(address, settingAt(Setting.ipv4));
  if (end === 0 || load<u8>(end) !== 47) return EINVAL;
  const length = numberAt(end + 1);
  if (length === 0 || length > 32) return EINVAL;
  store<u32>(settingAt(Setting.ipv4PrefixLength), <u32>length);
  const gateway = wordValue('gw=', commandLine());
  if (gateway !== 0 && readAddress(gateway, settingAt(Setting.ipv4Gateway)) === 0) return EINVAL;
  store<u32>(settingAt(Setting.frameCount), frames);
  store<u32>(settingAt(Setting.connections), connections);
  store<u32>(settingAt(Setting.fillEntries), 1024);
  store<u32>(settingAt(Setting.completionEntries), 1024);
  store<u64>(settingAt(Setting.seed), load<u64>(seedAt() + 16));
  store<u64>(settingAt(Setting.seed) + 8, load<u64>(seedAt() + 24));
  return 0;
}

/** Joins the stack, which is laid out, to the card. Returns as `attachRings`. */
export function beginNetwork(): i32 {
  joinNet();
  return attachRings();
}
