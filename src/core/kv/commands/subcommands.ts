// Commands that are several, by the word behind their name (CLIENT, CONFIG, OBJECT and the like): which one is meant, whether it has the right number of
// arguments, and HELP.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { reserve, written } from '../../resp/output';
import { beginError, endLine, replyArray, writeQuoted, writeText } from '../../resp/reply';

let isRefused: bool = false;
/** Whether it is only looked at what a command is, for a transaction. */
let isOnlyAsked: bool = false;
/** Whether the command that was asked about is one of those that there are, with the arguments that it needs; else that was replied. */
export let isKnown: bool = false;

/** From now on commands do nothing, but reply where they are none; or they run again. */
export function askOnly(asks: bool): void {
  isOnlyAsked = asks;
  if (asks) isKnown = false;
}

/**
 * Whether a subcommand is meant and has the arguments that it needs. With a wrong number of them that is replied, and no other one is meant.
 * @param arity how many arguments with both names; negative: at least so many
 */
export function isSubcommand(command: string, name: string, arity: i32): bool {
  if (argumentCount < 2 || !argumentIs(1, name)) return false;
  if (arity >= 0 ? argumentCount === <u32>arity : argumentCount >= <u32>-arity) {
    isKnown = isOnlyAsked;
    return !isOnlyAsked;
  }
  isRefused = true;
  beginError("ERR wrong number of arguments for '");
  writeText(command);
  writeText('|');
  writeText(name);
  writeText("' command");
  endLine();
  return false;
}

/** Writes a word in capitals in lower case. */
function writeLower(word: string): void {
  for (let index = 0; index < word.length; index++) {
    store<u8>(reserve(1), <u8>(word.charCodeAt(index) | 0x20));
    written(1);
  }
}

/** After all subcommands were asked for and none was meant: HELP, or an error. @param command in capitals @param names all that there are, in capitals */
export function noSubcommand(command: string, names: string): void {
  const wasRefused = isRefused;
  isRefused = false;
  if (wasRefused || (isOnlyAsked && isKnown)) return;
  if (argumentIs(1, 'help')) {
    isKnown = isOnlyAsked && argumentCount === 2;
    if (isKnown) return;
    if (argumentCount === 2) return help(command, names);
    beginError("ERR wrong number of arguments for '");
    writeLower(command);
    writeText("|help' command");
    return endLine();
  }
  beginError("ERR unknown subcommand '");
  writeQuoted(argument(1), argumentLength(1));
  writeText("'. Try ");
  writeText(command);
  writeText(' HELP.');
  endLine();
}

function help(command: string, names: string): void {
  let words: u32 = 1;
  for (let index = 0; index < names.length; index++) if (names.charCodeAt(index) === 0x20) words += 1;
  replyArray(words + 1);
  writeText('+');
  writeText(command);
  writeText(' <subcommand> [<arg> [value] [opt] ...]. Subcommands are:');
  endLine();
  writeText('+');
  for (let index = 0; index < names.length; index++) {
    const letter = names.charCodeAt(index);
    if (letter !== 0x20) {
      store<u8>(reserve(1), <u8>letter);
      written(1);
      continue;
    }
    endLine();
    writeText('+');
  }
  endLine();
}
