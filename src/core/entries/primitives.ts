// The parts that all modules of the core stand on, as a module of their own: for the tests, which hold them to plain TypeScript.

export { arenaLeft, beginArena, heapBase, take } from '../arena';
export { be16, be32, before, putBe16, putBe32 } from '../bytes';
export { checksumOf, isWhole, sumOf, sumShort, sumVectors } from '../checksum';
export { nowUs, setClock } from '../clock';
export { random64, seedRandom } from '../random';
export { siphash } from '../siphash';
