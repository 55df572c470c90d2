// Images by our own compiler: what is said of a trap is said where nothing is gained by it, and how they end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { importCodes } from '../../src/compile/image-code.js';
import { readImage } from '../../src/vmm/image-file.js';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';
import { guestsRefused, imageOf } from './support.js';

describe('images by our own compiler', {
  skip: guestsRefused(),
  timeout: patient(240_000),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  after(() => rmSync(folder, { recursive: true }));
  /** The probe, in which other instructions are run where a byte is written to a port: `edi` is the port, `esi` the byte. And the address of those. */
  const withOut8 = (instructions: readonly number[]) => {
    const path = join(folder, 'with-out8');
    const image = readFileSync(imageOf('probe'));
    const { address, bytes } = readImage(image).parts.find(({ isExecutable }) => isExecutable)!;
    const at = Buffer.from(bytes).indexOf(importCodes().get('processor.out8')!.bytes);
    // Behind it is what is never run, up to where the next piece of text is aligned.
    assert.ok(at > 0 && instructions.length <= 16);
    bytes.set(instructions, at);
    writeFileSync(path, image);
    return { path, address: address + at };
  };
  const ended = async (image: string, deed: number) => {
    const { child, said } = start(image, '--memory', '16', '--port', '0', '--', `do=${deed}`);
    const [code] = (await once(child, 'close')) as [number];
    return { code, said: said() };
  };
  const start = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [program, 'vm', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    return { child, said: (): string => said };
  };

  test('a guest ends with its status, and a trap is said', async () => {
    for (const [deed, status, words] of [
      [1, 7, /ready/],
      [3, 126, /page fault at .*writing.*outside of linear memory/],
      [5, 126, /stopped by the program itself: a failed check/],
      [6, 126, /page fault at/],
    ] as const) {
      const { code, said } = await ended(imageOf('probe'), deed);
      assert.equal(code, status, `${deed}: ${said}`);
      assert.match(said, words);
    }
  });

  test('what is said of a trap is said at CPL 3, where whoever has the program gains nothing by it', async () => {
    // mov %edi,%edx; mov %cs,%eax; and $3,%al; or $0x30,%al; out %al,(%dx); ret
    const { path } = withOut8([0x89, 0xfa, 0x8c, 0xc8, 0x24, 3, 0x0c, 0x30, 0xee, 0xc3]);
    const { code, said } = await ended(path, 3);
    assert.match(said, /3{40}/);
    assert.doesNotMatch(said, /000/);
    // The status as well.
    assert.equal(code, 0x33, said);
  });

  test('a trap while another one is said ends the machine', async () => {
    // ud2
    const { path, address } = withOut8([0x0f, 0x0b]);
    const { code, said } = await ended(path, 3);
    // AMD's processors are reset by that, and say nothing of where it was.
    assert.match(said, new RegExp(`a trap that nobody took(\n| at 0x${address.toString(16)} )`));
    assert.equal(code, 1, said);
  });
});
