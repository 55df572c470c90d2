// The control block itself: settings as they were given, and figures as they are counted. What each field means stands in control.ts.

import { controlBytes, Figure, Place, Setting } from './control';

/** The address of the control block. */
export const control: usize = memory.data(2048, 64);

/** Counts one. */
export function count(figure: Figure): void {
  const at = control + <usize>figure;
  store<u64>(at, load<u64>(at) + 1);
}

/** Counts several. */
export function countMany(figure: Figure, many: u32): void {
  const at = control + <usize>figure;
  store<u64>(at, load<u64>(at) + <u64>many);
}

/** A setting of 32 bits. */
export function setting(which: Setting): u32 {
  return load<u32>(control + <usize>which);
}

/** The address of a setting. */
export function settingAt(which: Setting): usize {
  return control + <usize>which;
}

/** Says where something is. */
export function putPlace(which: Place, value: u32): void {
  store<u32>(control + <usize>which, value);
}

/** Refuses the settings because of one of them. Returns -EINVAL. */
export function refuse(field: i32): i32 {
  putPlace(Place.refused, <u32>field);
  return -22;
}

/** Writes the settings that have a default, and figures that are 0. */
export function resetControl(): void {
  memory.fill(control, 0, controlBytes);
  put(Setting.mtu, 1500);
  put(Setting.frameCount, 4096);
  put(Setting.frameSize, 2048);
  put(Setting.fillEntries, 2048);
  put(Setting.completionEntries, 2048);
  put(Setting.rxEntries, 1024);
  put(Setting.txEntries, 1024);
  put(Setting.trustPartial, 1);
  put(Setting.neighbours, 256);
  put(Setting.reassemblies, 64);
  put(Setting.paths, 256);
  put(Setting.connections, 4096);
  put(Setting.udpSockets, 64);
  put(Setting.icmpErrorsPerSecond, 100);
  put(Setting.batch, 256);
  put(Setting.receiveFrames, 128);
  put(Setting.sendFrames, 128);
  put(Setting.userTimeoutMs, 900_000);
  put(Setting.finWaitMs, 60_000);
  put(Setting.timeWaitMs, 60_000);
  put(Setting.keepIdleMs, 7_200_000);
  put(Setting.keepIntervalMs, 75_000);
  put(Setting.keepProbes, 9);
  put(Setting.synTries, 6);
  put(Setting.synAnswerTries, 5);
  put(Setting.challengesPerSecond, 1000);
  put(Setting.stallMs, 30_000);
}

function put(which: Setting, value: u32): void {
  store<u32>(control + <usize>which, value);
}
