// The module of an image as what stands around it calls it. Not here: the module (src/core/images/).

/** What it does before anything of it is called. */
export declare function moduleStart(): void;
/** Where it wants what the monitor said. */
export declare function moduleBootBlock(): u32;
/** Begins. Returns 0, or the status with which the guest ends. */
export declare function moduleBegin(nowUs: u32): u32;
/** Does what there is to do. Returns 0 where there was nothing. */
export declare function moduleTurn(nowUs: u32): u32;
/** For how many microseconds it has nothing to do. */
export declare function moduleRest(nowUs: u32): u32;
