// Writes the smallest BTF a map can ask for: socket, task and cgroup storage are only made with typed keys and values.

import { bpfBtfLoad } from '../kernel/bpf.js';
import { wrongArgument } from '../text/coded.js';
import { BtfKind } from './btf-format.js';
import { refusal } from './refusals.js';

/** Type ids in the blob of {@link storageBtf}. */
export const storageKeyTypeId = 1;
export const storageValueTypeId = 3;

/**
 * BTF with three types: `int` (the key), `unsigned long`, and an array of those (the value).
 * @param valueBytes a multiple of 8.
 */
function storageBtf(valueBytes: number): Uint8Array {
  if (valueBytes % 8 !== 0 || valueBytes === 0) throw wrongArgument('a storage value is a multiple of 8 bytes');
  const strings = '\0int\0unsigned long\0';
  const int = (name: number, size: number, signed: boolean) => [
    name,
    (BtfKind.int << 24) >>> 0,
    size,
    (signed ? 1 << 24 : 0) | (size * 8),
  ];
  const words = [...int(1, 4, true), ...int(5, 8, false), ...[0, (BtfKind.array << 24) >>> 0, 0, 2, 1, valueBytes / 8]];
  const typesBytes = words.length * 4;
  const bytes = new Uint8Array(24 + typesBytes + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  [24, 0, typesBytes, typesBytes, strings.length].forEach((word, index) => {
    view.setUint32(4 + index * 4, word, true);
  });
  words.forEach((word, index) => {
    view.setUint32(24 + index * 4, word, true);
  });
  for (let index = 0; index < strings.length; index++) bytes[24 + typesBytes + index] = strings.charCodeAt(index);
  return bytes;
}

/** Loads {@link storageBtf} into the kernel. @returns a descriptor to close once the map exists. @throws RefusedError */
export function loadStorageBtf(valueBytes: number): number {
  const fd = bpfBtfLoad(storageBtf(valueBytes));
  if (fd < 0) throw refusal({ stage: 'type', kind: 'map types', errno: -fd });
  return fd;
}
