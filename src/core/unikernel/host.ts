// What a module of an image may ask of the machine it runs on: registers of devices, order in memory, a word on the serial line, the end. All that the
// core imports, and only in images (src/core/around/machine.ts and src/compile/image-code.ts have it, src/image/host.c where gcc made the image; tests give the same functions).

/** A register of a device, of 4 bytes, at an address of the machine. */
export declare function readRegister(address: u32): u32;
/** Writes a register. */
export declare function writeRegister(address: u32, value: u32): void;
/** What was stored before is seen by others before anything that is loaded after. */
export declare function fence(): void;
/** As `fence`, for compilers alone: nothing moves across it, and the processor is not asked. */
export declare function order(): void;
/** Bytes for whoever watches the guest. */
export declare function say(text: usize, length: u32): void;
/** Ends the guest with a status. */
export declare function endGuest(status: u32): void;
