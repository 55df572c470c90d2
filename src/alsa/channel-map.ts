// The speakers of a device's channels, as its card says in the control "Playback Channel Map" (sound/core/pcm_lib.c, snd_pcm_add_chmap_ctls).
// What holds is asked once the device is configured; before, what there may be.

import { SNDRV_CHMAP, SNDRV_CTL_ELEM_IFACE, SNDRV_CTL_IOCTL, SNDRV_CTL_TLVT } from '../kernel/constants.js';
import { layouts } from '../kernel/layouts.js';
import { scratch } from '../kernel/memory.js';
import type { SoundCalls } from '../kernel/sound.js';
import { hostSoundPlaces, type OpenDevice, type SoundPlaces } from './cards.js';

/** A position's name by ALSA, without SNDRV_CHMAP_. */
export type ChannelPosition = Exclude<keyof typeof SNDRV_CHMAP, 'POSITION_MASK' | 'PHASE_INVERSE' | 'DRIVER_SPEC'>;

const positions = new Map<number, ChannelPosition>(
  Object.entries(SNDRV_CHMAP)
    .filter(([, value]) => value < SNDRV_CHMAP.POSITION_MASK)
    .map(([name, value]) => [value, name as ChannelPosition]),
);
const controlName = 'Playback Channel Map';

/** Works with a card's control device, while its element for a device's channels is named in `value`; undefined where there is none of it. */
function withElement<T>(
  calls: SoundCalls,
  device: OpenDevice,
  places: SoundPlaces,
  work: (control: number, value: DataView) => T | undefined,
): T | undefined {
  const control = calls.open(`${places.devices}/controlC${device.card}`);
  if (control < 0) return undefined;
  try {
    const { size } = layouts.snd_ctl_elem_value;
    const id = layouts.snd_ctl_elem_id.fields;
    const { bytes, data, offset, address } = scratch(size);
    bytes.fill(0, offset, offset + size);
    data.setUint32(offset + id.iface.offset, SNDRV_CTL_ELEM_IFACE.PCM, true);
    data.setUint32(offset + id.device.offset, device.device, true);
    for (const [index, letter] of [...controlName].entries())
      data.setUint8(offset + id.name.offset + index, letter.charCodeAt(0));
    if (calls.request(control, SNDRV_CTL_IOCTL.ELEM_READ, address) < 0) return undefined;
    return work(control, new DataView(data.buffer, offset, size));
  } finally {
    calls.close(control);
  }
}

/** Names of positions by their numbers, which libasound has too; undefined where one is not known. */
export function namesOf(values: ArrayLike<number>): ChannelPosition[] | undefined {
  const names = Array.from(values, (value) => {
    const isPlain = (value & (SNDRV_CHMAP.PHASE_INVERSE | SNDRV_CHMAP.DRIVER_SPEC)) === 0;
    return isPlain ? positions.get(value & SNDRV_CHMAP.POSITION_MASK) : undefined;
  });
  return names.every((name) => name !== undefined && name !== 'UNKNOWN') ? (names as ChannelPosition[]) : undefined;
}

/** Positions of the channels of a configured device in order; undefined where the card does not say, or not of all of them. */
export function channelMap(
  calls: SoundCalls,
  device: OpenDevice,
  channels: number,
  places: SoundPlaces = hostSoundPlaces,
): ChannelPosition[] | undefined {
  return withElement(calls, device, places, (_control, value) => {
    const at = layouts.snd_ctl_elem_value.fields.value;
    const count = Math.min(channels, at.size / 8);
    return namesOf(Array.from({ length: count }, (_, index) => value.getUint32(at.offset + index * 8, true)));
  });
}

const tlvBytes = 4096;
/** Of `struct snd_ctl_tlv`, and of each thing in it: two words before what it holds. */
const headBytes = 8;

/** The maps that a device may have, before it is configured; of several for one number of channels the first is what it takes. */
export function possibleChannelMaps(
  calls: SoundCalls,
  device: OpenDevice,
  places: SoundPlaces = hostSoundPlaces,
): ChannelPosition[][] {
  const found = withElement(calls, device, places, (control, value) => {
    const number = value.getUint32(layouts.snd_ctl_elem_id.fields.numid.offset, true);
    const { bytes, data, offset, address } = scratch(headBytes + tlvBytes);
    bytes.fill(0, offset, offset + headBytes + tlvBytes);
    data.setUint32(offset, number, true);
    data.setUint32(offset + 4, tlvBytes, true);
    if (calls.request(control, SNDRV_CTL_IOCTL.TLV_READ, address) < 0) return undefined;
    return readMaps(new DataView(data.buffer, offset + headBytes, tlvBytes));
  });
  return found ?? [];
}

/** Reads a container of maps; what is no map, or does not fit, is left out. */
export function readMaps(data: DataView): ChannelPosition[][] {
  const maps: ChannelPosition[][] = [];
  if (data.byteLength < headBytes || data.getUint32(0, true) !== SNDRV_CTL_TLVT.CONTAINER) return maps;
  const end = Math.min(data.byteLength, headBytes + data.getUint32(4, true));
  for (let at = headBytes; at + headBytes <= end; ) {
    const [type, bytes] = [data.getUint32(at, true), data.getUint32(at + 4, true)];
    if (at + headBytes + bytes > end) break;
    const words = Array.from({ length: bytes >>> 2 }, (_, index) => data.getUint32(at + headBytes + index * 4, true));
    const isMap = type >= SNDRV_CTL_TLVT.CHMAP_FIXED && type <= SNDRV_CTL_TLVT.CHMAP_PAIRED;
    const names = isMap ? namesOf(words) : undefined;
    if (names !== undefined) maps.push(names);
    at += headBytes + ((bytes + 3) & ~3);
  }
  return maps;
}
