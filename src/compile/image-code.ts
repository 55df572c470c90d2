// What of an image has to be instructions: the doors by which a machine is entered, the ways in of traps, and what src/core/machine/processor.ts declares. Three doors lead to one place, main
// at CPL 3: our monitor enters there itself; Linux's 64-bit entry (rsi = boot_params) and PVH (32-bit, paging off, ebx = hvm_start_info) run boot at CPL 0 and leave that. A trap is
// at CPL 0 for some instructions, which lead back to CPL 3. Not here: boot, main and trap, which are compiled (src/core/around/machine.ts).

import type { FunctionCode } from './emit.js';
import { type Address, Alu, Assembler, ShiftCode } from './encode.js';
import { Door, devicesVirtual, Place, Selector } from './image-layout.js';
import { Condition } from './ir.js';
import { Register } from './registers.js';

/** What code of a part leads to in another one, by number. */
export const Target = { boot: 0, main: 1, trap: 2, enter: 3, startOurs: 4, trapped: 5 } as const;

/** Operands of `lgdt` and `lidt` in the constants (`noTraps` is a table without entries), and where the first part of the text is. */
export interface DoorPlaces {
  readonly text: number;
  readonly firstGdt: number;
  readonly gdt: number;
  readonly idt: number;
  readonly noTraps: number;
}

const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 } = Register;
const Bit = { pae: 0x20, sse: 0x600, longMode: 0x100, noExecute: 0x800 } as const;
const efer = 0xc000_0080;
const at = (offset: number): Address => ({ base: undefined, index: undefined, scale: 1, offset });
const of = (base: number, index?: number, scale = 1): Address => ({ base, index, scale, offset: 0 });

const Bytes = {
  ...{ cli: [0xfa], cld: [0xfc], ret: [0xc3], pause: [0xf3, 0x90], invalid: [0x0f, 0x0b] },
  ...{ rdmsr: [0x0f, 0x32], wrmsr: [0x0f, 0x30], iretq: [0x48, 0xcf], rdtsc: [0x0f, 0x31], cpuid: [0x0f, 0xa2] },
  ...{ storeMany: [0xf3, 0xab], outMany: [0xf3, 0x6e], outByte: [0xee], outLong: [0xef], inByte: [0xec] },
} as const;
type Mnemonic = keyof typeof Bytes;

function put(asm: Assembler, ...list: readonly Mnemonic[]): void {
  for (const each of list) asm.byte(...Bytes[each]);
}

const number = (asm: Assembler, register: number, value: number): void => asm.moveNumber(register, BigInt(value), 4);
const readControl = (asm: Assembler, register: number, control: number): void =>
  asm.op([0x0f, 0x20], control, register, 4);
const writeControl = (asm: Assembler, control: number, register: number): void =>
  asm.op([0x0f, 0x22], control, register, 4);
const writeSegment = (asm: Assembler, segment: number, register: number): void => asm.op([0x8e], segment, register, 4);

function pushNumber(asm: Assembler, value: number): void {
  asm.byte(0x68);
  asm.long(value);
}

const loadTraps = (asm: Assembler, operand: number): void => asm.op([0x0f, 0x01], 3, at(operand), 4);

/** Leaves CPL 0 for a place of the program. */
function toProgram(asm: Assembler, target: number, stack: number): void {
  asm.addressOf(rax, 'function', target);
  pushNumber(asm, Selector.userData);
  pushNumber(asm, stack);
  // Flags: no interrupts; ports are for CPL 3 too.
  pushNumber(asm, 0x3002);
  pushNumber(asm, Selector.userCode);
  asm.push(rax);
  put(asm, 'iretq');
}

function code(write: (asm: Assembler) => void): FunctionCode {
  const asm = new Assembler();
  write(asm);
  return asm.finish();
}

