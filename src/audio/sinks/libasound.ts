// libasound's functions, bound by the FFI library where they are wanted, and what it says of a stream: names of its parts, refusals in one sentence. Addresses and
// small integers in, the C result out. Not here: the sink that plays through it (alsa-library.ts), which names there are (devices.ts).

import { type ChannelPosition, namesOf } from '../../alsa/channel-map.js';
import { SoundError, type SoundTrouble } from '../../alsa/sound-error.js';
import { Errno } from '../../kernel/errno.js';
import { bind, type Library, type NativeFunction, openLibrary, viewMemory } from '../../kernel/ffi.js';
import { addressOfFunction, textAt } from '../../kernel/foreign.js';
import { scratch } from '../../kernel/memory.js';
import { sonames } from '../sonames.js';

/** The library's functions that are used, by the names behind `snd_`, with their arguments. */
const prototypes = {
  pcm_open: 'int snd_pcm_open(int64 pcm, int64 name, int stream, int mode)',
  pcm_close: 'int snd_pcm_close(int64 pcm)',
  pcm_state: 'int snd_pcm_state(int64 pcm)',
  pcm_avail: 'long snd_pcm_avail(int64 pcm)',
  pcm_mmap_begin: 'int snd_pcm_mmap_begin(int64 pcm, int64 areas, int64 offset, int64 frames)',
  pcm_mmap_commit: 'long snd_pcm_mmap_commit(int64 pcm, ulong offset, ulong frames)',
  pcm_writei: 'long snd_pcm_writei(int64 pcm, int64 frames, ulong count)',
  pcm_start: 'int snd_pcm_start(int64 pcm)',
  pcm_drop: 'int snd_pcm_drop(int64 pcm)',
  pcm_drain: 'int snd_pcm_drain(int64 pcm)',
  pcm_prepare: 'int snd_pcm_prepare(int64 pcm)',
  pcm_pause: 'int snd_pcm_pause(int64 pcm, int on)',
  pcm_status: 'int snd_pcm_status(int64 pcm, int64 status)',
  pcm_status_get_trigger_htstamp: 'void snd_pcm_status_get_trigger_htstamp(int64 status, int64 time)',
  pcm_dump: 'int snd_pcm_dump(int64 pcm, int64 output)',
  pcm_get_chmap: 'int64 snd_pcm_get_chmap(int64 pcm)',
  pcm_hw_params_sizeof: 'ulong snd_pcm_hw_params_sizeof()',
  pcm_hw_params_any: 'int snd_pcm_hw_params_any(int64 pcm, int64 params)',
  pcm_hw_params: 'int snd_pcm_hw_params(int64 pcm, int64 params)',
  pcm_hw_params_set_access: 'int snd_pcm_hw_params_set_access(int64 pcm, int64 params, int access)',
  pcm_hw_params_test_channels: 'int snd_pcm_hw_params_test_channels(int64 pcm, int64 params, uint channels)',
  pcm_hw_params_set_format: 'int snd_pcm_hw_params_set_format(int64 pcm, int64 params, int format)',
  pcm_hw_params_set_channels: 'int snd_pcm_hw_params_set_channels(int64 pcm, int64 params, uint channels)',
  pcm_hw_params_test_rate: 'int snd_pcm_hw_params_test_rate(int64 pcm, int64 params, uint rate, int direction)',
  pcm_hw_params_set_rate: 'int snd_pcm_hw_params_set_rate(int64 pcm, int64 params, uint rate, int direction)',
  pcm_hw_params_set_buffer_size_near:
    'int snd_pcm_hw_params_set_buffer_size_near(int64 pcm, int64 params, int64 frames)',
  pcm_hw_params_set_period_size_near:
    'int snd_pcm_hw_params_set_period_size_near(int64 pcm, int64 params, int64 frames, int64 direction)',
  pcm_hw_params_get_buffer_size: 'int snd_pcm_hw_params_get_buffer_size(int64 params, int64 frames)',
  pcm_hw_params_get_buffer_size_max: 'int snd_pcm_hw_params_get_buffer_size_max(int64 params, int64 frames)',
  pcm_hw_params_get_period_size: 'int snd_pcm_hw_params_get_period_size(int64 params, int64 frames, int64 direction)',
  pcm_hw_params_get_channels_min: 'int snd_pcm_hw_params_get_channels_min(int64 params, int64 channels)',
  pcm_hw_params_get_channels_max: 'int snd_pcm_hw_params_get_channels_max(int64 params, int64 channels)',
  pcm_hw_params_can_pause: 'int snd_pcm_hw_params_can_pause(int64 params)',
  pcm_hw_params_can_disable_period_wakeup: 'int snd_pcm_hw_params_can_disable_period_wakeup(int64 params)',
  pcm_hw_params_set_period_wakeup: 'int snd_pcm_hw_params_set_period_wakeup(int64 pcm, int64 params, uint on)',
  pcm_sw_params_sizeof: 'ulong snd_pcm_sw_params_sizeof()',
  pcm_sw_params_current: 'int snd_pcm_sw_params_current(int64 pcm, int64 params)',
  pcm_sw_params_set_start_threshold: 'int snd_pcm_sw_params_set_start_threshold(int64 pcm, int64 params, ulong frames)',
  pcm_sw_params_set_stop_threshold: 'int snd_pcm_sw_params_set_stop_threshold(int64 pcm, int64 params, ulong frames)',
  pcm_sw_params_set_avail_min: 'int snd_pcm_sw_params_set_avail_min(int64 pcm, int64 params, ulong frames)',
  pcm_sw_params_set_tstamp_mode: 'int snd_pcm_sw_params_set_tstamp_mode(int64 pcm, int64 params, int mode)',
  pcm_sw_params_set_tstamp_type: 'int snd_pcm_sw_params_set_tstamp_type(int64 pcm, int64 params, int clock)',
  pcm_sw_params: 'int snd_pcm_sw_params(int64 pcm, int64 params)',
  output_buffer_open: 'int snd_output_buffer_open(int64 output)',
  output_buffer_string: 'ulong snd_output_buffer_string(int64 output, int64 text)',
  output_close: 'int snd_output_close(int64 output)',
  strerror: 'int64 snd_strerror(int errno)',
  lib_error_set_handler: 'int snd_lib_error_set_handler(int64 handler)',
  device_name_hint: 'int snd_device_name_hint(int card, int64 kind, int64 hints)',
  device_name_get_hint: 'int64 snd_device_name_get_hint(int64 hint, int64 what)',
  device_name_free_hint: 'int snd_device_name_free_hint(int64 hints)',
} as const;

