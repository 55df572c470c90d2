// Sound files for tests: WAVs of known samples, made on the spot. Not here: other formats.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waveHeader } from '../../src/audio/sinks/wave-header.js';
import { frameBytes, type PcmFormat } from '../../src/wire/pcm/format.js';

/** 16 bits, stereo, 48 kHz. */
export const cdLike: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };

/** SHA-256 of bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A folder for one test, and what is written into it. */
export class AudioFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'clearway-audio-'));

  /** Where a file of a name is, or would be. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes a WAV of random samples; gives its path and its frames' bytes. */
  wave(name: string, frames: number, format = cdLike): { readonly path: string; readonly payload: Buffer } {
    const payload = randomBytes(frames * frameBytes(format));
    writeFileSync(this.at(name), Buffer.concat([waveHeader(format, payload.length, false), payload]));
    return { path: this.at(name), payload };
  }

  /** Removes all of it. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