/** From PVH to long mode: 32-bit code, of which only what is the same in both modes, or is spelt out, comes from the assembler. */
function shortMode({ firstGdt }: DoorPlaces, next: number): Uint8Array {
  const { firstTables } = Place;
  return code((asm) => {
    /** `mov [address], value` as it is without long mode. */
    const store = (address: number, value: number): void => {
      asm.byte(0xc7, 0x05);
      asm.long(address);
      asm.long(value);
    };
    put(asm, 'cli', 'cld');
    asm.store(rbp, rbx, 4);
    number(asm, rsp, Place.trapStackTop);
    // Only what the way needs: the first GiB as it is. boot makes the tables that count.
    number(asm, rdi, firstTables);
    asm.alu(Alu.xor, rax, rax, 4);
    number(asm, rcx, 3 * 1024);
    put(asm, 'storeMany');
    store(firstTables, firstTables + 0x1003);
    store(firstTables + 0x1000, firstTables + 0x2003);
    number(asm, rdi, firstTables + 0x2000);
    number(asm, rax, 0x83);
    number(asm, rcx, 512);
    const loop = asm.label();
    asm.bind(loop);
    asm.store(of(rdi), rax, 4);
    asm.aluNumber(Alu.add, rax, 0x20_0000, 4);
    asm.aluNumber(Alu.add, rdi, 8, 4);
    asm.aluNumber(Alu.sub, rcx, 1, 4);
    asm.jump(Condition.notEqual, loop);
    number(asm, rax, firstTables);
    writeControl(asm, 3, rax);
    number(asm, rax, Bit.pae | Bit.sse);
    writeControl(asm, 4, rax);
    number(asm, rcx, efer);
    put(asm, 'rdmsr');
    asm.aluNumber(Alu.or, rax, Bit.longMode | Bit.noExecute, 4);
    put(asm, 'wrmsr');
    // Paging, write protection, x87 errors, MP, PE.
    number(asm, rax, 0x8001_0033);
    writeControl(asm, 0, rax);
    asm.byte(0x0f, 0x01, 0x15);
    asm.long(firstGdt);
    asm.byte(0xea);
    asm.long(next);
    asm.byte(Selector.code, 0);
  }).bytes;
}

/** The door of PVH. It is the first part of the text. */
export function startPvh(places: DoorPlaces): FunctionCode {
  const bytes = shortMode(places, 0).length;
  return code((asm) => {
    asm.byte(...shortMode(places, places.text + bytes));
    number(asm, rdi, Door.pvh);
    asm.move(rsi, rbp, 4);
    asm.jumpTo(Target.enter);
  });
}

/** The door of Linux. */
export const startLinux = (): FunctionCode =>
  code((asm) => {
    put(asm, 'cli', 'cld');
    asm.move(rbp, rsi, 8);
    number(asm, rcx, efer);
    put(asm, 'rdmsr');
    asm.aluNumber(Alu.or, rax, Bit.noExecute, 4);
    put(asm, 'wrmsr');
    readControl(asm, rax, 4);
    asm.aluNumber(Alu.or, rax, Bit.pae | Bit.sse, 8);
    writeControl(asm, 4, rax);
    readControl(asm, rax, 0);
    // No emulation of the FPU; write protection, x87 errors, MP.
    asm.aluNumber(Alu.and, rax, ~4, 8);
    asm.aluNumber(Alu.or, rax, 0x1_0022, 8);
    writeControl(asm, 0, rax);
    number(asm, rdi, Door.linux);
    asm.move(rsi, rbp, 8);
    asm.jumpTo(Target.enter);
  });

/** Where both go on: boot makes the tables, and CPL 0 is left. */
export const enter = ({ gdt, idt }: DoorPlaces): FunctionCode =>
  code((asm) => {
    number(asm, rsp, Place.trapStackTop);
    asm.call(Target.boot);
    writeControl(asm, 3, rax);
    asm.op([0x0f, 0x01], 2, at(gdt), 4);
    loadTraps(asm, idt);
    number(asm, rax, Selector.task);
    asm.op([0x0f, 0x00], 3, rax, 4);
    asm.alu(Alu.xor, rax, rax, 4);
    // fs and gs, ds and es.
    for (const segment of [4, 5]) writeSegment(asm, segment, rax);
    number(asm, rax, Selector.userData);
    for (const segment of [3, 0]) writeSegment(asm, segment, rax);
    toProgram(asm, Target.startOurs, Place.stackTop);
  });

/** The door of our monitor, at CPL 3. */
export const startOurs = (): FunctionCode =>
  code((asm) => {
    put(asm, 'cld');
    number(asm, rsp, Place.stackTop);
    asm.alu(Alu.xor, rbp, rbp, 4);
    asm.call(Target.main);
    put(asm, 'invalid');
  });

