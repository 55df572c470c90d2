// Kernel types by name: sizes, field offsets, enum values, prototypes; so that what changes between kernels is data.
// It reads /sys/kernel/btf/vmlinux and the split BTF of modules beside it. It does not write BTF (btf-build.ts).

import { existsSync, readFileSync } from 'node:fs';
import { wrongArgument } from '../text/coded.js';
import { type Field, type Member, resolveField } from './btf-field.js';
import { type BtfBlob, BtfKind, findString, indexBlob, kindFlag, kindOf, memberCount, stringAt } from './btf-format.js';
import { TypeNames } from './btf-names.js';
import { MissingTypeError } from './refusals.js';

/** A parameter of a function: its name (empty where BTF keeps none, as in tracepoints) and type. */
export interface Parameter {
  readonly name: string;
  readonly typeId: number;
  /** The type as C would write it: `struct sk_buff *`. */
  readonly type: string;
}

/** A function's parameters and result. A tracing program finds the result at argument index `parameters.length`. */
export interface Prototype {
  readonly parameters: readonly Parameter[];
  readonly returnTypeId: number;
  readonly returnType: string;
}

const directory = '/sys/kernel/btf';
const loaded = new Map<string, Btf>();
const typeNames = new WeakMap<BtfBlob, TypeNames>();

/** The types of the kernel, or of the kernel and one module. */
export class Btf {
  private readonly blobs: readonly BtfBlob[];
  private readonly ids = new Map<string, number | undefined>();
  private readonly fields = new Map<string, Field>();
  private readonly enumValues = new Map<string, number | undefined>();
  /** The module these types belong to; `vmlinux` for the kernel itself. */
  readonly name: string;

  private constructor(name: string, blobs: readonly BtfBlob[]) {
    this.name = name;
    this.blobs = blobs;
  }

  /** Reads types from bytes: a base blob, or (given `base`) the split BTF that continues it. */
  static parse(bytes: Uint8Array, name = 'vmlinux', base?: Btf): Btf {
    if (base === undefined) return new Btf(name, [indexBlob(bytes)]);
    return new Btf(name, [...base.blobs, indexBlob(bytes, base.blobs.at(-1))]);
  }

  /** True where the running kernel publishes its types (CONFIG_DEBUG_INFO_BTF). */
  static available(): boolean {
    return existsSync(`${directory}/vmlinux`);
  }

  /**
   * The running kernel's types, read once per process.
   * @throws MissingTypeError where the kernel was built without BTF.
   */
  static kernel(): Btf {
    return Btf.read('vmlinux', undefined);
  }

  /** The types of a loaded module together with the kernel's; `undefined` where the module is not loaded or has none. */
  static module(name: string): Btf | undefined {
    return existsSync(`${directory}/${name}`) ? Btf.read(name, Btf.kernel()) : undefined;
  }

  private static read(name: string, base: Btf | undefined): Btf {
    const kept = loaded.get(name);
    if (kept !== undefined) return kept;
    let bytes: Buffer;
    try {
      bytes = readFileSync(`${directory}/${name}`);
    } catch {
      throw new MissingTypeError(`${directory}/${name}`, 'no-btf');
    }
    const types = Btf.parse(bytes, name, base);
    loaded.set(name, types);
    return types;
  }

  /** How many types there are, void included; ids are 0 to this less one. */
  get typeCount(): number {
    const last = this.blobs.at(-1)!;
    return last.firstId + last.positions.length;
  }

  /**
   * The id of a named type of a kind, the last blob (the module's) first.
   * @returns `undefined` where there is none.
   */
  find(name: string, kind: number): number | undefined {
    const key = `${kind} ${name}`;
    if (this.ids.has(key)) return this.ids.get(key);
    const id = this.search(name, kind);
    this.ids.set(key, id);
    return id;
  }

  private search(name: string, kind: number): number | undefined {
    for (let which = this.blobs.length - 1; which >= 0; which--) {
      const index = this.namesOf(which).find(name, kind);
      if (index !== undefined) return this.blobs[which]!.firstId + index;
    }
    return undefined;
  }

  /** The names of a blob's types: those of the kernel are indexed once, for its modules too. */
  private namesOf(which: number): TypeNames {
    const blob = this.blobs[which]!;
    const known = typeNames.get(blob);
    if (known !== undefined) return known;
    const names = new TypeNames(this.blobs.slice(0, which + 1));
    typeNames.set(blob, names);
    return names;
  }

  private stringOffsets(name: string): number[] {
    return this.blobs.map((blob) => findString(blob, name)).filter((offset) => offset !== undefined);
  }

