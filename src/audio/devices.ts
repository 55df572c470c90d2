// What there is to play to: cards by their drivers (no library), names by ALSA's library where it is there; of each card's devices what it takes, and who has it.
// Plain data, which travels as JSON. Not here: how it is printed (cli/play.ts).

import { deviceOwner, hostSoundPlaces, openDevice, type SoundPlaces, soundCards } from '../alsa/cards.js';
import { writeDeviceName } from '../alsa/device-name.js';
import type { Range } from '../alsa/hardware-parameters.js';
import { type DeviceOwner, SoundError } from '../alsa/sound-error.js';
import { speak } from '../alsa/stream.js';
import { deviceTakes } from '../alsa/takes.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { pointerAt, textAt } from '../kernel/foreign.js';
import { cString, scratch } from '../kernel/memory.js';
import { hostSoundCalls, type SoundCalls } from '../kernel/sound.js';
import { alsaCalls, alsaLibrary } from './sinks/libasound.js';

/** What a card's device takes. */
export interface DeviceAbilities {
  /** Formats by ALSA's names, such as `S16_LE`. */
  readonly formats: readonly string[];
  /** Frames a second: those of the usual ones that it takes, and the whole range. */
  readonly rates: readonly number[];
  readonly rateRange: Range;
  readonly channels: Range;
  /** Frames of the largest ring, whatever the format, and its bytes. */
  readonly largestRingFrames: number;
  readonly largestRingBytes: number;
  readonly smallestPeriodFrames: number;
  /** Frames can be written in place. */
  readonly mmap: boolean;
  /** It can do without an interrupt at each period, be held (PAUSE), go on after a suspension (RESUME). */
  readonly noPeriodWakeup: boolean;
  readonly pause: boolean;
  readonly resume: boolean;
  /** Its position moves in bursts. */
  readonly batch: boolean;
}

/** A device of a card. */
export interface CardDevice {
  /** What `--device` takes: `hw:0,0`. */
  readonly name: string;
  readonly card: number;
  readonly cardId: string;
  readonly cardName: string;
  readonly device: number;
  readonly deviceName: string;
  readonly subdevices: number;
  readonly freeSubdevices: number;
  /** Null where it cannot be asked: {@link problem} says why. */
  readonly takes: DeviceAbilities | null;
  readonly owner: DeviceOwner | null;
  /** One sentence, with the fix. */
  readonly problem: string | null;
}

/** A name of ALSA's library. */
export interface AlsaName {
  readonly name: string;
  /** What the library says of it, lines joined. */
  readonly description: string;
}

/** Everything that was found. */
export interface DeviceList {
  readonly cards: readonly CardDevice[];
  /** Null: libasound is not here. */
  readonly names: readonly AlsaName[] | null;
  /** What is missing for more, a sentence each. */
  readonly notes: readonly string[];
}

const mostNames = 1000;
const noCards =
  'there is no sound card: /dev/snd has no control device; load the driver of yours (modprobe snd-hda-intel, snd-usb-audio), or play through a server: --device jack';
const noLibrary =
  'ALSA names (default, pipewire, plughw) need libasound: apt-get install libasound2, dnf install alsa-lib';

/** Lists cards and names. It opens each device that is free for a moment and changes nothing. */
export function listDevices(calls: SoundCalls = hostSoundCalls, places: SoundPlaces = hostSoundPlaces): DeviceList {
  if (!platformIsLinux) return { cards: [], names: null, notes: ['sound cards are asked the way that Linux has'] };
  const cards = cardDevices(calls, places);
  const names = alsaNames();
  return { cards, names, notes: [...(cards.length === 0 ? [noCards] : []), ...(names === null ? [noLibrary] : [])] };
}

/** The playback devices of all cards. */
export function cardDevices(calls: SoundCalls = hostSoundCalls, places: SoundPlaces = hostSoundPlaces): CardDevice[] {
  return soundCards(calls, places).flatMap((card) =>
    card.devices.map((device): CardDevice => {
      const found = askDevice(calls, card.card, device.device, places);
      return {
        name: writeDeviceName(card.card, device.device),
        ...{ card: card.card, cardId: card.id, cardName: card.name },
        ...{ device: device.device, deviceName: device.name },
        ...{ subdevices: device.subdevices, freeSubdevices: device.freeSubdevices },
        ...found,
      };
    }),
  );
}

function askDevice(
  calls: SoundCalls,
  card: number,
  device: number,
  places: SoundPlaces,
): Pick<CardDevice, 'takes' | 'owner' | 'problem'> {
  const owner = deviceOwner(card, device, undefined, places) ?? null;
  try {
    const opened = openDevice(calls, { card, device, subdevice: undefined }, places);
    try {
      speak(calls, opened);
      const takes = deviceTakes(calls, opened);
      return {
        takes: {
          formats: takes.formats,
          rates: takes.rates,
          rateRange: takes.rateRange,
          channels: takes.channels,
          largestRingFrames: takes.bufferFrames.max,
          largestRingBytes: takes.bufferBytes.max,
          smallestPeriodFrames: takes.periodFrames.min,
          mmap: takes.mmapInterleaved,
          noPeriodWakeup: takes.abilities.noPeriodWakeup,
          pause: takes.abilities.pause,
          resume: takes.abilities.resume,
          batch: takes.abilities.batch,
        },
        owner,
        problem: null,
      };
    } finally {
      calls.close(opened.fd);
    }
  } catch (error) {
    if (!(error instanceof SoundError)) throw error;
    return { takes: null, owner, problem: error.message };
  }
}

/** Playback names of ALSA's library, without opening any; null where the library is not here. */
export function alsaNames(): AlsaName[] | null {
  if (alsaLibrary() === undefined) return null;
  const alsa = alsaCalls();
  const out = scratch(8);
  if ((alsa.device_name_hint(-1, cString('pcm'), out.address) as number) < 0) return [];
  const hints = Number(out.data.getBigUint64(out.offset, true));
  if (hints === 0) return [];
  try {
    const names: AlsaName[] = [];
    for (let index = 0; index < mostNames; index++) {
      const hint = pointerAt(hints + index * 8);
      if (hint === 0) break;
      const say = (what: string): string => {
        const text = alsa.device_name_get_hint(hint, cString(what)) as number;
        const words = textAt(text, 2000);
        if (text !== 0) alsa.free(text);
        return words;
      };
      const [name, description, direction] = [say('NAME'), say('DESC'), say('IOID')];
      // Without a direction it is for both.
      if (name !== '' && direction !== 'Input')
        names.push({ name, description: description.replaceAll(/\s*\n\s*/g, ', ') });
    }
    return names;
  } finally {
    alsa.device_name_free_hint(hints);
  }
}