/** Traps with which the processor gives an error code. */
const withError: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
const trapEntryBytes = 16;

/** 32 ways in: the number of the trap, with a 0 in the place of the error code where the processor gives none. */
export const trapTable = (): FunctionCode =>
  code((asm) => {
    for (let vector = 0; vector < 32; vector++) {
      if (withError.has(vector)) asm.byte(0x90, 0x90);
      else asm.byte(0x6a, 0);
      asm.byte(0x6a, vector);
      asm.jumpTo(Target.trapped);
      for (let byte = 2 + 2 + 5; byte < trapEntryBytes; byte++) asm.byte(0xcc);
    }
  });

/**
 * Where those lead: back to CPL 3, to `trap`, with what only CPL 0 knows in registers. What runs here before that believes nothing that the program may write: neither its instances nor its
 * stack, which begins anew. From now on there is no table of traps: another one ends the machine.
 */
export const trapped = ({ noTraps }: DoorPlaces): FunctionCode =>
  code((asm) => {
    // Its number, the error code, where it was.
    for (const register of [rdi, rsi, rdx]) asm.pop(register);
    readControl(asm, rcx, 2);
    loadTraps(asm, noTraps);
    // As a function finds it that was called; this one does not return.
    toProgram(asm, Target.trap, Place.stackTop - 8);
  });

/** A register of a device: rcx has where they begin. */
function toDevice(asm: Assembler): Address {
  asm.move(rax, rdi, 4);
  asm.moveNumber(rcx, devicesVirtual, 8);
  return of(rcx, rax);
}

function toPort(asm: Assembler): void {
  asm.move(rdx, rdi, 4);
  asm.move(rax, rsi, 4);
}

/** What the machine's side and the module import, by the names of their file (src/core/machine/processor.ts, src/core/unikernel/host.ts) and their own: arguments are in rdi, rsi and rdx, results in rax. */
const imports: Readonly<Record<string, (asm: Assembler) => void>> = {
  'processor.out8': (asm) => {
    toPort(asm);
    put(asm, 'outByte');
  },
  'processor.out32': (asm) => {
    toPort(asm);
    put(asm, 'outLong');
  },
  'processor.in8': (asm) => {
    asm.move(rdx, rdi, 4);
    asm.alu(Alu.xor, rax, rax, 4);
    put(asm, 'inByte');
  },
  'processor.outBytes': (asm) => {
    asm.move(rcx, rdx, 4);
    asm.move(rdx, rdi, 4);
    put(asm, 'outMany');
  },
  'processor.ticks': (asm) => {
    put(asm, 'rdtsc');
    asm.shift(ShiftCode.shl, rdx, 32, 8);
    asm.alu(Alu.or, rax, rdx, 8);
  },
  'processor.cpuid': (asm) => {
    asm.push(rbx);
    asm.move(r8, rsi, 4);
    asm.move(rax, rdi, 4);
    asm.alu(Alu.xor, rcx, rcx, 4);
    put(asm, 'cpuid');
    for (const register of [rdx, rcx, rbx, rax]) asm.push(register);
    asm.move(rax, of(rsp, r8, 8), 4);
    asm.aluNumber(Alu.add, rsp, 32, 8);
    asm.pop(rbx);
  },
  'processor.random': (asm) => {
    const done = asm.label();
    asm.op([0x0f, 0xc7], 6, rax, 8);
    asm.jump(Condition.below, done);
    asm.alu(Alu.xor, rax, rax, 4);
    asm.bind(done);
  },
  'processor.pause': (asm) => put(asm, 'pause'),
  'host.readRegister': (asm) => asm.move(rax, toDevice(asm), 4),
  'host.writeRegister': (asm) => asm.store(toDevice(asm), rsi, 4),
  'host.fence': (asm) => {
    asm.byte(0xf0);
    asm.aluNumber(Alu.or, of(rsp), 0, 4);
  },
  // Code that was compiled before it was linked moves nothing across a call.
  'host.order': () => {},
};

/** The code of each import that is instructions, by its file's name and its own. */
export function importCodes(): ReadonlyMap<string, FunctionCode> {
  return new Map(
    Object.entries(imports).map(([name, write]) => [
      name,
      code((asm) => {
        write(asm);
        put(asm, 'ret');
      }),
    ]),
  );
}
