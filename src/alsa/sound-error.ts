// What a sound device is refused or lost for, as one sentence with how to fix it. Not here: what a program does about it.

import { Errno, errnoName, errnoWords } from '../kernel/errno.js';

/**
 * Why there is no sound: `name` is no device's; it is `missing`; another has it (`busy`); no `rights`; it does not take the `format`; it went away
 * (`gone`); it was asked for what it cannot (`unable`).
 */
export type SoundTrouble = 'name' | 'missing' | 'busy' | 'rights' | 'format' | 'gone' | 'unable';

/** A device that cannot be used; the message is one sentence, with the fix. */
export class SoundError extends Error {
  override readonly name = 'SoundError';
  readonly code = 'CLEARWAY_SOUND';
  readonly trouble: SoundTrouble;
  /** Positive, where a call said so. */
  readonly errno: number | undefined;

  constructor(trouble: SoundTrouble, message: string, errno?: number) {
    super(message);
    this.trouble = trouble;
    this.errno = errno;
  }
}

/** Who has a device open, as far as it can be seen. */
export interface DeviceOwner {
  readonly pid: number;
  /** The program's name; undefined where /proc does not show it. */
  readonly command: string | undefined;
}

const servers: Readonly<Record<string, string>> = {
  pipewire: 'use it through the server (--device pipewire), or take the card from it: pactl set-card-profile CARD off',
  wireplumber:
    'use it through the server (--device pipewire), or take the card from it: pactl set-card-profile CARD off',
  pulseaudio: 'use it through the server (--device pulse), or set it aside: pasuspender -- clearway play ...',
  jackd: 'use it through the server: --device jack',
  jackdbus: 'use it through the server: --device jack',
  mpd: 'stop it: mpc stop',
};

/** An owner in words: `pipewire (process 812)`. */
export function describeOwner(owner: DeviceOwner): string {
  return owner.command === undefined ? `process ${owner.pid}` : `${owner.command} (process ${owner.pid})`;
}

/** How to get a device that is taken. */
function fixOfBusy(owner: DeviceOwner | undefined): string {
  if (owner === undefined) return 'see who has it: fuser -v /dev/snd/*';
  return servers[owner.command ?? ''] ?? `end it: kill ${owner.pid}`;
}

/**
 * Opening a device failed.
 * @param device as the user called it @param path of /dev/snd @param owner who has it, for EBUSY
 */
export function refusedOpening(device: string, path: string, errno: number, owner?: DeviceOwner): SoundError {
  switch (errno) {
    case Errno.EBUSY:
    case Errno.EAGAIN: {
      const who = owner === undefined ? 'another program' : describeOwner(owner);
      return new SoundError('busy', `${device} is in use by ${who}; ${fixOfBusy(owner)}`, errno);
    }
    case Errno.EACCES:
    case Errno.EPERM:
      return new SoundError(
        'rights',
        `${device}: this user may not open ${path}; add it to the group audio and log in again: sudo usermod -aG audio $USER`,
        errno,
      );
    case Errno.ENOENT:
    case Errno.ENXIO:
    case Errno.ENODEV:
      return new SoundError(
        'missing',
        `there is no sound device ${device} (${path}); see those that are there: clearway play --devices`,
        errno,
      );
    default:
      return new SoundError(
        'unable',
        `${device} cannot be opened: ${errnoWords(errno)} (${errnoName(errno)}); see those that can: clearway play --devices`,
        errno,
      );
  }
}

/** The device went away while it was used. */
export function wentAway(device: string): SoundError {
  return new SoundError(
    'gone',
    `${device} went away while it was playing; plug it in again and see what it is called now: clearway play --devices`,
    Errno.ENODEV,
  );
}

/** A call of a device that is open failed in a way that there is no fix for but to open it again. */
export function failedCall(device: string, call: string, errno: number): SoundError {
  if (errno === Errno.ENODEV) return wentAway(device);
  return new SoundError(
    'unable',
    `${device}: ${call} failed: ${errnoWords(errno)} (${errnoName(errno)}); see what the driver says: dmesg | tail`,
    errno,
  );
}
