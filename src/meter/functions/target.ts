// Kernel functions as the function tier attaches to them: which name this kernel has, and at which place an argument or the
// result stands. All of it comes from BTF, so that a kernel that adds an argument or renames a function needs no new code.

import type { Assembler, Assembly, Register, TypeSource } from '../../bpf/assembler.js';
import type { Prototype } from '../../bpf/btf.js';
import type { SetMember } from '../../bpf/program-set.js';

/** The kernel's own types, and by name those of a loaded module together with them. */
export interface TierTypes {
  readonly kernel: TypeSource;
  /** `undefined` where the module is not loaded, or has no types. */
  readonly module: (name: string) => TypeSource | undefined;
}

/** The map in socket storage (owner.ts). */
const socketStorageMap = 'meter_owners';

/** A function found in this kernel. */
export interface Target {
  readonly name: string;
  readonly module: string | undefined;
  readonly types: TypeSource;
  readonly prototype: Prototype;
}

/**
 * The first of several names that this kernel has, in itself or in a module.
 * @param parameters those that the program reads: a function of the same name without them is another function.
 */
export function findTarget(
  types: TierTypes,
  names: readonly string[],
  parameters: readonly string[],
  module?: string,
): Target | undefined {
  const source = module === undefined ? types.kernel : types.module(module);
  if (source === undefined) return undefined;
  for (const name of names) {
    const prototype = source.prototype(name);
    if (prototype === undefined) continue;
    const given = new Set(prototype.parameters.map((parameter) => parameter.name));
    if (parameters.every((parameter) => given.has(parameter))) return { name, module, types: source, prototype };
  }
  return undefined;
}

/** Loads an argument by its name: `destination = ((u64 *) context)[index]`. @throws RangeError for one that is not there. */
export function emitArgument(
  a: Assembler,
  target: Target,
  destination: Register,
  context: Register,
  name: string,
): Assembler {
  const index = target.prototype.parameters.findIndex((parameter) => parameter.name === name);
  if (index === -1) throw new RangeError(`${target.name} has no parameter ${name}`);
  return a.loadArgument(destination, context, index, name);
}

/** Loads a 32-bit argument by its name, sign-extended. */
export function emitIntArgument(
  a: Assembler,
  target: Target,
  destination: Register,
  context: Register,
  name: string,
): Assembler {
  return emitArgument(a, target, destination, context, name).signExtend(destination, 32);
}

/** Loads the result in a fexit program: it stands behind the arguments. `int` results are sign-extended. */
export function emitResult(a: Assembler, target: Target, destination: Register, context: Register): Assembler {
  a.loadArgument(destination, context, target.prototype.parameters.length, 'result');
  return target.prototype.returnType === 'int' ? a.signExtend(destination, 32) : a;
}

/**
 * A program for a target, ready for a set.
 * @throws TypeError for a program at a module's function that uses socket storage: the check of that
 * (bpf_sk_storage_tracing_allowed) looks the function up among the kernel's own types, not the module's, and where the id
 * is beyond them follows a null pointer: loading it stops the machine. Seen on 6.12.117.
 */
export function member(
  target: Target,
  type: 'fentry' | 'fexit',
  name: string,
  code: Assembly,
  optional: boolean,
): SetMember {
  if (target.module !== undefined && code.maps.some(({ map }) => map === socketStorageMap)) {
    throw new TypeError(`${name}: a program at a function of module ${target.module} must not use socket storage`);
  }
  const module = target.module === undefined ? {} : { module: target.module };
  return { name, type, target: target.name, ...module, code, optional };
}
