// Answers to segments that do not fit: an acknowledgement that says where we are (challenge, RFC 5961), as few as the settings allow, so that nobody makes
// us talk, and nobody learns from how many there are (their number in a second is random).

import { before } from '../bytes';
import { Figure, Setting } from '../control';
import { count, setting } from '../figures';
import { random64 } from '../random';
import { Connection } from './connection';
import { acknowledge } from './sender';
import { tickNow } from './wheel';

/** One connection challenges at most once in so many ticks. */
const restTicks: u32 = 488;
const secondTicks: u32 = 977;

let left: u32 = 0;
let renewTick: u32 = 0;
let isFresh: bool = true;

/** Begins with a full second. */
export function configureChallenges(): void {
  isFresh = true;
}

/** Says where we are, within the limits. */
export function challenge(c: Connection): void {
  if (c.hasChallenged && tickNow() - c.oddTick < restTicks) {
    count(Figure.tcpChallengesKept);
    return;
  }
  if (isFresh || !before(tickNow(), renewTick)) {
    isFresh = false;
    renewTick = tickNow() + secondTicks;
    const most = setting(Setting.challengesPerSecond);
    left = (most >> 1) + <u32>(random64() % <u64>(most + 1));
  }
  if (left === 0) {
    count(Figure.tcpChallengesKept);
    return;
  }
  left--;
  c.hasChallenged = true;
  c.oddTick = tickNow();
  count(Figure.tcpChallenges);
  acknowledge(c);
}