  private locate(id: number): { blob: BtfBlob; index: number } {
    for (const blob of this.blobs) {
      const index = id - blob.firstId;
      if (index >= 0 && index < blob.positions.length) return { blob, index };
    }
    throw wrongArgument(`there is no type ${id}: types run from 1 to ${this.typeCount - 1}`);
  }

  private string(offset: number): string {
    const blob = this.blobs.findLast((each) => offset >= each.firstString)!;
    return stringAt(blob, offset);
  }

  /** A type's kind, {@link BtfKind}. */
  kind(id: number): number {
    if (id === 0) return BtfKind.void;
    const { blob, index } = this.locate(id);
    return kindOf(blob.infos[index]!);
  }

  /** A type's own name; empty for anonymous types, pointers and arrays. */
  typeName(id: number): string {
    if (id === 0) return 'void';
    const { blob, index } = this.locate(id);
    return this.string(blob.nameOffsets[index]!);
  }

  /** The size word of a sized type, or the id that a pointer, typedef or qualifier refers to. */
  sizeOrType(id: number): number {
    const { blob, index } = this.locate(id);
    return blob.view.getUint32(blob.positions[index]! + 8, true);
  }

  /** Follows typedefs and qualifiers (const, volatile, restrict, type tags) to the type they name. */
  strip(id: number): number {
    let at = id;
    for (;;) {
      const kind = this.kind(at);
      const wrapper =
        kind === BtfKind.typedef ||
        kind === BtfKind.const ||
        kind === BtfKind.volatile ||
        kind === BtfKind.restrict ||
        kind === BtfKind.typeTag;
      if (!wrapper) return at;
      at = this.sizeOrType(at);
    }
  }

  /** An array's element type and length. */
  array(id: number): { elementTypeId: number; length: number } {
    const { blob, index } = this.locate(id);
    const position = blob.positions[index]! + 12;
    return { elementTypeId: blob.view.getUint32(position, true), length: blob.view.getUint32(position + 8, true) };
  }

  /** A type's size in bytes. Pointers are 8, functions and void 0. */
  size(id: number): number {
    const at = this.strip(id);
    switch (this.kind(at)) {
      case BtfKind.pointer:
        return 8;
      case BtfKind.array: {
        const { elementTypeId, length } = this.array(at);
        return length * this.size(elementTypeId);
      }
      case BtfKind.void:
      case BtfKind.function:
      case BtfKind.prototype:
      case BtfKind.forward:
        return 0;
      default:
        return this.sizeOrType(at);
    }
  }

  /** True for a signed integer or enum. */
  signed(id: number): boolean {
    const at = this.strip(id);
    const { blob, index } = this.locate(at);
    const kind = this.kind(at);
    if (kind === BtfKind.int) return (blob.view.getUint32(blob.positions[index]! + 12, true) & (1 << 24)) !== 0;
    return (kind === BtfKind.enum || kind === BtfKind.enum64) && kindFlag(blob.infos[index]!);
  }

  /** The members of a struct or union, in order; anonymous ones have an empty name. */
  members(id: number): Member[] {
    const { blob, index } = this.locate(id);
    const info = blob.infos[index]!;
    const flagged = kindFlag(info);
    const start = blob.positions[index]! + 12;
    return Array.from({ length: memberCount(info) }, (_, which) => {
      const at = start + which * 12;
      const offset = blob.view.getUint32(at + 8, true);
      return {
        name: this.string(blob.view.getUint32(at, true)),
        typeId: blob.view.getUint32(at + 4, true),
        bitOffset: flagged ? offset & 0xffffff : offset,
        bitSize: flagged ? offset >>> 24 : 0,
      };
    });
  }

  /** The id of a struct or union by name. @throws MissingTypeError where the kernel has none of that name. */
  struct(name: string): number {
    const id = this.find(name, BtfKind.struct) ?? this.find(name, BtfKind.union);
    if (id === undefined) throw new MissingTypeError(`struct ${name}`, 'no-type');
    return id;
  }

  /** The size in bytes of a struct or union by name. @throws MissingTypeError */
  structSize(name: string): number {
    return this.size(this.struct(name));
  }

  /**
   * Where a field lies: `field('sk_buff', 'sk')`, `field('sock', '__sk_common.skc_family')`, `field('sk_buff', 'cb[8]')`.
   * Fields of anonymous structs and unions are found by their own name, as in C.
   * @throws MissingTypeError where this kernel has no such field.
   */
  field(structName: string, path: string): Field {
    const key = `${structName}.${path}`;
    let field = this.fields.get(key);
    if (field === undefined) {
      field = resolveField(this, structName, path);
      this.fields.set(key, field);
    }
    return field;
  }

