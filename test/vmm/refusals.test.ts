// What `clearway vm` refuses before there is a machine: a file that is no image, and options that would have no effect. It asks for no KVM.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';

test('wrong use is one sentence that names the file or the option, and status 2', {
  skip: process.platform === 'linux' ? false : 'guests need Linux',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-vm-refused-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const script = file('script.elf', '#!/bin/sh\n');
  const disk = file('disk.raw', '');
  truncateSync(disk, 3 * 1024 ** 3);
  mkdirSync(join(folder, 'folder'));
  try {
    for (const [args, words] of [
      [[join(folder, 'absent.elf')], /: there is no image .*absent\.elf: name one, such as /],
      [[script], /script\.elf is no image of Clearway's: it is no ELF file$/],
      [[disk], /disk\.raw is no image of Clearway's: it has 3\.0 GiB$/],
      [[join(folder, 'folder')], /folder is no image of Clearway's: it is no regular file$/],
      [[script, '--bind', '127.0.0.1'], /: --bind needs --port N: without it nobody can connect$/],
      [[script, '--guest-port', '7'], /: --guest-port needs --port N/],
      [[script, '--maxclients', '7'], /: --maxclients needs --port N/],
    ] as const) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'vm', ...args], {
        encoding: 'utf8',
        timeout: patient(60_000),
      });
      assert.match(stderr.trimEnd(), words, args.join(' '));
      assert.deepEqual([status, stdout, stderr.trimEnd().split('\n').length], [2, '', 1], args.join(' '));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
