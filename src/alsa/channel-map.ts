// The speakers of a device's channels, as its card says in the control "Playback Channel Map" (sound/core/pcm_lib.c, snd_pcm_add_chmap_ctls).
// It is asked once the device is configured: before, it says nothing.

import { SNDRV_CHMAP, SNDRV_CTL_ELEM_IFACE, SNDRV_CTL_IOCTL } from '../kernel/constants.js';
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

/** Positions of the channels of a configured device in order; undefined where the card does not say, or not of all of them. */
export function channelMap(
  calls: SoundCalls,
  device: OpenDevice,
  channels: number,
  places: SoundPlaces = hostSoundPlaces,
): ChannelPosition[] | undefined {
  const control = calls.open(`${places.devices}/controlC${device.card}`);
  if (control < 0) return undefined;
  try {
    const { size, fields } = layouts.snd_ctl_elem_value;
    const id = layouts.snd_ctl_elem_id.fields;
    const { data, offset, address } = scratch(size);
    for (let at = 0; at < size; at += 4) data.setUint32(offset + at, 0, true);
    data.setUint32(offset + id.iface.offset, SNDRV_CTL_ELEM_IFACE.PCM, true);
    data.setUint32(offset + id.device.offset, device.device, true);
    for (const [index, letter] of [...controlName].entries())
      data.setUint8(offset + id.name.offset + index, letter.charCodeAt(0));
    if (calls.request(control, SNDRV_CTL_IOCTL.ELEM_READ, address) < 0) return undefined;
    const found = Array.from({ length: Math.min(channels, fields.value.size / 8) }, (_, index) => {
      const value = data.getUint32(offset + fields.value.offset + index * 8, true);
      const isPlain = (value & (SNDRV_CHMAP.PHASE_INVERSE | SNDRV_CHMAP.DRIVER_SPEC)) === 0;
      return isPlain ? positions.get(value & SNDRV_CHMAP.POSITION_MASK) : undefined;
    });
    return found.every((name) => name !== undefined && name !== 'UNKNOWN') ? (found as ChannelPosition[]) : undefined;
  } finally {
    calls.close(control);
  }
}
