// What a disassembler (GNU objdump, AT&T syntax) reads in machine code, for tests of what writes it. Not here: what was meant.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be disassembled; false: it can. */
export function disassemblerRefused(): string | false {
  try {
    execFileSync('objdump', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'objdump is not installed (Debian: apt-get install binutils)';
  }
}

/** A line for each instruction, with single spaces and without remarks. @param mode of the processor, as objdump names it */
export function disassemble(bytes: Uint8Array, mode = 'i386:x86-64'): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  const file = join(folder, 'code');
  writeFileSync(file, bytes);
  const words = ['-D', '-b', 'binary', '-m', mode, '--no-show-raw-insn', file];
  const text = execFileSync('objdump', words, { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return [...text.matchAll(/^\s*[0-9a-f]+:\t(.*)$/gm)].map(([, line]) =>
    line!.trim().replace(/\s+/g, ' ').replace(/ #.*$/, ''),
  );
}
