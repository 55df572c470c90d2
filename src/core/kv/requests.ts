// What clients asked for that the store cannot do itself: its caller writes snapshots, and ends. And what came of the last snapshot.

import { closeOutput, openOutput } from '../resp/output';
import { replyError, replyOk } from '../resp/reply';
import { clientAt, noteNews } from './clients';

/** Bits of what was asked for. */
export const ASK_SAVE: u32 = 1;
export const ASK_SHUTDOWN: u32 = 2;
export const ASK_SHUTDOWN_WITHOUT_SAVE: u32 = 4;

let asked: u32 = 0;
/** Who waits for the reply: a client's number; -1: nobody. */
let waiting: i32 = -1;
/** When the last snapshot was written, in seconds since 1970; 0: none was. */
export let savedAt: u64 = 0;
/** Whether the last one was written. */
export let hasSaved: bool = true;

/** Asks the caller. @param client who gets the reply; -1: nobody */
export function ask(what: u32, client: i32): void {
  asked |= what;
  if (client >= 0) waiting = client;
}

/** Whether anything was asked for. */
export function isAsked(): bool {
  return asked !== 0;
}

/** What was asked for since the last call. */
export function takeAsked(): u32 {
  const what = asked;
  asked = 0;
  return what;
}

/** The caller says what came of a snapshot; who waits for that is told. */
export function noteSaved(isSaved: bool, at: u64): void {
  hasSaved = isSaved;
  if (isSaved) savedAt = at;
  const client: usize = waiting < 0 ? 0 : clientAt(waiting);
  waiting = -1;
  if (client === 0) return;
  openOutput(client, false);
  if (isSaved) replyOk();
  else
    replyError(
      'ERR the snapshot was not written: the server was started without --snapshot FILE, or its stderr says why',
    );
  closeOutput();
  noteNews(client);
}
