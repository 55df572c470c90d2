// Scores of sorted sets as replies.

import { writeDouble } from './doubles';
import { writeBytes } from './output';
import { isThree, replyBulk, writeText } from './reply';

const text = memory.data(48, 8);

/** Replies with a score: a number of RESP3, or its text. */
export function replyScore(value: f64): void {
  const length = writeDouble(text, value);
  if (!isThree) return replyBulk(text, length);
  writeText(',');
  writeBytes(text, length);
  writeText('\r\n');
}

/** Replies with the text of a score in either protocol. */
export function replyScoreText(value: f64): void {
  replyBulk(text, writeDouble(text, value));
}
