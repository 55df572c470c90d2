// Sound cards in a guest, part of `npm run test:vm -- devices`: Debian's kernel with its drivers of an HDA card, a USB card, a loop and a dummy, played to by the
// kernel's own interface. What the emulated HDA card was given by DMA is compared with what was played, bit for bit, last frame included. One guest.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DeviceList } from '../../src/audio/devices.js';
import type { SinkOpening } from '../../src/audio/sinks/sink.js';
import { runInGuest } from './guest.js';
import { guestsImpossible } from './initial-disk.js';
import { fetchKernel } from './kernels.js';
import { soundFrames, soundPattern } from './sound-pattern.js';

const program = fileURLToPath(new URL('sound-guest.js', import.meta.url));
/** Their order is that of loading: the codec's driver has to be there before the card's. */
const modules = [
  ...['virtio_blk', 'snd_dummy', 'snd_aloop', 'snd_hda_codec_generic', 'snd_hda_intel', 'xhci_pci', 'snd_usb_audio'],
];
const tasks = [
  ...['devices', 'dummy', 'stall', 'hda', 'loop', 'direct', 'busy', 'refused', 'missing', 'usb'],
  ...['album', 'hdaAlbum', 'stopped', 'unplug'],
];
const guestLimitSeconds = 900;

interface Played {
  readonly opening: SinkOpening;
  readonly xruns: readonly { readonly gapMs: number }[];
  readonly left: number;
  readonly end: string;
}
interface PlayedFiles {
  readonly reason: string;
  readonly failure: string;
  readonly tracks: number;
  readonly xruns: readonly unknown[];
  readonly opening?: SinkOpening;
}
interface Recorded<T> {
  readonly played: T;
  readonly heard: string;
  readonly wanted: string;
  readonly missing: number;
  readonly isSilent: boolean;
}

