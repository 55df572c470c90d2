// What the time of a segment in the core is made of, for the page of `npm run bench:core`: counted once, not measured by it.

/** A section of the page. */
export const parts = `Nothing else was at work. Of 2,000 batches in turns with as many of the floor, right after, the core's median is 1.05x and 0.91x of the floor's, the lower quartile 1.03x and 0.90x, the mean, which has collections and interruptions in it,
1.16x and 0.94x. Where others keep the machine busy the core suffers more than a floor whose batches follow one another within a millisecond: at a load average of 14 nine rounds said 1.38x and 1.32x, and at 17, by the quarter of 20 batches, 1.76x and 1.56x.

## What it is made of

Instructions a segment, which are the same however busy the machine is. Of the core: V8's own code (Node 20), every instruction of a run of 512 segments counted by single steps. Of the floors: gcc's, by callgrind.
"First" is before the short way became one function without calls, "grouped" is since packets are looked at in groups, "now" is since what comes is in rows; before it had a short way at all, the core needed 7.8 and 3.0 times the floor's time.

| part | 64 bytes first | grouped | now | 1,514 bytes first | grouped | now |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| from the descriptor to the row of pieces (now: to the application's row), and timers; all but what follows | 601 | 400 | 379 | 625 | 419 | 390 |
| payload's checksum, where it is long (first: where there is some) | 60 | - | - | 594 | 586 | 586 |
| acknowledgements, 0 and one to two segments | 0 | 0 | 0 | 294 | 287 | 287 |
| frames for the kernel to receive into | 26 | 15 | 13 | 26 | 15 | 13 |
| news of sockets, pieces, frames back; now: frames of rows back | 236 | 177 | 28 | 236 | 177 | 28 |
| **module** | **923** | **592** | **420** | **1,774** | **1,484** | **1,304** |
| the application in JavaScript, with its calls | 133 | 127 | 45 | 143 | 122 | 45 |
| **core** | **1,056** | **719** | **465** | **1,917** | **1,606** | **1,349** |
| floor | 314 | 314 | 314 | 1,567 | 1,567 | 1,567 |
| whole floor | 484 | 484 | 484 | 1,737 | 1,737 | 1,737 |

So the core, with its application in JavaScript, needs fewer instructions than the whole floor at both lengths, and at 1,514 bytes fewer than the floor, where it sums by vectors of 16 bytes and the floor by words.
Its time follows: a segment of 64 bytes touches two lines of its connection, of 256 that are 128 KiB together, an owner, a row and a frame; the record of its frame (32 bytes, of 4,096) it touches no more.

What rows are (src/core/tcp/rows.ts): before, a segment was put into its connection's queue, by a record of its frame; its socket into the row of news; the application took the news, called \`receive\` for each piece, wrote the
frame's address into a list, and called for the list to be taken back, by its record and its connection. Now the stack writes a row of 16 bytes, {socket, generation, address, length}, in a ring in its memory; the application reads rows as words
of a typed array, and writes how many it took; the next turn frees their frames in one loop, each after a look at its owner. A connection holds no frame that is in a row: how many there are the ring bounds, so neither window nor record is touched.
\`clearway serve --bypass\` and \`clearway/bypass\` read so what is received without end; whoever keeps a piece, stops reading or closes is served as before, in order.

How the stack's instructions had become fewer before, in the order of what it gave; the last two are the newest:

* Functions that are called at one place are put in there up to 1,000 nodes of the compiler's tree (its own limit is 200), in the modules for Node: a call costs V8 some 20 instructions, and there were six. In images long functions
  cost more bytes than calls, so they are left as they were.
* What is asked is asked as a branch, or many things as one number that is to be 0. V8 makes a number of every answer that a function gives, or that stands in a longer condition, and asks that one again.
* A checksum is right if 65,535 divides the sum: one product by its inverse says so, where folding takes ten steps. A number's bytes need not be swapped for a sum: times 256 is the same.
* Words of the header are loaded once, for the sum and for what they mean; numbers are swapped once.
* The row of news has a power of two of entries; windows that are wide open are known by a branch; frames are given to the kernel, and counted, in one loop.
* Packets are taken out of the ring 16 at a time, in one loop that keeps what does not change in registers; then each is guessed whose it is; then each is worked on. When one loop did all of it for one packet, with
  the next two under way, a tenth of its instructions moved numbers out of registers and back.
* What must be so for the short way is asked by a comparison and a branch each, out of one block with one way out: that is fewer instructions than one number of all of it, once no answer is made a number.

Beside the whole floor it has a keyed hash of 64 bits, and IPv6's addresses beside IPv4's; timestamps, losses, gaps, ends and repairs asked for by a branch each; windows by frames of one and of all; two timers;
generations by which a frame that comes back late is known to be of another connection; figures; and owners looked at once more.

When groups came, in turns with the module of before in one process, on a machine that was busy throughout (load average 23 to 27), of 144 runs each, the stack takes of its time, at the tenth percentile, the lower quartile and the median: with 1,024 frames
going round 0.81, 0.74 and 0.54 at 64 bytes, and 0.93, 0.96 and 0.92 at 1,514; with 2,048 of 8,192, as was measured before, 1.00, 0.88 and 0.76, and 1.03, 0.97 and 1.00.

What was tried and made no difference: blocks of connections of an odd number of cache lines (576 bytes). Before there were groups, loading more of the next packet ahead than its head: six lines of it cost more, all of them
less, in one measurement on such a machine, so it is not done.
`;
