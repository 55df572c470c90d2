// A thread that kicks a guest every few milliseconds: through the doors of other monitors a guest never rests, and its devices want their turn. For doors.test.ts.

import { parentPort } from 'node:worker_threads';
import { Kicker } from '../../src/kvm/kick.js';

const kicker = new Kicker();
parentPort!.postMessage(kicker.shared);
setInterval(() => kicker.kick(), 5);
