// Sound cards and their playback devices, asked of each card's control device (/dev/snd/controlC*): no library. Who has a
// device open is asked of /proc/asound. Not here: what a device takes (takes.ts).

import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { SNDRV_CTL_IOCTL, SNDRV_PCM_STREAM } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { layouts } from '../kernel/layouts.js';
import { scratch } from '../kernel/memory.js';
import type { SoundCalls } from '../kernel/sound.js';
import { type DeviceName, writeDeviceName } from './device-name.js';
import { type DeviceOwner, refusedOpening, SoundError } from './sound-error.js';

/** A playback device of a card. */
export interface PlaybackDevice {
  readonly device: number;
  readonly id: string;
  readonly name: string;
  readonly subdevices: number;
  readonly freeSubdevices: number;
}

/** A card. */
export interface SoundCard {
  readonly card: number;
  readonly id: string;
  readonly driver: string;
  readonly name: string;
  readonly longName: string;
  readonly devices: readonly PlaybackDevice[];
}

/** Where sound devices are found; tests give folders of their own. */
export interface SoundPlaces {
  readonly devices: string;
  readonly proc: string;
  readonly processes: string;
}

/** The host's. */
export const hostSoundPlaces: SoundPlaces = { devices: '/dev/snd', proc: '/proc/asound', processes: '/proc' };

const mostCards = 256;
const mostDevices = 64;

