import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disassemble, disassemblerRefused } from '../../test/support/disassembler.js';
import { type Address, Alu, Assembler, ShiftCode } from './encode.js';

const at = (base: number | undefined, offset: number, index?: number, scale = 1): Address => ({
  base,
  index,
  scale,
  offset,
});

/** What is written, and what a disassembler reads in it (GNU, AT&T syntax, one blank between). */
const forms: readonly (readonly [(asm: Assembler) => void, string])[] = [
  [(asm) => asm.alu(Alu.add, 0, 1, 4), 'add %ecx,%eax'],
  [(asm) => asm.alu(Alu.cmp, 8, 15, 8), 'cmp %r15,%r8'],
  [(asm) => asm.alu(Alu.cmp, 6, at(5, 0), 1), 'cmp 0x0(%rbp),%sil'],
  [(asm) => asm.aluTo(Alu.xor, at(12, 8), 9, 4), 'xor %r9d,0x8(%r12)'],
  [(asm) => asm.aluTo(Alu.or, at(13, 0), 7, 2), 'or %di,0x0(%r13)'],
  [(asm) => asm.aluNumber(Alu.add, 3, 1, 4), 'inc %ebx'],
  [(asm) => asm.aluNumber(Alu.add, at(14, -128), -1, 8), 'decq -0x80(%r14)'],
  [(asm) => asm.aluNumber(Alu.and, 0, 0x12345, 4), 'and $0x12345,%eax'],
  [(asm) => asm.aluNumber(Alu.sub, 4, 4096, 8), 'sub $0x1000,%rsp'],
  [(asm) => asm.aluNumber(Alu.cmp, at(15, 300, 1), 7, 1), 'cmpb $0x7,0x12c(%r15,%rcx,1)'],
  [(asm) => asm.aluNumber(Alu.cmp, at(15, 0, 9), 7, 2), 'cmpw $0x7,(%r15,%r9,1)'],
  [(asm) => asm.move(10, at(4, 16), 8), 'mov 0x10(%rsp),%r10'],
  [(asm) => asm.move(0, at(undefined, 64), 4), 'mov 0x40,%eax'],
  [(asm) => asm.move(0, at(undefined, 64, 2, 8), 4), 'mov 0x40(,%rdx,8),%eax'],
  [(asm) => asm.store(at(15, 5, 12, 1), 5, 1), 'mov %bpl,0x5(%r15,%r12,1)'],
  [(asm) => asm.store(at(15, 5, 12, 1), 5, 2), 'mov %bp,0x5(%r15,%r12,1)'],
  [(asm) => asm.storeNumber(at(3, 0), -2, 8), 'movq $0xfffffffffffffffe,(%rbx)'],
  [(asm) => asm.storeNumber(at(3, 0), 0x1234, 2), 'movw $0x1234,(%rbx)'],
  [(asm) => asm.moveNumber(9, 0xffff_ffffn, 8), 'mov $0xffffffff,%r9d'],
  [(asm) => asm.moveNumber(0, -1n, 8), 'mov $0xffffffffffffffff,%rax'],
  [(asm) => asm.moveNumber(15, 0x1234_5678_9abc_def0n, 8), 'movabs $0x123456789abcdef0,%r15'],
  [(asm) => asm.extend(6, 7, 4, 1, false), 'movzbl %dil,%esi'],
  [(asm) => asm.extend(6, at(15, 0, 0), 8, 2, true), 'movswq (%r15,%rax,1),%rsi'],
  [(asm) => asm.extend(6, 1, 8, 4, true), 'movslq %ecx,%rsi'],
  [(asm) => asm.address(2, at(0, -5, 0, 4), 4), 'lea -0x5(%rax,%rax,4),%edx'],
  [(asm) => asm.multiply(8, 2, 8), 'imul %rdx,%r8'],
  [(asm) => asm.multiplyNumber(1, at(15, 0, 2), 1000, 4), 'imul $0x3e8,(%r15,%rdx,1),%ecx'],
  [(asm) => asm.shift(ShiftCode.sar, 11, 3, 4), 'sar $0x3,%r11d'],
  [(asm) => asm.shift(ShiftCode.shl, 0, 1, 8), 'shl $1,%rax'],
  [(asm) => asm.shiftByCl(ShiftCode.ror, 5, 4), 'ror %cl,%ebp'],
  [(asm) => asm.group3(7, at(4, 8), 8), 'idivq 0x8(%rsp)'],
  [(asm) => asm.test(7, 6, 1), 'test %sil,%dil'],
  [(asm) => asm.testNumber(0, 0x100, 4), 'test $0x100,%eax'],
  [(asm) => asm.testNumber(0, 0x80, 1), 'test $0x80,%al'],
  [(asm) => asm.aluNumber(Alu.add, 3, 128, 4), 'sub $0xffffff80,%ebx'],
  [(asm) => asm.testNumber(at(15, 9, 3), 64, 1), 'testb $0x40,0x9(%r15,%rbx,1)'],
  [(asm) => asm.set(15, 4), 'setg %spl'],
  [(asm) => asm.moveIf(2, 12, 13, 8), 'cmovb %r13,%r12'],
  [(asm) => asm.push(12), 'push %r12'],
  [(asm) => asm.pop(5), 'pop %rbp'],
  [(asm) => asm.sse(0xf2, 0x58, 9, at(4, 8)), 'addsd 0x8(%rsp),%xmm9'],
  [(asm) => asm.sse(0x66, 0x6e, 15, 11, 8), 'movq %r11,%xmm15'],
  [(asm) => asm.op([0x0f, 0x38 + 2, 0x0b], 1, 10, 4, 0, 0x66), 'roundsd $0x9,%xmm10,%xmm1'],
];