  /** True where the struct and the field exist in this kernel. */
  hasField(structName: string, path: string): boolean {
    try {
      this.field(structName, path);
      return true;
    } catch (error) {
      if (error instanceof MissingTypeError) return false;
      throw error;
    }
  }

  /**
   * The value of an enumerator, by its name alone (`ITER_UBUF`), or within the enum named.
   * @returns `undefined` where this kernel has no such enumerator. 64-bit values beyond 2^53 lose precision.
   */
  enumValue(enumerator: string, enumName?: string): number | undefined {
    const key = `${enumerator} ${enumName ?? ''}`;
    if (this.enumValues.has(key)) return this.enumValues.get(key);
    const value = this.searchEnum(enumerator, enumName);
    this.enumValues.set(key, value);
    return value;
  }

  private searchEnum(enumerator: string, enumName?: string): number | undefined {
    const offsets = new Set(this.stringOffsets(enumerator));
    if (offsets.size === 0) return undefined;
    const wanted = enumName === undefined ? undefined : new Set(this.stringOffsets(enumName));
    for (const blob of this.blobs) {
      for (let index = 0; index < blob.infos.length; index++) {
        const info = blob.infos[index]!;
        const kind = kindOf(info);
        if (kind !== BtfKind.enum && kind !== BtfKind.enum64) continue;
        if (wanted !== undefined && !wanted.has(blob.nameOffsets[index]!)) continue;
        const step = kind === BtfKind.enum ? 8 : 12;
        const start = blob.positions[index]! + 12;
        for (let at = start; at < start + memberCount(info) * step; at += step) {
          if (!offsets.has(blob.view.getUint32(at, true))) continue;
          const low = kindFlag(info) ? blob.view.getInt32(at + 4, true) : blob.view.getUint32(at + 4, true);
          return step === 8 ? low : blob.view.getUint32(at + 4, true) + blob.view.getInt32(at + 8, true) * 2 ** 32;
        }
      }
    }
    return undefined;
  }

  /** The id of a function, for attaching to it; `undefined` where BTF has none of that name (inlined, or no such thing). */
  functionId(name: string): number | undefined {
    return this.find(name, BtfKind.function);
  }

  /** A function's prototype; `undefined` where BTF has no function of that name. */
  prototype(name: string): Prototype | undefined {
    const id = this.functionId(name);
    return id === undefined ? undefined : this.readPrototype(this.sizeOrType(id), 0);
  }

  /** The id to attach a `tp_btf` program to: the typedef `btf_trace_NAME`. */
  tracepointId(name: string): number | undefined {
    return this.find(`btf_trace_${name}`, BtfKind.typedef);
  }

  /** A tracepoint's arguments, without the private first one that programs do not see. */
  tracepoint(name: string): Prototype | undefined {
    const id = this.tracepointId(name);
    return id === undefined ? undefined : this.readPrototype(this.sizeOrType(this.sizeOrType(id)), 1);
  }

  private readPrototype(id: number, skip: number): Prototype {
    const { blob, index } = this.locate(id);
    const start = blob.positions[index]! + 12;
    const returnTypeId = this.sizeOrType(id);
    const parameters = Array.from({ length: memberCount(blob.infos[index]!) - skip }, (_, which) => {
      const at = start + (which + skip) * 8;
      const typeId = blob.view.getUint32(at + 4, true);
      return { name: this.string(blob.view.getUint32(at, true)), typeId, type: this.describe(typeId) };
    });
    return { parameters, returnTypeId, returnType: this.describe(returnTypeId) };
  }

  /** A type as C would write it, for people: `const struct sk_buff *`. */
  describe(id: number): string {
    const name = this.typeName(id);
    switch (this.kind(id)) {
      case BtfKind.pointer: {
        const target = this.sizeOrType(id);
        if (this.kind(target) === BtfKind.prototype) return 'function *';
        return `${this.describe(target)} *`;
      }
      case BtfKind.const:
        return `const ${this.describe(this.sizeOrType(id))}`;
      case BtfKind.volatile:
        return `volatile ${this.describe(this.sizeOrType(id))}`;
      case BtfKind.restrict:
      case BtfKind.typeTag:
        return this.describe(this.sizeOrType(id));
      case BtfKind.array:
        return `${this.describe(this.array(id).elementTypeId)}[${this.array(id).length}]`;
      case BtfKind.struct:
        return `struct ${name || '(anonymous)'}`;
      case BtfKind.union:
        return `union ${name || '(anonymous)'}`;
      case BtfKind.enum:
      case BtfKind.enum64:
        return `enum ${name || '(anonymous)'}`;
      default:
        return name;
    }
  }
}
