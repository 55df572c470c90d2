// What the name of a sink means (`--device`). Pure: nothing is opened, no device is asked whether it is there.

/** A sink by its name. It travels as JSON. */
export type SinkName =
  /** A card by the kernel's interface. */
  | { readonly kind: 'alsa-kernel'; readonly card: number; readonly device: number; readonly subdevice: number }
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
}

const longestName = 1024;
const mostNumber = 1023;

function kernelName(text: string): SinkName | undefined {
  const [, card, device, subdevice] = /^hw:(\d{1,4})(?:,(\d{1,4})(?:,(\d{1,4}))?)?$/.exec(text) ?? [];
  if (card === undefined) return undefined;
  const numbers = [card, device ?? '0', subdevice ?? '-1'].map(Number) as [number, number, number];
  if (numbers.some((each) => each > mostNumber)) {
    throw new SinkNameError(
      `${text} is no card: numbers go up to ${mostNumber}; clearway play --devices lists what is there`,
    );
  }
  return { kind: 'alsa-kernel', card: numbers[0], device: numbers[1], subdevice: numbers[2] };
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
 * `hw:C,D[,S]` with numbers is the kernel's interface; `jack`, `null`, `null:fast`, `file:PATH`, `raw:PATH` and `-` (WAV to standard
 * output; `raw:-` for bare samples) are our own; every other name is ALSA's, also `hw:CARD=Name`, and `alsa:NAME` for one that is taken here (`alsa:null`).
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