test('a disassembler reads what was meant', { skip: disassemblerRefused() }, () => {
  const asm = new Assembler();
  for (const [write, text] of forms) {
    write(asm);
    if (text.startsWith('roundsd')) asm.byte(9);
  }
  const read = disassemble(asm.finish().bytes).map((line) => line.replace('shl %rax', 'shl $1,%rax'));
  assert.deepEqual(
    read,
    forms.map(([, text]) => text),
  );
});

test('jumps are short where they reach and long where they do not, to both sides', () => {
  for (const gap of [0, 100, 125, 126, 127, 128, 129, 130, 300]) {
    const asm = new Assembler();
    const [start, end] = [asm.label(), asm.label()];
    asm.bind(start);
    asm.jump(-1, end);
    for (let index = 0; index < gap; index++) asm.byte(0x90);
    asm.bind(end);
    asm.jump(4, start);
    asm.byte(0xc3);
    const { bytes } = asm.finish();
    const view = new DataView(bytes.buffer);
    const first = bytes[0] === 0xeb ? 2 : 5;
    assert.equal(bytes[0], gap <= 127 ? 0xeb : 0xe9, `${gap}`);
    assert.equal(first === 2 ? view.getInt8(1) : view.getInt32(1, true), gap);
    const at = first + gap;
    const isShort = bytes[at] === 0x74;
    assert.equal(isShort ? view.getInt8(at + 1) + at + 2 : view.getInt32(at + 2, true) + at + 6, 0, `${gap}`);
    assert.equal(isShort, at + 2 <= 128);
  }
});

test('a table says where its labels are, from its own start, and what comes behind a jump is found', () => {
  const asm = new Assembler();
  const [one, two] = [asm.label(), asm.label()];
  asm.addressOf(10, 'table', asm.table([one, two]));
  asm.jump(-1, two);
  asm.bind(one);
  for (let index = 0; index < 200; index++) asm.byte(0x90);
  asm.call(7);
  asm.bind(two);
  asm.byte(0xc3);
  const { bytes, links } = asm.finish();
  const view = new DataView(bytes.buffer);
  const table = 7 + view.getInt32(3, true);
  assert.equal(table % 4, 0);
  assert.equal(bytes[table + view.getInt32(table, true)], 0x90);
  assert.equal(bytes[table + view.getInt32(table + 4, true)], 0xc3);
  assert.deepEqual(
    links.map(({ at: place, kind, target }) => [bytes[place - 1], kind, target]),
    [[0xe8, 'function', 7]],
  );
});
