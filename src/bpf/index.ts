// eBPF from TypeScript, nothing to install: what the rest of the package uses of this folder. See docs/bpf.md.

export {
  Assembler,
  type Assembly,
  AssemblyError,
  fp,
  named,
  type Operand,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
  r6,
  r7,
  r8,
  r9,
  stack,
  type TypeSource,
} from './assembler.js';
export { Btf, type Parameter, type Prototype } from './btf.js';
export type { Field, Member } from './btf-field.js';
export { BtfFormatError, BtfKind } from './btf-format.js';
export { disassemble } from './disassemble.js';
export { type HelperName, helpers } from './helpers.js';
export { type HostFacts, hostFacts, type SymbolState, symbolState } from './host-facts.js';
export { decode, encode, type Instruction } from './instructions.js';
export {
  attachCgroup,
  attachIterator,
  attachTcx,
  attachTracing,
  attachXdp,
  interfaceIndex,
  Link,
  readIterator,
  type XdpMode,
} from './link.js';
export { BpfMap, type MapSpec, type MapType, mapTypes, noPreallocation, possibleCpus } from './map.js';
export { BpfProgram, type ProgramSource, type ProgramType, programTypes } from './program.js';
export { ProgramSet, type SetMember } from './program-set.js';
export { type Attempt, MissingTypeError, nameRefusal, type RefusalReason, RefusedError, refusal } from './refusals.js';
export { RingBuffer } from './ring-buffer.js';
export { recordTypes, replayTypes, type TypeRecord } from './type-record.js';
export { describeExplanation, type Explanation, explainVerifierLog } from './verifier-log.js';
