// What the time of a segment in the core is made of, for the page of `npm run bench:core`: counted once, not measured by it.

/** A section of the page. */
export const parts = `## What it is made of

Instructions a segment, which are the same however busy the machine is: both floors, and the core translated to C (wasm2c, gcc -O2, no vectors), by callgrind. The calls of a run in Node were replayed.
Before the segment that is expected had a short way, the core needed 1,666 of them for 64 bytes, and 3,159 for 1,514; in Node 221 and 353 ns,
which is 7.8 and 3.0 times the floor.

| part | 64 bytes | 1,514 bytes |
| --- | ---: | ---: |
| descriptor, owner of the frame, Ethernet and IPv4 asked, header verified, connection found | 169 | 184 |
| checksum of TCP | 89 | 1,062 |
| prediction, window, the piece in its row, the socket told of | 237 | 239 |
| the duty to acknowledge, its deadline | 30 | 38 |
| acknowledgements, 0 and one to two segments | 0 | 279 |
| frames for the kernel to receive into | 27 | 27 |
| **stack** | **552** | **1,829** |
| sockets and pieces to the application, frames back | 208 | 208 |
| **core** | **760** | **2,037** |
| floor | 314 | 1,567 |
| whole floor | 484 | 1,737 |

Payload of 10 bytes is no full segment: the core acknowledges it seldom (RFC 9293, section 3.8.6.3), the floor every second one. In Node, V8's code takes about as long for the stack's part as gcc's, and sums long segments by
vectors, in 30 ns where words take 57; each of the application's calls from JavaScript adds its edge. What is beside the
whole floor: a keyed hash of 64 bits, and IPv6's addresses beside IPv4's; timestamps, losses, gaps, ends and repairs asked for in one look; windows by frames of one and of all; two timers;
records by which a frame that comes back late is known to be of another connection; figures; and owners looked at twice more.

Since then all that such a segment touches of its connection lies in two lines of the cache instead of three, its acknowledgement is written at once, with sums of the words as they are written, the head of the
next packet is loaded while one is worked on, and long segments are summed 64 bytes a step. In one replay, before and after: 552 and 571 instructions for the stack at 64 bytes, 1,843 and 1,795 at 1,514; 233 and 226 for
the application. In Node, in turns with the old module in one process, on a machine that was busy throughout: 0.94 of its time at 64 bytes and 0.96 at 1,514 (tenth percentiles of 800 runs each). The table of times above is
of before; with a tenth less the bound is missed as well.

What was tried and made no difference: blocks of connections of an odd number of cache lines (576 bytes). Loading more of the next packet ahead than its head: six lines of it cost more, all of them less, in one measurement
on that machine, so it is not done. What is left to the floor at 64 bytes is beside what a stack must do: the whole floor costs 30 % more than the floor, and the calls of an application
in JavaScript alone take as long as the floor.
`;
