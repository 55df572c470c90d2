// Names of kernel devices as ALSA writes them: `hw:0,0`, `hw:0,3,1`, `hw:PCH`, `hw:CARD=PCH,DEV=0,SUBDEV=1`. Pure.
// Not here: which card has an id (cards.ts).

import { SoundError } from './sound-error.js';

/** A playback device of the kernel. */
export interface DeviceName {
  /** The card's number, or its id. */
  readonly card: number | string;
  readonly device: number;
  /** Undefined: any that is free. */
  readonly subdevice: number | undefined;
}

const mostCards = 1024;
const mostDevices = 1024;

/** Whether a name is of this form at all: other names are libasound's. */
export function isKernelName(name: string): boolean {
  return /^hw(:|$)/.test(name);
}

/** Reads a name. @throws SoundError for what is none */
export function readDeviceName(name: string): DeviceName {
  const wrong = (): never => {
    throw new SoundError(
      'name',
      `${name} is no device of a sound card; write it as hw:CARD,DEVICE, for example hw:0,0`,
    );
  };
  const number = (text: string | undefined, most: number): number | undefined => {
    if (text === undefined || text === '') return undefined;
    if (!/^\d{1,4}$/.test(text) || Number(text) >= most) return wrong();
    return Number(text);
  };
  if (!isKernelName(name) || name.length > 100) return wrong();
  const parts = name === 'hw' || name === 'hw:' ? [] : name.slice(3).split(',');
  if (parts.length > 3) return wrong();
  const words: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const [, key = ['CARD', 'DEV', 'SUBDEV'][index]!, value = ''] = /^(?:(CARD|DEV|SUBDEV)=)?(.*)$/.exec(part) ?? [];
    if (words[key] !== undefined) return wrong();
    words[key] = value;
  }
  const card = words.CARD ?? '0';
  if (!/^[A-Za-z0-9_]{1,16}$/.test(card)) return wrong();
  return {
    card: /^\d+$/.test(card) ? (number(card, mostCards) ?? 0) : card,
    device: number(words.DEV, mostDevices) ?? 0,
    subdevice: number(words.SUBDEV, mostDevices),
  };
}

/** The shortest name of a device. */
export function writeDeviceName(card: number, device: number, subdevice?: number): string {
  return `hw:${card},${device}${subdevice === undefined ? '' : `,${subdevice}`}`;
}
