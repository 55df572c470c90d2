// What `clearway play --devices` and `--check` print, and which device is taken where none is named. Not here: how devices are asked (audio/devices.ts), what is checked
// (audio/realtime-check.ts).

import { describeOwner } from '../alsa/sound-error.js';
import { alsaNames, type CardDevice, cardDevices, type DeviceList, listDevices } from '../audio/devices.js';
import { findJackServer } from '../audio/sinks/jack-connect.js';
import { formatBytes } from '../text/units.js';
import { wrap } from '../text/wrap.js';

/** Names of ALSA's library that are worth a line: of the rest most are forms of them for one card. */
const mostNames = 40;

const isScreen = ({ cardName, deviceName }: CardDevice): boolean =>
  /hdmi|displayport/i.test(`${cardName} ${deviceName}`);
const isFree = ({ takes }: CardDevice): boolean => takes !== null;

/** Devices to try where none is named, the best first: cards that are free, by the kernel, those of screens last; a JACK server; ALSA's default. May be none. */
export function devicesToTry(): string[] {
  const cards = cardDevices().filter(isFree);
  return [
    ...cards.filter((card) => !isScreen(card)).map(({ name }) => name),
    ...(findJackServer() === undefined ? [] : ['jack']),
    ...(alsaNames()?.some(({ name }) => name === 'default') === true ? ['default'] : []),
    ...cards.filter(isScreen).map(({ name }) => name),
  ];
}

/** Everything that is listed: `--devices --json`. */
export interface FoundDevices extends DeviceList {
  /** The JACK server, where one answers. */
  readonly jack: { readonly rate: number; readonly periodFrames: number } | null;
}

/** Looks for devices. */
export function findDevices(): FoundDevices {
  return { ...listDevices(), jack: findJackServer() ?? null };
}

function cardLines(card: CardDevice, columns: number): string[] {
  const { name, cardName, deviceName, takes, owner, problem } = card;
  const indent = '      ';
  const more = (words: string): string[] => wrap(words, columns - indent.length).map((line) => `${indent}${line}`);
  const title = `  ${name.padEnd(12)} ${cardName}: ${deviceName}`;
  const lines = [title.slice(0, columns)];
  if (problem !== null) lines.push(...more(problem));
  else if (owner !== null) lines.push(...more(`in use by ${describeOwner(owner)}`));
  if (takes === null) return lines;
  const { formats, rates, channels, largestRingFrames, largestRingBytes, mmap } = takes;
  const range = channels.min === channels.max ? `${channels.min}` : `${channels.min} to ${channels.max}`;
  lines.push(
    ...more(`${formats.join(' ')}; ${rates.join(' ')} Hz; ${range} channels`),
    ...more(
      `largest ring ${largestRingFrames} frames (${formatBytes(largestRingBytes)})${mmap ? ', written in place' : ', cannot be written in place'}`,
    ),
  );
  return lines;
}

/** The list as people read it; ends with a newline. */
export function devicesText(found: FoundDevices, columns: number): string {
  const { cards, names, jack, notes } = found;
  const shown = names?.slice(0, mostNames) ?? [];
  const ofAlsa = shown.map(({ name, description }) =>
    `  ${name.padEnd(12)} ${description}`.trimEnd().slice(0, columns),
  );
  const left = (names?.length ?? 0) - shown.length;
  return `${[
    'Cards',
    ...(cards.length === 0 ? ['  none'] : cards.flatMap((card) => cardLines(card, columns))),
    '',
    'JACK',
    jack === null
      ? '  no server answers'
      : `  jack         a server at ${jack.rate} Hz, periods of ${jack.periodFrames} frames`,
    '',
    'ALSA names',
    ...(ofAlsa.length === 0 ? ['  none'] : ofAlsa),
    ...(left > 0 ? [`  and ${left} more: --json has them all`] : []),
    '',
    'Always there',
    '  null         a dry run in real time; null:fast as fast as it goes',
    '  file:PATH    a WAV; raw:PATH bare samples; - a WAV to standard output',
    ...(notes.length === 0 ? [] : ['', ...notes.flatMap((note) => wrap(note, columns))]),
  ].join('\n')}\n`;
}