/** The functions, by the names behind `snd_`. */
export type AlsaCalls = { readonly [name in keyof typeof prototypes | 'free']: NativeFunction };

/** Modes of opening: never wait; and nothing is converted behind our back (SND_PCM_NONBLOCK, SND_PCM_NO_AUTO_*, SND_PCM_NO_SOFTVOL). */
export const OpenMode = { nonBlocking: 1, asIs: 0xf_0000 } as const;

let calls: AlsaCalls | undefined;

/**
 * The library, bound on first use.
 * @throws SoundError where it is not there
 */
export function alsaCalls(): AlsaCalls {
  if (calls !== undefined) return calls;
  const library = alsaLibrary();
  if (library === undefined) {
    throw new SoundError(
      'missing',
      'ALSA names other than hw:CARD,DEVICE need libasound, which is not here; install it (apt-get install libasound2, dnf install alsa-lib) or play to hw:0,0',
    );
  }
  const entries = Object.entries(prototypes).map(([name, prototype]) => [name, library.bind(prototype)]);
  const bound = { ...Object.fromEntries(entries), free: bind('void free(int64 memory)') } as AlsaCalls;
  // It prints what went wrong by itself. What happened is said by us, in one sentence: it gets a function that does nothing with what it is given.
  const harmless = addressOfFunction('getpid');
  if (harmless !== 0) bound.lib_error_set_handler(harmless);
  calls = bound;
  return bound;
}

/** The library itself; undefined where it is not installed. */
export function alsaLibrary(): Library | undefined {
  return openLibrary(sonames.libasound);
}

const longestDump = 64 * 1024;

/** What a stream is made of, as `snd_pcm_dump` tells: `Plug PCM: Rate conversion PCM (48000, sformat=S16_LE)...`. Empty where it does not say. */
export function describeParts(alsa: AlsaCalls, pcm: number): string {
  const place = scratch(16);
  if ((alsa.output_buffer_open(place.address) as number) < 0) return '';
  const output = Number(place.data.getBigUint64(place.offset, true));
  try {
    alsa.pcm_dump(pcm, output);
    const out = scratch(8);
    const length = alsa.output_buffer_string(output, out.address) as number;
    const address = Number(out.data.getBigUint64(out.offset, true));
    if (address === 0 || length <= 0) return '';
    return new TextDecoder().decode(viewMemory(address, Math.min(length, longestDump)));
  } finally {
    alsa.output_close(output);
  }
}

/** A stream's speakers in order; undefined where it does not say. */
export function speakersOf(alsa: AlsaCalls, pcm: number, channels: number): ChannelPosition[] | undefined {
  const map = alsa.pcm_get_chmap(pcm) as number;
  if (map === 0) return undefined;
  const words = new Uint32Array(viewMemory(map, 4 * (channels + 1)));
  const names = words[0] === channels ? namesOf(words.subarray(1)) : undefined;
  alsa.free(map);
  return names;
}

/** Opening a name failed. @param name as the user wrote it */
export function refusedName(alsa: AlsaCalls, name: string, errno: number): SoundError {
  const refuse = (trouble: SoundTrouble, sentence: string): SoundError => new SoundError(trouble, sentence, errno);
  const words = textAt(alsa.strerror(-errno) as number, 200);
  switch (errno) {
    case Errno.ENOENT:
    case Errno.ENODEV:
    case Errno.ENXIO:
      return refuse(
        'missing',
        `ALSA has no device ${name} (${words}); see those that there are: clearway play --devices`,
      );
    case Errno.EBUSY:
    case Errno.EAGAIN:
      return refuse('busy', `${name} is in use by another program; see who has it: fuser -v /dev/snd/*`);
    case Errno.EACCES:
    case Errno.EPERM:
      return refuse(
        'rights',
        `${name}: this user may not open it; add it to the group audio and log in again: sudo usermod -aG audio $USER`,
      );
    case Errno.ECONNREFUSED:
    case Errno.EHOSTDOWN:
      return refuse(
        'missing',
        `${name}: the sound server behind it does not run; start it (systemctl --user start pipewire) or play to the card: --device hw:0,0`,
      );
    case Errno.EINVAL:
      return refuse(
        'name',
        `ALSA cannot make a device of the name ${name}; see those that there are: clearway play --devices`,
      );
    default:
      return refuse('unable', `${name} cannot be opened: ${words}; see those that can: clearway play --devices`);
  }
}
