// `node dist/bench/audio/decode-speed.js`: how fast FLAC is decoded into mapped memory, beside `flac -d` of the same files, rounds interleaved,
// by the processor's time. Not here: the pump (main.ts).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waveHeader } from '../../src/audio/sinks/wave-header.js';
import { listDecoders } from '../../src/audio/sources/decoders.js';
import { measureDecode } from '../../src/audio/sources/probe.js';
import type { PcmFormat } from '../../src/wire/pcm/format.js';
import { describeHost, hostFacts } from '../host/about.js';
import { median } from '../statistics.js';

const rounds = 5;

interface Subject {
  readonly name: string;
  readonly format: PcmFormat;
  readonly seconds: number;
}

const stereo = { channels: 2, channelMask: 3 } as const;
const subjects: readonly Subject[] = [
  { name: '44.1 kHz, 16 bits', seconds: 60, format: { sample: 'S16_LE', rate: 44_100, validBits: 16, ...stereo } },
  { name: '96 kHz, 24 bits', seconds: 30, format: { sample: 'S24_3LE', rate: 96_000, validBits: 24, ...stereo } },
];

/** Tones with a little noise: silence and pure noise are no music to a codec. */
function makeFlac(folder: string, { name, format, seconds }: Subject): string {
  const bytes = format.validBits / 8;
  const most = 2 ** (format.validBits - 1) - 1;
  const payload = Buffer.alloc(seconds * format.rate * 2 * bytes);
  let noise = 1;
  for (let at = 0; at < payload.length; at += bytes) {
    noise = (Math.imul(noise, 1_664_525) + 1_013_904_223) >>> 0;
    const tone = Math.sin(at / (97 * bytes)) * 0.4 + Math.sin(at / (31 * bytes)) * 0.2;
    payload.writeIntLE(Math.round((tone + (noise / 2 ** 32) * 0.01) * most), at, bytes);
  }
  const wave = join(folder, `${name}.wav`);
  writeFileSync(wave, Buffer.concat([waveHeader(format, payload.length, false), payload]));
  const path = join(folder, `${name}.flac`);
  const { status, stderr, error } = spawnSync('flac', ['-s', '-f', '-o', path, wave], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`flac made no file: ${error?.message ?? stderr}`);
  return path;
}

/** Seconds of processor time of our own decoding, all threads. */
async function ours(path: string): Promise<number> {
  const before = process.cpuUsage();
  const { verdict } = await measureDecode(path);
  const { user, system } = process.cpuUsage(before);
  if (verdict.md5 !== 'ok') throw new Error(`the MD5 of ${path} is ${verdict.md5}`);
  return (user + system) / 1e6;
}

/** Seconds of processor time of a `flac -d` that throws away what it decodes. */
function flac(path: string): number {
  const script = 'flac -d -s -c "$0" >/dev/null; times';
  const { stdout } = spawnSync('bash', ['-c', script, path], { encoding: 'utf8' });
  const times = [...(stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-decode-speed-'));
  try {
    const decoder = (await listDecoders()).find(({ formats }) => formats === 'FLAC')?.decoder;
    const lines = [`| FLAC | by ${decoder}, x real time | flac -d, x real time | ratio |`, '| --- | --- | --- | --- |'];
    for (const subject of subjects) {
      const path = makeFlac(folder, subject);
      const found: { ours: number; theirs: number }[] = [];
      await ours(path);
      for (let round = 0; round < rounds; round++) found.push({ ours: await ours(path), theirs: flac(path) });
      const [own, other] = [median(found.map((one) => one.ours)), median(found.map((one) => one.theirs))];
      const speed = (seconds: number): string => (subject.seconds / seconds).toFixed(0);
      lines.push(`| ${subject.name} | ${speed(own)} | ${speed(other)} | ${(other / own).toFixed(2)} |`);
    }
    const words = `Medians of ${rounds} interleaved rounds, seconds of sound for each second of processor time.`;
    process.stdout.write(
      `${describeHost({ ...hostFacts(), placement: 'not pinned' })}\n${words}\n\n${lines.join('\n')}\n`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