/** Text of a fixed field, up to its NUL; what is no printable character becomes a question mark. */
function fixedText(data: DataView, offset: number, { offset: at, size }: { offset: number; size: number }): string {
  let text = '';
  for (let index = 0; index < size; index++) {
    const byte = data.getUint8(offset + at + index);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return Buffer.from(text, 'latin1')
    .toString('utf8')
    .replaceAll(/\p{Cc}/gu, '?')
    .trim();
}

/** Numbers of the cards that have a control device, in order. */
export function cardNumbers(places: SoundPlaces = hostSoundPlaces): number[] {
  let names: string[] = [];
  try {
    names = readdirSync(places.devices);
  } catch {
    return [];
  }
  return names
    .map((name) => /^controlC(\d{1,3})$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .filter((number) => number < mostCards)
    .sort((left, right) => left - right);
}

function cardInfo(calls: SoundCalls, fd: number): Omit<SoundCard, 'devices'> | number {
  const { size, fields } = layouts.snd_ctl_card_info;
  const { data, offset, address } = scratch(size);
  const result = calls.request(fd, SNDRV_CTL_IOCTL.CARD_INFO, address);
  if (result < 0) return result;
  return {
    card: data.getInt32(offset + fields.card.offset, true),
    id: fixedText(data, offset, fields.id),
    driver: fixedText(data, offset, fields.driver),
    name: fixedText(data, offset, fields.name),
    longName: fixedText(data, offset, fields.longname),
  };
}

function playbackDevice(calls: SoundCalls, fd: number, device: number): PlaybackDevice | undefined {
  const { size, fields } = layouts.snd_pcm_info;
  const { bytes, data, offset, address } = scratch(size);
  bytes.fill(0, offset, offset + size);
  data.setUint32(offset + fields.device.offset, device, true);
  data.setInt32(offset + fields.stream.offset, SNDRV_PCM_STREAM.PLAYBACK, true);
  // -ENOENT: it only records.
  if (calls.request(fd, SNDRV_CTL_IOCTL.PCM_INFO, address) < 0) return undefined;
  return {
    device,
    id: fixedText(data, offset, fields.id),
    name: fixedText(data, offset, fields.name),
    subdevices: data.getUint32(offset + fields.subdevices_count.offset, true),
    freeSubdevices: data.getUint32(offset + fields.subdevices_avail.offset, true),
  };
}

function playbackDevices(calls: SoundCalls, fd: number): PlaybackDevice[] {
  const devices: PlaybackDevice[] = [];
  for (let last = -1, asked = 0; asked < mostDevices; asked++) {
    const { data, offset, address } = scratch(4);
    data.setInt32(offset, last, true);
    if (calls.request(fd, SNDRV_CTL_IOCTL.PCM_NEXT_DEVICE, address) < 0) break;
    const next = data.getInt32(offset, true);
    if (next <= last) break;
    last = next;
    const found = playbackDevice(calls, fd, next);
    if (found !== undefined) devices.push(found);
  }
  return devices;
}

/** Asks one card. Returns what it is, or -errno. */
export function askCard(calls: SoundCalls, card: number, places: SoundPlaces = hostSoundPlaces): SoundCard | number {
  const fd = calls.open(`${places.devices}/controlC${card}`);
  if (fd < 0) return fd;
  try {
    const about = cardInfo(calls, fd);
    return typeof about === 'number' ? about : { ...about, devices: playbackDevices(calls, fd) };
  } finally {
    calls.close(fd);
  }
}

/** Every card that can be asked. */
export function soundCards(calls: SoundCalls, places: SoundPlaces = hostSoundPlaces): SoundCard[] {
  return cardNumbers(places)
    .map((card) => askCard(calls, card, places))
    .filter((card) => typeof card !== 'number');
}

/** The number of a card that is called by number or id. @throws SoundError where there is none of that id */
function cardNumber(calls: SoundCalls, { card }: DeviceName, places: SoundPlaces = hostSoundPlaces): number {
  if (typeof card === 'number') return card;
  const cards = soundCards(calls, places);
  const found = cards.find(({ id }) => id === card);
  if (found !== undefined) return found.card;
  const ids = cards.map(({ id, card: number }) => `${id} (hw:${number})`).join(', ');
  throw new SoundError(
    'missing',
    `there is no sound card ${card}; ${ids === '' ? 'there is none at all' : `there are ${ids}`}`,
  );
}

/** A small file of /proc, at most 4 KiB of it; undefined where it cannot be read. */
function readProc(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const bytes = Buffer.alloc(4096);
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Who has a playback device open; undefined where nobody has, or it cannot be seen. */
export function deviceOwner(
  card: number,
  device: number,
  subdevice?: number,
  places: SoundPlaces = hostSoundPlaces,
): DeviceOwner | undefined {
  const folder = `${places.proc}/card${card}/pcm${device}p`;
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const wanted = subdevice === undefined ? /^sub\d+$/ : new RegExp(`^sub${subdevice}$`);
  for (const name of names.filter((each) => wanted.test(each)).sort()) {
    const pid = Number(/^owner_pid\s*:\s*(\d+)$/m.exec(readProc(`${folder}/${name}/status`) ?? '')?.[1]);
    if (!(pid > 0)) continue;
    // What it shows is a thread; its process is what a user knows and ends.
    const status = readProc(`${places.processes}/${pid}/status`) ?? '';
    const group = Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1] ?? pid);
    const command = readProc(`${places.processes}/${group}/comm`)
      ?.trim()
      .replaceAll(/[^\x20-\x7e]/g, '?');
    return { pid: group, command: command === '' ? undefined : command };
  }
  return undefined;
}

/** A playback device that is open. */
export interface OpenDevice {
  readonly fd: number;
  readonly card: number;
  readonly device: number;
  /** As it is told to people. */
  readonly name: string;
}

/**
 * Opens a playback device. It does not wait for one that is taken; calls on it do wait then.
 * @throws SoundError with who has it, or what is missing
 */
export function openDevice(calls: SoundCalls, wanted: DeviceName, places: SoundPlaces = hostSoundPlaces): OpenDevice {
  const card = cardNumber(calls, wanted, places);
  const { device, subdevice } = wanted;
  const name = writeDeviceName(card, device, subdevice);
  const path = `${places.devices}/pcmC${card}D${device}p`;
  // Which subdevice is said beforehand, by whoever has the control device open until then.
  const control = subdevice === undefined ? -Errno.ENOENT : calls.open(`${places.devices}/controlC${card}`);
  if (subdevice !== undefined && control >= 0) {
    const { data, offset, address } = scratch(4);
    data.setInt32(offset, subdevice, true);
    calls.request(control, SNDRV_CTL_IOCTL.PCM_PREFER_SUBDEVICE, address);
  }
  const fd = calls.open(path);
  if (control >= 0) calls.close(control);
  if (fd < 0) throw refusedOpening(name, path, -fd, deviceOwner(card, device, subdevice, places));
  calls.setBlocking(fd, true);
  return { fd, card, device, name };
}
