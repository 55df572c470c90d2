// What the name of a sink means (`--device`). Pure: nothing is opened, no device is asked whether it is there.

import { isKernelName, readDeviceName } from '../../alsa/device-name.js';
import { SoundError } from '../../alsa/sound-error.js';

/** A sink by its name. It travels as JSON. */
export type SinkName =
  /** A card, by its number or id, by the kernel's interface; subdevice -1: any that is free. */
  | {
      readonly kind: 'alsa-kernel';
      readonly card: number | string;
      readonly device: number;
      readonly subdevice: number;
    }
  /** Any name of ALSA's, by its library. */
  | { readonly kind: 'alsa-library'; readonly name: string }
  | { readonly kind: 'jack' }
  /** WAV, or bare samples, in a file; `path` undefined: standard output. */
  | { readonly kind: 'file'; readonly path: string | undefined; readonly isRaw: boolean }
  /** Frames are counted and dropped, in real time or as fast as they come. */
  | { readonly kind: 'null'; readonly isPaced: boolean };

/** A name that means nothing: the message is for people. */
export class SinkNameError extends Error {
  override readonly name = 'SinkNameError';
  readonly code = 'CLEARWAY_SINK_NAME';
}

const longestName = 1024;

function kernelName(text: string): SinkName | undefined {
  if (!isKernelName(text)) return undefined;
  try {
    const { card, device, subdevice = -1 } = readDeviceName(text);
    return { kind: 'alsa-kernel', card, device, subdevice };
  } catch (error) {
    if (error instanceof SoundError) throw new SinkNameError(error.message);
    throw error;
  }
}

function fileName(text: string, isRaw: boolean): SinkName {
  if (text === '')
    throw new SinkNameError(
      `${isRaw ? 'raw:' : 'file:'} needs a path behind it, such as ${isRaw ? 'raw:out.raw' : 'file:out.wav'}`,
    );
  if (text === '-') return { kind: 'file', path: undefined, isRaw };
  return { kind: 'file', path: text, isRaw };
}

/**
 * `hw:C,D[,S]` is the kernel's interface, the card by number or id, also as `hw:CARD=PCH,DEV=0`; `jack`, `null`, `null:fast`, `file:PATH`, `raw:PATH` and `-` (WAV to standard
 * output; `raw:-` for bare samples) are our own; every other name is ALSA's, and `alsa:NAME` for one that is taken here (`alsa:null`).
 * @throws SinkNameError
 */
export function parseSinkName(text: string): SinkName {
  if (text === '' || text.length > longestName || text.includes('\0')) {
    throw new SinkNameError('a device has a name of up to 1024 characters: hw:0,0, default, jack, file:out.wav, null');
  }
  if (text === 'jack') return { kind: 'jack' };
  if (text === 'null' || text === 'null:fast') return { kind: 'null', isPaced: text === 'null' };
  if (text === '-') return { kind: 'file', path: undefined, isRaw: false };
  if (text.startsWith('file:')) return fileName(text.slice('file:'.length), false);
  if (text.startsWith('raw:')) return fileName(text.slice('raw:'.length), true);
  const kernel = kernelName(text);
  if (kernel !== undefined) return kernel;
  const name = text.startsWith('alsa:') ? text.slice('alsa:'.length) : text;
  if (name === '') throw new SinkNameError('alsa: needs a name behind it, such as alsa:default');
  return { kind: 'alsa-library', name };
}
