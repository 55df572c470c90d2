// What only instructions do: ports, the clock of the processor, what it says of itself. src/compile/image-code.ts has them. Not here: what they are used for.

/** Writes a byte to a port. */
export declare function out8(port: u32, value: u32): void;
/** Writes 32 bits to a port. */
export declare function out32(port: u32, value: u32): void;
/** A byte from a port. */
export declare function in8(port: u32): u32;
/** Bytes from an address of the program on, all to one port. */
export declare function outBytes(port: u32, from: u64, length: u32): void;
/** Ticks of the processor's clock. */
export declare function ticks(): u64;
/** What the processor says of itself: one of the four registers (eax, ebx, ecx, edx) that CPUID sets for a leaf. */
export declare function cpuid(leaf: u32, register: u32): u32;
/** A number that nobody knows; 0: there was none. */
export declare function random(): u64;
/** Others may use the processor for a moment. */
export declare function pause(): void;