describe('sound cards in a guest', {
  skip: guestsImpossible(['arecord', 'alsa-utils']) ?? false,
  concurrency: false,
}, () => {
  let folder = '';
  let recording = '';
  const results = new Map<string, unknown>();

  before(
    async () => {
      folder = mkdtempSync(join(tmpdir(), 'clearway-sound-'));
      recording = join(folder, 'hda.wav');
      const disk = join(folder, 'disk');
      writeFileSync(disk, soundPattern());
      const devices = [
        ...['-audiodev', `wav,id=hda,path=${recording},out.frequency=48000,out.channels=2,out.format=s16`],
        ...['-device', 'ich9-intel-hda', '-device', 'hda-output,audiodev=hda,mixer=off,use-timer=off'],
        ...['-audiodev', `wav,id=usb,path=${join(folder, 'usb.wav')}`],
        ...['-device', 'qemu-xhci', '-device', 'usb-audio,audiodev=usb'],
        ...['-drive', `file=${disk},if=virtio,format=raw,readonly=on`],
      ];
      const command = `cd '${process.cwd()}'\nenv HOME=/tmp '${process.execPath}' '${program}' ${tasks.join(' ')}`;
      const guest = await runInGuest(fetchKernel('6.1'), command, {
        limitSeconds: guestLimitSeconds,
        modules,
        devices,
      });
      for (const [, line] of guest.output.matchAll(/^@@(.*)$/gm)) {
        const { name, result } = JSON.parse(line!) as { name: string; result: unknown };
        results.set(name, result);
      }
      assert.equal(guest.status, 0, `${guest.output}\n${guest.console}`);
    },
    { timeout: (guestLimitSeconds + 60) * 1000 },
  );
  after(() => rmSync(folder, { recursive: true, force: true }));

  function result<T>(name: string): T {
    const found = results.get(name) as (T & { failed?: string }) | undefined;
    assert.ok(found !== undefined, `${name} did not run`);
    assert.equal((found as { failed?: string }).failed, undefined);
    return found;
  }

  /** All was played, and nothing ran dry. */
  function wasPlayed({ xruns, left, end, opening }: Played): void {
    assert.deepEqual([xruns, left, end], [[], soundFrames, 'played']);
    assert.equal(opening.path, 'direct');
  }

  test('cards, what they take, and nobody has them', () => {
    const { cards } = result<DeviceList>('devices');
    const names = cards.map(({ cardName }) => cardName);
    assert.ok(
      ['Dummy', 'Loopback', 'HDA', 'USB'].every((word) => names.some((name) => name.includes(word))),
      names.join(', '),
    );
    for (const { name, takes, owner, problem } of cards) {
      assert.deepEqual([owner, problem], [null, null], name);
      assert.ok(takes?.formats.includes('S16_LE') && takes.rates.includes(48_000) && takes.mmap, name);
    }
  });

  test('the dummy: everything leaves, after a rehearsal', () => wasPlayed(result('dummy')));

  test('a stall of 400 ms on a ring of 170 ms is one xrun', () => {
    const { xruns, end, left } = result<Played>('stall');
    assert.equal(xruns.length, 1, JSON.stringify(xruns));
    assert.ok(xruns[0]!.gapMs > 100, `${xruns[0]!.gapMs} ms`);
    assert.deepEqual([end, left], ['played', soundFrames]);
  });

  /** Both files were played, and nothing ran dry. */
  function werePlayed({ reason, failure, tracks, xruns, opening }: PlayedFiles): void {
    assert.deepEqual([reason, failure, tracks, xruns], ['played', '', 2, []]);
    assert.equal(opening?.path, 'direct');
  }

  test('HDA: what the card was given by DMA is what was played, the last frame included', (t) => {
    const played = result<Played>('hda');
    wasPlayed(played);
    assert.equal(played.opening.takesDirect, false, 'its ring is memory of the device');
    werePlayed(result<PlayedFiles>('hdaAlbum'));
    const file = readFileSync(recording);
    const wanted = soundPattern();
    // What ran dry in a guest that had no time was played again.
    const wholes: number[] = [];
    for (let at = file.indexOf(wanted, 44); at >= 0; at = file.indexOf(wanted, at + wanted.length)) wholes.push(at);
    t.diagnostic(`${wholes.length} times ${wanted.length} bytes; ${played.opening.notes.join('; ')}`);
    assert.ok(wholes.length >= 2, 'by the sink, and by the player as two files without a gap');
    for (const at of wholes) {
      const behind = file.subarray(at + wanted.length, at + wanted.length + 4000);
      assert.ok(
        behind.every((byte) => byte === 0),
        'silence behind it',
      );
    }
  });

  test('the player: two files without a gap, at the other end of the loop', () => {
    const { played, heard, wanted, missing, isSilent } = result<Recorded<PlayedFiles>>('album');
    werePlayed(played);
    assert.deepEqual([missing, heard, isSilent], [0, wanted, true]);
  });

  test('the player: a pump that is stopped for 400 ms with a ring of 170 ms is one xrun', () => {
    const { reason, failure, xruns, tracks } = result<PlayedFiles>('stopped');
    assert.deepEqual([reason, failure, tracks, xruns.length], ['played', '', 2, 1], JSON.stringify(xruns));
  });

  test('the loop: what comes out of its other end is what was played', () => {
    const { played, heard, wanted, missing } = result<Recorded<Played>>('loop');
    wasPlayed(played);
    assert.deepEqual([missing, heard], [0, wanted]);
  });

  test('the loop, read from the disk into its ring past the page cache', () => {
    const { played, heard, wanted, missing } = result<Recorded<Played>>('direct');
    assert.equal(played.opening.takesDirect, true);
    assert.deepEqual([played.end, played.xruns], ['played', []]);
    assert.deepEqual([missing, heard], [0, wanted]);
  });

  test('refusals are sentences with the fix', () => {
    const { message, list } = result<{ message: string; list: DeviceList['cards'][number] }>('busy');
    assert.match(message, /^hw:\d,0 is in use by aplay \(process PID\); end it: kill PID$|^hw:\d,0 is in use by aplay/);
    assert.equal(list.owner?.command, 'aplay');
    assert.match(list.problem ?? '', /in use by aplay/);
    assert.match(result<string>('refused'), /^hw:\d,0 does not take FLOAT64_LE; it takes .*S16_LE/);
    assert.match(result<string>('missing'), /^there is no sound device hw:99,0 .*--devices$/);
  });

  test('USB: pointers by SYNC_PTR, and an end', () => {
    const { opening, end, left, xruns } = result<Played>('usb');
    assert.match(opening.notes.join('; '), /SYNC_PTR/);
    assert.deepEqual([end, left, xruns], ['played', 48_000, []]);
  });

  test('USB: unplugged while it plays', () => {
    const { reason, failure } = result<PlayedFiles>('unplug');
    assert.equal(reason, 'failed');
    assert.match(failure, /^hw:\d,0 went away while it was playing; plug it in again/);
  });
});
