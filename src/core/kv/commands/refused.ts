// Commands of Redis that this store does not have: what is missing is said with the error, so that nobody looks for a misspelling. docs/kv.md lists them.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { beginError, endLine, writeQuoted, writeText } from '../../resp/reply';

/** Whether the command is one of some names, with blanks around each. */
function isOneOf(names: string): bool {
  const length = argumentLength(0);
  const at = argument(0);
  let begin = 1;
  for (let index = 1; index < names.length; index++) {
    if (names.charCodeAt(index) !== 0x20) continue;
    let same = <u32>(index - begin) === length;
    for (let place: u32 = 0; same && place < length; place++) {
      let byte = <i32>load<u8>(at + place);
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      same = byte === names.charCodeAt(begin + <i32>place);
    }
    if (same) return true;
    begin = index + 1;
  }
  return false;
}

/** Whether the first word is one that a request of HTTP has at the beginning of a line. */
export function isOfHttp(): bool {
  return isOneOf(' post host: ');
}

/** What the store lacks that the command would need; an empty text: there is no such command anywhere. */
function lacking(): string {
  if (isOneOf(' eval eval_ro evalsha evalsha_ro fcall fcall_ro function script ')) return 'scripts';
  if (
    isOneOf(
      ' xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim ',
    )
  ) {
    return 'streams';
  }
  if (
    isOneOf(
      ' geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore ',
    )
  ) {
    return 'geographic indexes';
  }
  if (isOneOf(' pfadd pfcount pfmerge pfdebug pfselftest ')) return 'HyperLogLogs';
  if (isOneOf(' replicaof slaveof sync psync replconf failover ')) return 'replication';
  if (isOneOf(' ssubscribe sunsubscribe spublish ')) return 'sharded channels';
  if (isOneOf(' dump restore restore-asking migrate ')) return 'values in the form of RDB';
  if (isOneOf(' bgrewriteaof ')) return 'append-only file';
  if (isOneOf(' sort sort_ro ')) return 'sorting of its own: use sorted sets';
  if (isOneOf(' lcs ')) return 'comparison of whole texts';
  if (isOneOf(' monitor ')) return 'window on the commands of others';
  return isOneOf(' lolwut ') ? 'pictures' : '';
}

/** Replies to a command that there is not, with the first of its arguments, as Redis words it, or with what it would need. */
export function unknownCommand(): void {
  const missing = lacking();
  beginError("ERR unknown command '");
  writeQuoted(argument(0), argumentLength(0));
  if (missing.length > 0) {
    writeText("': this store has no ");
    writeText(missing);
    return endLine();
  }
  writeText("', with args beginning with: ");
  let told: u32 = 0;
  for (let index: u32 = 1; index < argumentCount && told < 128; index++) {
    writeText("'");
    const length = argumentLength(index);
    writeQuoted(argument(index), length > 128 - told ? 128 - told : length);
    told += length + 3;
    writeText("' ");
  }
  endLine();
}
