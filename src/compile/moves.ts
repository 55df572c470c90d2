// Many values to their places at once, where a place may be what another value is still read from. Not here: which values, and which places.

import { type Address, Alu, type Assembler, type Rm } from './encode.js';
import { scratch } from './registers.js';

/** One value and where it goes. */
export interface Move {
  readonly to: Rm;
  readonly from: Rm | { readonly constant: bigint };
  readonly size: number;
  readonly isFloat: boolean;
}

const isConstant = (from: Move['from']): from is { readonly constant: bigint } =>
  typeof from === 'object' && 'constant' in from;

function toMemory(asm: Assembler, to: Address, { from, size, isFloat }: Move): void {
  if (isConstant(from)) {
    if (BigInt.asIntN(32, from.constant) === from.constant) {
      asm.storeNumber(to, Number(from.constant), size);
      return;
    }
    asm.moveNumber(scratch.first, from.constant, size);
    asm.store(to, scratch.first, size);
    return;
  }
  if (typeof from === 'number') {
    if (isFloat) asm.moveFloat(to, from);
    else asm.store(to, from, size);
    return;
  }
  asm.move(scratch.first, from, size);
  asm.store(to, scratch.first, size);
}

function toRegister(asm: Assembler, to: number, { from, size, isFloat }: Move): void {
  if (isConstant(from)) {
    if (from.constant === 0n) asm.alu(Alu.xor, to, to, 4);
    else asm.moveNumber(to, from.constant, size);
  } else if (isFloat) asm.moveFloat(to, from);
  else asm.move(to, from, size);
}

/** Moves between registers of one kind, cycles among them too. */
function amongRegisters(asm: Assembler, moves: readonly Move[], isFloat: boolean): void {
  const sources = new Map<number, number>();
  const sizes = new Map<number, number>();
  for (const { to, from, size } of moves)
    if (to !== from) {
      sources.set(to as number, from as number);
      sizes.set(to as number, size);
    }
  while (sources.size > 0) {
    const readers = new Set(sources.values());
    const free = [...sources.keys()].find((to) => !readers.has(to));
    if (free !== undefined) {
      if (isFloat) asm.moveFloat(free, sources.get(free)!);
      else asm.move(free, sources.get(free)!, sizes.get(free)!);
      sources.delete(free);
      continue;
    }
    // A circle: what is in the way goes to the place that wants it or aside.
    const [to, from] = [...sources.entries()][0]!;
    if (isFloat) asm.moveFloat(scratch.float, to);
    else asm.move(scratch.first, to, 8);
    const aside = isFloat ? scratch.float : scratch.first;
    for (const [other, source] of sources) if (source === to) sources.set(other, aside);
    if (isFloat) asm.moveFloat(to, from);
    else asm.move(to, from, 8);
    sources.delete(to);
  }
}

/** See the file's head. Places in memory are on the stack or in the instance, and no source is where a target is. */
export function moveAll(asm: Assembler, moves: readonly Move[]): void {
  for (const move of moves) if (typeof move.to !== 'number') toMemory(asm, move.to, move);
  const registers = moves.filter(({ to, from }) => typeof to === 'number' && typeof from === 'number');
  amongRegisters(
    asm,
    registers.filter(({ isFloat }) => !isFloat),
    false,
  );
  amongRegisters(
    asm,
    registers.filter(({ isFloat }) => isFloat),
    true,
  );
  for (const move of moves)
    if (typeof move.to === 'number' && typeof move.from !== 'number') toRegister(asm, move.to, move);
}
