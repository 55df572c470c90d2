import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disassemble, disassemblerRefused } from '../../test/support/disassembler.js';
import { type DoorPlaces, enter, importCodes, startLinux, startPvh, trapped, trapTable } from './image-code.js';

const places: DoorPlaces = {
  ...{ text: 0x12_4000, firstGdt: 0x12_3b08, gdt: 0x12_3b18, idt: 0x12_3b28 },
  noTraps: 0x12_3b38,
};

/** What a disassembler reads in each (GNU, AT&T syntax). Calls and jumps to other parts lead to the next instruction until they are linked. */
const doors: readonly (readonly [string, Uint8Array, string])[] = [
  [
    'i386',
    startPvh(places).bytes,
    [
      'cli; cld; mov %ebx,%ebp; mov $0x111000,%esp; mov $0x10a000,%edi; xor %eax,%eax; mov $0xc00,%ecx',
      'rep stos %eax,%es:(%edi); movl $0x10b003,0x10a000; movl $0x10c003,0x10b000; mov $0x10c000,%edi',
      'mov $0x83,%eax; mov $0x200,%ecx; mov %eax,(%edi); add $0x200000,%eax; add $0x8,%edi',
      'sub $0x1,%ecx; jne 0x3a; mov $0x10a000,%eax; mov %eax,%cr3; mov $0x620,%eax; mov %eax,%cr4',
      'mov $0xc0000080,%ecx; rdmsr; or $0x900,%eax; wrmsr; mov $0x80010033,%eax; mov %eax,%cr0',
      'lgdtl 0x123b08; ljmp $0x8,$0x12407d; mov $0x3,%edi; mov %ebp,%esi; jmp 0x89',
    ].join('; '),
  ],
  [
    'i386:x86-64',
    startLinux().bytes,
    [
      'cli; cld; mov %rsi,%rbp; mov $0xc0000080,%ecx; rdmsr; or $0x800,%eax; wrmsr; mov %cr4,%rax',
      'or $0x620,%rax; mov %rax,%cr4; mov %cr0,%rax; and $0xfffffffffffffffb,%rax; or $0x10022,%rax',
      'mov %rax,%cr0; mov $0x2,%edi; mov %rbp,%rsi; jmp 0x3c',
    ].join('; '),
  ],
  [
    'i386:x86-64',
    enter(places).bytes,
    [
      'mov $0x111000,%esp; call 0xa; mov %rax,%cr3; lgdt 0x123b18; lidt 0x123b28; mov $0x30,%eax',
      'ltr %ax; xor %eax,%eax; mov %eax,%fs; mov %eax,%gs; mov $0x23,%eax; mov %eax,%ds; mov %eax,%es',
      'lea 0x0(%rip),%rax; push $0x23; push $0x122000; push $0x3002; push $0x2b; push %rax; iretq',
    ].join('; '),
  ],
  [
    'i386:x86-64',
    trapped(places).bytes,
    [
      'pop %rdi; pop %rsi; pop %rdx; mov %cr2,%rcx; lidt 0x123b38',
      'lea 0x0(%rip),%rax; push $0x23; push $0x121ff8; push $0x3002; push $0x2b; push %rax; iretq',
    ].join('; '),
  ],
];
const imports: Readonly<Record<string, string>> = {
  'processor.out8': 'mov %edi,%edx; mov %esi,%eax; out %al,(%dx); ret',
  'processor.out32': 'mov %edi,%edx; mov %esi,%eax; out %eax,(%dx); ret',
  'processor.in8': 'mov %edi,%edx; xor %eax,%eax; in (%dx),%al; ret',
  'processor.outBytes': 'mov %edx,%ecx; mov %edi,%edx; rep outsb %ds:(%rsi),(%dx); ret',
  'processor.ticks': 'rdtsc; shl $0x20,%rdx; or %rdx,%rax; ret',
  'processor.cpuid':
    'push %rbx; mov %esi,%r8d; mov %edi,%eax; xor %ecx,%ecx; cpuid; push %rdx; push %rcx; push %rbx; push %rax; mov (%rsp,%r8,8),%eax; add $0x20,%rsp; pop %rbx; ret',
  'processor.random': 'rdrand %rax; jb 0x8; xor %eax,%eax; ret',
  'processor.pause': 'pause; ret',
  'host.readRegister': 'mov %edi,%eax; movabs $0x400000000,%rcx; mov (%rcx,%rax,1),%eax; ret',
  'host.writeRegister': 'mov %edi,%eax; movabs $0x400000000,%rcx; mov %esi,(%rcx,%rax,1); ret',
  'host.fence': 'lock orl $0x0,(%rsp); ret',
  'host.order': 'ret',
};

test('a disassembler reads in doors and imports what was meant', { skip: disassemblerRefused() }, () => {
  for (const [mode, bytes, text] of doors) assert.equal(disassemble(bytes, mode).join('; '), text);
  const read = [...importCodes()].map(([name, { bytes }]) => [name, disassemble(bytes).join('; ')]);
  assert.deepEqual(Object.fromEntries(read), imports);
});

test('each trap has a way in of 16 bytes, which leaves its number above an error code', () => {
  const { bytes, links } = trapTable();
  assert.equal(bytes.length, 32 * 16);
  for (let vector = 0; vector < 32; vector++) {
    const entry = [...bytes.subarray(vector * 16, vector * 16 + 5)];
    // Intel's manual, volume 3, table 6-1: those have an error code of the processor's.
    const hasError = [8, 10, 11, 12, 13, 14, 17, 21, 29, 30].includes(vector);
    assert.deepEqual(entry, [...(hasError ? [0x90, 0x90] : [0x6a, 0]), 0x6a, vector, 0xe9]);
    assert.equal(links[vector]!.at, vector * 16 + 5);
  }
});
