// From which size on a static fragment is cheaper to refer to than to copy: a page of 64 fragments of one size with a short
// text between each two is composed and sent over a loopback socket, once with every fragment copied next to its neighbours
// and once with every fragment by reference. `npm run bench:pages -- threshold` prints both and where they cross.

import { MSG } from '../../src/kernel/constants.js';
import { syscall6 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';
import {
  acceptNonBlocking,
  closeDescriptor,
  connectTcp,
  listenTcp,
  localAddress,
  sendMessage,
} from '../../src/kernel/socket.js';
import { ListWriter } from '../../src/memory/list-writer.js';
import { Region } from '../../src/memory/region.js';
import type { SgFile } from '../../src/memory/sg-list.js';
import { writeFrames } from '../../src/memory/write-frames.js';
import { Output } from '../../src/transport/output.js';
import { renderTable, show } from '../report.js';
import { median } from '../statistics.js';

const fragments = 64;
const sizes = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] as const;
const pagesARound = 400;
const rounds = 7;

/** Two ends of a loopback connection. */
function pair(): { near: number; far: number; close(): void } {
  const listener = listenTcp({ host: '127.0.0.1', port: 0 });
  const near = connectTcp({ host: '127.0.0.1', port: localAddress(listener).port });
  const far = acceptNonBlocking(listener);
  return { near, far, close: () => [listener, near, far].forEach(closeDescriptor) };
}

/** Microseconds for a page of fragments of `size` bytes, composed and sent. What is read is dropped by the kernel. */
function measurePage(size: number, copied: boolean, statics: Region, ends: ReturnType<typeof pair>): number {
  const writer = new ListWriter<SgFile>(writeFrames());
  writer.coalesceBytes = copied ? Number.POSITIVE_INFINITY : 0;
  const output = new Output();
  const views = Array.from({ length: fragments }, (_, index) =>
    statics.bytes.subarray(index * size, (index + 1) * size),
  );
  const begin = performance.now();
  for (let page = 0; page < pagesARound; page++) {
    for (let index = 0; index < fragments; index++) {
      writer.text('<b>fresh</b>');
      if (copied) writer.joinView(views[index]!);
      else writer.segment(statics, index * size, size);
    }
    const { list } = writer;
    for (let index = 0; index < list.length; index++) {
      const address = list.regions[index]!.address + list.offsets[index]!;
      output.addSegment(address, list.lengths[index]!, list.lenders[index], list.cookies[index]!);
    }
    list.reset();
    writer.finish();
    while (!output.empty) {
      const sent = sendMessage(ends.near, output.gather(), MSG.DONTWAIT);
      output.gathered();
      if (sent > 0) output.take(sent);
      while (syscall6(sys.recvfrom, ends.far, 0, 1 << 20, MSG.TRUNC | MSG.DONTWAIT, 0, 0) > 0);
    }
  }
  return ((performance.now() - begin) * 1000) / pagesARound;
}

/** Measures every size both ways, interleaved. Returns the table as text. */
export function measureThreshold(): string {
  const ends = pair();
  const memory = new Region(fragments * sizes.at(-1)!);
  memory.bytes.fill(0x61);
  try {
    const lines = sizes.map((size) => {
      const copied: number[] = [];
      const referenced: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        copied.push(measurePage(size, true, memory, ends));
        referenced.push(measurePage(size, false, memory, ends));
      }
      // The first round also compiles the code.
      const [copy, reference] = [median(copied.slice(1)), median(referenced.slice(1))];
      return [String(size), show(copy), show(reference), show(copy / reference, 'x')];
    });
    return renderTable(['bytes of a fragment', 'copied, us/page', 'by reference, us/page', 'ratio'], lines, []);
  } finally {
    ends.close();
    memory.unmap();
  }
}
