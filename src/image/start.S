/* The doors of an image, and what happens when the program does what it must not. Three doors lead to one place, main at CPL 3:
   start_ours: our monitor has made page tables, tables of the processor and the boot block, and enters at CPL 3 itself.
   start_linux (the ELF's entry): the 64-bit boot protocol of Linux, rsi = boot_params, long mode.
   start_pvh (the Xen note): rdi has no say; 32-bit, paging off, ebx = hvm_start_info.
   The last two run boot.c at CPL 0, which makes all of that, and then leave CPL 0 for good. */
#include "layout.h"

.section .note.clearway, "a", @note
  .align 4
  .long 9, 72, 1
  .asciz "Clearway"
  .align 4
  .long 1, 0            /* version of this note */
  .quad start_ours, stack_top, boot_block, trap_table, idt, gdt, tss, trap_stack_top

.section .note.pvh, "a", @note
  .align 4
  .long 4, 8, 18        /* XEN_ELFNOTE_PHYS32_ENTRY */
  .asciz "Xen"
  .quad start_pvh

.section .text.start, "ax"
.code32
start_pvh:
  cli
  cld
  mov %ebx, %ebp
  mov $trap_stack_top, %esp
  /* Only what the way to long mode needs: the first GiB as it is. boot.c makes the tables that count. */
  mov $first_tables, %edi
  xor %eax, %eax
  mov $3072, %ecx
  rep stosl
  movl $first_tables + 0x1003, first_tables
  movl $first_tables + 0x2003, first_tables + 0x1000
  mov $first_tables + 0x2000, %edi
  mov $0x83, %eax
  mov $512, %ecx
1:
  mov %eax, (%edi)
  add $0x200000, %eax
  add $8, %edi
  dec %ecx
  jnz 1b
  mov $first_tables, %eax
  mov %eax, %cr3
  mov $0x620, %eax      /* PAE, SSE */
  mov %eax, %cr4
  mov $0xc0000080, %ecx
  rdmsr
  or $0x900, %eax       /* long mode, no-execute */
  wrmsr
  mov $0x80010033, %eax /* paging, write protection, x87 errors, MP, PE */
  mov %eax, %cr0
  lgdt first_gdt_place
  ljmp $8, $from_pvh
.code64
from_pvh:
  mov $DOOR_PVH, %edi
  mov %ebp, %esi
  jmp enter

start_linux:
  cli
  cld
  mov %rsi, %rbp
  mov $0xc0000080, %ecx
  rdmsr
  or $0x800, %eax
  wrmsr
  mov %cr4, %rax
  or $0x620, %rax
  mov %rax, %cr4
  mov %cr0, %rax
  and $~4, %rax
  or $0x10022, %rax
  mov %rax, %cr0
  mov $DOOR_LINUX, %edi
  mov %rbp, %rsi
enter:
  mov $trap_stack_top, %esp
  call boot             /* returns the root of the page tables */
  mov %rax, %cr3
  lgdt gdt_place
  lidt idt_place
  mov $0x30, %eax
  ltr %ax
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov $USER_DATA, %eax
  mov %eax, %ds
  mov %eax, %es
  pushq $USER_DATA
  pushq $stack_top
  pushq $0x3002         /* no interrupts; ports are for CPL 3 too */
  pushq $USER_CODE
  pushq $start_ours
  iretq

start_ours:
  cld
  mov $stack_top, %esp
  xor %ebp, %ebp
  call main
1:
  ud2
  jmp 1b

/* 32 ways in, 16 bytes each: the number of the trap, with a 0 in the place of the error code where the processor gives none. */
  .balign 16
trap_table:
  .set vector, 0
  .rept 32
  .balign 16
  .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
  .else
  pushq $0
  .endif
  pushq $vector
  jmp trapped
  .set vector, vector + 1
  .endr
  .balign 16
trapped:
  mov %rsp, %rdi
  mov %cr2, %rsi
  call trap
1:
  hlt
  jmp 1b

.section .rodata
  .balign 8
first_gdt:
  .quad 0, 0x00af9b000000ffff
first_gdt_place:
  .word 15
  .quad first_gdt
gdt_place:
  .word 63
  .quad gdt
idt_place:
  .word 511
  .quad idt

.globl start_linux, gdt, idt, tss, trap_table, page_tables, trap_stack_top, boot_block, stack_top

.section .machine, "aw", @nobits
  .balign 4096
page_tables: .skip 4096 * 10
first_tables: .skip 4096 * 3
gdt: .skip 64
tss: .skip 104 + 8192 + 8        /* behind it a bit for each port: 0, the program may use it, as its flags say too */
idt: .skip 512
  .balign 16
  .skip 4096
trap_stack_top:

.section .stack, "aw", @nobits
  .balign 4096
  .skip 65536
stack_top:

.section .bss
  .balign 4096
boot_block: .skip 64 + COMMAND_LINE_BYTES
