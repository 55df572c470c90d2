// What the verifier meant: finds the complaint in its log, the instruction it was about, and says it in plain words.

import type { Assembly } from './assembler.js';

/** A verifier's complaint, explained. */
export interface Explanation {
  /** The verifier's own last words. */
  readonly complaint: string;
  /** The same in plain words, or the complaint itself where this file does not know it. */
  readonly meaning: string;
  /** Index of the instruction it stopped at, and the label before it, where the log says. */
  readonly instruction: number | undefined;
  readonly label: string | undefined;
  /** What the registers held there, as the verifier saw them. */
  readonly registers: string | undefined;
}

/** Complaints by pattern, most particular first. `$1` is the pattern's first group. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [
    /R(\d+) !read_ok/,
    'r$1 is read before anything was put there, or after a call destroyed it (calls keep r6..r9 only)',
  ],
  [
    /R(\d+) invalid mem access '(?:map_value_or_null|ptr_\w*or_null_?|\w*_or_null)'/,
    'r$1 may be null here: test it first',
  ],
  [
    /R(\d+) invalid mem access 'scalar'|R(\d+) invalid mem access 'inv'/,
    'r$1$2 is a plain number here, not a pointer the verifier knows: load it by a typed field, or cast it with castReadOnly',
  ],
  [/R(\d+) invalid mem access '(\w+)'/, 'r$1 holds a $2 here, which cannot be accessed as memory'],
  [
    /access beyond struct (\S+) at off (\d+) size (\d+)/,
    'the load at offset $2 of $3 bytes reaches past the end of struct $1',
  ],
  [
    /cannot access ptr member (\S+) with moff (\d+) in struct (\S+) with off (\d+) size (\d+)/,
    'the pointer $3.$1 must be loaded whole (8 bytes at offset $2)',
  ],
  [
    /invalid bpf_context access off=(\d+) size=(\d+)/,
    'this program type has no context field at offset $1 of $2 bytes, or the function has fewer arguments',
  ],
  [/func '?(\S+?)'? doesn't have (\d+)-th argument/, '$1 has no argument number $2'],
  [
    /func '?(\S+?)'? arg(\d+) .*type (\S+) is not a struct/,
    'argument $2 of $1 points to $3, which is no struct: it can only be compared or copied',
  ],
  [/unknown func (\S+)|invalid func (\S+)/, 'this kernel has no helper $1$2'],
  [
    /program of this type cannot use helper (\S+)|cannot use helper (\S+)/,
    'programs of this type may not call the helper $1$2',
  ],
  [
    /cannot call GPL-restricted function|cannot call GPL only/,
    'the helper is for GPL-compatible programs only: load with the GPL licence',
  ],
  [/back-edge from insn (\d+) to (\d+)/, 'there is a loop from instruction $1 to $2, and this kernel allows none here'],
  [/infinite loop detected at insn (\d+)/, 'the loop at instruction $1 is not seen to end'],
  [/unreachable insn (\d+)/, 'instruction $1 can never run: a label or jump is wrong'],
  [
    /BPF program is too large|processed .* insns .*limit/,
    'the program is too long or has too many paths for the verifier',
  ],
  [
    /invalid stack off=|invalid (?:write to|read from) stack|invalid indirect (?:read|access) (?:from|to) stack|stack R\d+ off=/,
    'the stack is accessed outside its 512 bytes, or read where nothing was written: initialise all bytes a helper reads',
  ],
  [
    /R(\d+) min value is (?:negative|outside)|R(\d+) unbounded memory access|R(\d+) max value is outside/,
    'r$1$2$3 is an offset or size without proven bounds: mask or compare it first',
  ],
  [/invalid access to packet/, 'the packet is read past data_end: compare the pointer with data_end first'],
  [
    /invalid access to map value, value_size=(\d+) off=(-?\d+) size=(\d+)/,
    'the map value has $1 bytes, and $3 at offset $2 were accessed',
  ],
  [/R(\d+) type=(\S+) expected=(.+)/, 'argument r$1 is a $2 where the helper requires $3'],
  [/math between (\S+) pointer and/, 'arithmetic on a $1 pointer is not allowed here'],
  [/R0 !read_ok|At program exit the register R0/, 'the program ends without a (valid) result in r0'],
  [/Unreleased reference id=(\d+)/, 'a reference was taken and not released on some path (ring buffer record, socket)'],
  [/jump out of range|invalid jump/, 'a jump leaves the program'],
  [
    /attach_btf_id (\d+) is not a function|Tracing programs must provide btf_id/,
    'the attach target is not in the kernel BTF as the kind that this program type requires',
  ],
  [
    /\bis not a kernel function|kernel function (\S+) .*not allowed|calling kernel function (\S+) is not allowed/,
    'programs of this type may not call the kernel function $1$2',
  ],
];

/**
 * Explains a rejected program from the verifier's log (log level 1 or 2).
 * @param assembly the program, to name the place by its label.
 */
export function explainVerifierLog(log: string, assembly?: Pick<Assembly, 'labelBefore'>): Explanation {
  const lines = log.split('\n').map((line) => line.replaceAll('\0', '').trimEnd());
  const told = lines.filter(
    (line) =>
      line.trim() !== '' &&
      !/^(processed \d+|verification time|stack depth|mark_precise|peak_states|total_states|-- END)/.test(line),
  );
  const complaint = told.findLast((line) => !isTrace(line)) ?? told.at(-1) ?? '';
  const at = instructionOf(lines, complaint);
  const registers = told.findLast((line) => /(^|: |; )R\d+(_w)?=/.test(line));
  return {
    complaint,
    meaning: plainWords(complaint) ?? plainWords(log) ?? complaint,
    instruction: at,
    label: at === undefined ? undefined : assembly?.labelBefore(at),
    registers: registers === undefined ? undefined : registers.slice(registers.search(/R\d+(_w)?=/)),
  };
}

/** Lines of the walk through the program, as opposed to the complaint at its end. */
function isTrace(line: string): boolean {
  return /^\d+: |^from \d+ to \d+|^; |^R\d+(_w)?=|^last_idx|^regs=|^func#\d+|^Func#|^caller:|^callee:/.test(line);
}

function instructionOf(lines: readonly string[], complaint: string): number | undefined {
  const inside = /insn (\d+)/.exec(complaint);
  if (inside !== null) return Number(inside[1]);
  const last = lines.findLast((line) => /^\d+: \(/.test(line));
  return last === undefined ? undefined : Number(/^\d+/.exec(last)![0]);
}

function plainWords(text: string): string | undefined {
  for (const [pattern, words] of meanings) {
    const match = pattern.exec(text);
    if (match !== null) return words.replaceAll(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? '');
  }
  return undefined;
}

/** The explanation as one paragraph, for an error's detail. */
export function describeExplanation(explanation: Explanation): string {
  const { instruction, label, meaning, complaint, registers } = explanation;
  const place = instruction === undefined ? '' : `at instruction ${instruction}${label ? ` (after "${label}")` : ''}: `;
  const own = meaning === complaint ? '' : `\nverifier: ${complaint}`;
  return `${place}${meaning}${own}${registers === undefined ? '' : `\nregisters: ${registers}`}`;
}
