// Images: the same sources give the same bytes, both sides agree on where everything is, and what is no image is refused in a sentence.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Layout } from '../../src/vmm/boot.js';
import { ImageError, imageBase, imageEnd, readImage } from '../../src/vmm/image-file.js';
import { buildImage, missingTools } from './image-tool.js';
import { imageOf, imagesRefused } from './support.js';

test('an image is made again with the same bytes', { skip: imagesRefused() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  for (const name of ['probe', 'kv']) {
    await buildImage(name, join(folder, name), 'own');
    assert.ok(readFileSync(join(folder, name)).equals(readFileSync(imageOf(name))), name);
  }
  rmSync(folder, { recursive: true });
});

test('by gcc as well', { skip: imagesRefused() || (missingTools() ?? false) }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  const paths = ['one', 'other'].map((file) => join(folder, file));
  for (const path of paths) await buildImage('probe', path, 'gcc');
  const [one, other] = paths.map((path) => readFileSync(path));
  assert.ok(one!.equals(other!));
  rmSync(folder, { recursive: true });
});

test('the monitor and the image mean the same places', () => {
  const text = readFileSync('src/image/layout.h', 'utf8');
  const named: Record<string, keyof typeof Layout> = {
    ...{ LINEAR_PHYSICAL: 'linearPhysical', LINEAR_VIRTUAL: 'linearVirtual', LINEAR_GUARD: 'linearGuard' },
    ...{ DEVICES_VIRTUAL: 'devicesVirtual', LINEAR_MOST: 'linearMost', PORT_SERIAL: 'portSerial', PORT_END: 'portEnd' },
    ...{ PORT_PARK: 'portPark', DOOR_OURS: 'doorOurs', USER_CODE: 'userCode', USER_DATA: 'userData' },
    COMMAND_LINE_BYTES: 'commandLineBytes',
  };
  for (const [name, field] of Object.entries(named)) {
    const value = new RegExp(`^#define ${name} (\\S+)$`, 'm').exec(text)?.[1];
    assert.equal(Number(value), Layout[field], name);
  }
  assert.match(text, new RegExp(`IMAGE_BASE 0x${imageBase.toString(16)}\n`));
  assert.equal(imageEnd, Layout.linearPhysical);
});

test('the store is small: TCP, every command and the machine in 256 KiB', { skip: imagesRefused() }, () => {
  assert.ok(readFileSync(imageOf('kv')).length <= 256 * 1024);
});

test('what is no image is refused in a sentence', { skip: imagesRefused() }, () => {
  const good = readFileSync(imageOf('probe'));
  readImage(good);
  const spoilt = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const table = Number(good.readBigUInt64LE(32));
  const cases: readonly (readonly [RegExp, Buffer])[] = [
    [/no ELF file/, Buffer.from('#!/bin/sh\n')],
    [/no ELF file/, Buffer.alloc(0)],
    [/not for x86-64/, spoilt((bytes) => bytes.writeUInt16LE(183, 18))],
    [/headers lie outside/, spoilt((bytes) => bytes.writeUInt16LE(0xffff, 56))],
    [/headers lie outside/, spoilt((bytes) => bytes.writeBigUInt64LE(1n << 40n, 32))],
    [/outside of the file/, spoilt((bytes) => bytes.writeBigUInt64LE(0xffff_0000n, table + 8))],
    [/beyond 4 GiB/, spoilt((bytes) => bytes.writeBigUInt64LE(1n << 63n, table + 24))],
    [/not between 1 and 2 MiB/, spoilt((bytes) => bytes.writeBigUInt64LE(0n, table + 24))],
    [/not between 1 and 2 MiB/, spoilt((bytes) => bytes.writeBigUInt64LE(0xffff_ffffn, table + 40))],
    [/no note of Clearway/, spoilt((bytes) => bytes.write('Somebody', bytes.indexOf('Clearway\0')))],
    [/place outside/, spoilt((bytes) => bytes.writeBigUInt64LE(0n, bytes.indexOf('Clearway\0') + 12 + 8))],
    [/outside of the file|headers lie outside/, good.subarray(0, 200)],
  ];
  for (const [words, bytes] of cases)
    assert.throws(
      () => readImage(bytes),
      (error) => error instanceof ImageError && words.test(error.message),
      `${words}`,
    );
  for (let round = 0; round < 2000; round++) {
    const bytes = spoilt((each) => {
      for (let changes = 0; changes < 3; changes++)
        each[(round * 7919 + changes * 104_729) % 512] = (round * 31 + changes * 97) & 0xff;
    });
    try {
      readImage(bytes);
    } catch (error) {
      assert.ok(error instanceof ImageError, `${round}: ${error}`);
    }
  }
});
