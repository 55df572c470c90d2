// What the time of a segment in the core is made of, for the page of `npm run bench:core`: counted once, not measured by it.

/** A section of the page. */
export const parts = `Measured on one processor with the real-time class (\`chrt -f 10 taskset -c 1\`), while others kept both busy: what lies in memory is late then, the core's more than the floor's. The bound is missed at both lengths; the
counts below say by how much where memory is not what is waited for.

## What it is made of

Instructions a segment, which are the same however busy the machine is. Of the core: V8's own code (Node 20), every instruction of a run of 1,024 segments counted by single steps. Of the floors: gcc's, by callgrind.
Before and now are before and after the short way became one function without calls; before it had a short way at all, the core needed 7.8 and 3.0 times the floor's time.

| part | 64 bytes before | now | 1,514 bytes before | now |
| --- | ---: | ---: | ---: | ---: |
| from the descriptor to the row of pieces, and timers; all but what follows | 601 | 442 | 625 | 449 |
| payload's checksum, where it is long (before: where there is some) | 60 | - | 594 | 586 |
| acknowledgements, 0 and one to two segments | 0 | 0 | 294 | 287 |
| frames for the kernel to receive into | 26 | 15 | 26 | 15 |
| **stack** | **687** | **457** | **1,538** | **1,336** |
| in the module: news of sockets, pieces, frames back | 236 | 189 | 236 | 189 |
| the application in JavaScript, with its calls | 133 | 127 | 143 | 122 |
| **core** | **1,056** | **773** | **1,917** | **1,647** |
| floor | 314 | 314 | 1,567 | 1,567 |
| whole floor | 484 | 484 | 1,737 | 1,737 |

So the stack needs fewer instructions than the whole floor at 64 bytes, and fewer than either floor at 1,514, where it sums by vectors of 16 bytes and the floor by words. The core needs 2.5 and 1.05 times the floor's. Its time is more than that: what is
beyond instructions is memory. A segment of 64 bytes touches two lines of its connection, of 256 that are 128 KiB together, a record of its frame, an owner, and a frame out of some two thousand, where the floor has 10 KiB of
connections and a thousand frames. Payload of 10 bytes is no full segment: the core acknowledges it seldom (RFC 9293, section 3.8.6.3), the floor every second one.

How the stack's instructions became fewer, in the order of what it gave:

* Functions that are called at one place are put in there up to 1,000 nodes of the compiler's tree (its own limit is 200), in the modules for Node: a call costs V8 some 20 instructions, and there were six. In images long functions
  cost more bytes than calls, so they are left as they were.
* What is asked is asked as a branch, or many things as one number that is to be 0. V8 makes a number of every answer that a function gives, or that stands in a longer condition, and asks that one again.
* A checksum is right if 65,535 divides the sum: one product by its inverse says so, where folding takes ten steps. A number's bytes need not be swapped for a sum: times 256 is the same.
* Words of the header are loaded once, for the sum and for what they mean; numbers are swapped once.
* The row of news has a power of two of entries; windows that are wide open are known by one comparison; frames are given to the kernel, and counted, in one loop.

Beside the whole floor it has a keyed hash of 64 bits, and IPv6's addresses beside IPv4's; timestamps, losses, gaps, ends and repairs asked for in one look; windows by frames of one and of all; two timers;
records by which a frame that comes back late is known to be of another connection; figures; and owners looked at twice more.

Of the next packet the connection is looked at, and of the one behind it the head, while one is worked on: 26 instructions, and in single measurements on a busy machine between nothing and a tenth less time. In turns with the module of before in
one process, on a machine that was busy throughout (load average 7 to 15), tenth percentiles of 150 runs each: the stack takes 0.76 of its time at 64 bytes and 0.92 at 1,514, the core 0.79 and 0.92.

What was tried and made no difference: blocks of connections of an odd number of cache lines (576 bytes). Loading more of the next packet ahead than its head: six lines of it cost more, all of them less, in one measurement
on that machine, so it is not done. What is left to the floor at 64 bytes is beside what a stack must do: the whole floor costs 30 % more than the floor, and the application's part, a third of it in JavaScript, takes as many instructions as the
floor.
`;
