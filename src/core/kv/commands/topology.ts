// What clients ask of a server's place among others, and of who may do what: ROLE, WAIT, CLUSTER, ACL, MODULE, DEBUG. This one stands alone, has one user
// and no modules, and answers as a Redis that is set up so.

import { argument, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { replyArray, replyError, replyInteger, replyText } from '../../resp/reply';
import { ADMIN, addCommand, FAST, SEVERAL } from '../command-table';
import { integerArgument } from './errors';
import { isSubcommand, noSubcommand } from './subcommands';

/** Adds the commands. @param family what stands before their numbers. */
export function addTopologyCommands(family: u32): void {
  addCommand('role', family, 1, FAST, 0, 0, 0);
  addCommand('wait', family + 1, 3, 0, 0, 0, 0);
  addCommand('cluster', family + 2, -2, 0, 0, 0, 0);
  addCommand('readonly', family + 3, 1, FAST, 0, 0, 0);
  addCommand('readwrite', family + 4, 1, FAST, 0, 0, 0);
  addCommand('asking', family + 5, 1, FAST, 0, 0, 0);
  addCommand('acl', family + 6, -2, SEVERAL, 0, 0, 0);
  addCommand('module', family + 7, -2, SEVERAL, 0, 0, 0);
  addCommand('debug', family + 8, -2, ADMIN, 0, 0, 0);
}

/** Runs one of them, by its number in the family. */
export function runTopology(number: u32): void {
  switch (number) {
    case 0:
      return role();
    case 1:
      return wait();
    case 6:
      return acl();
    case 7:
      if (isSubcommand('module', 'list', 2)) return replyArray(0);
      return noSubcommand('MODULE', 'HELP LIST');
    case 8:
      return replyError('ERR DEBUG command not allowed. This store has nothing to debug from a client.');
    default:
      return replyError('ERR This instance has cluster support disabled');
  }
}

function role(): void {
  replyArray(3);
  replyText('master');
  replyInteger(0);
  replyArray(0);
}

/** No replica will ever have it, so that nobody need wait to hear that. */
function wait(): void {
  if (!integerArgument(1)) return;
  if (!readInteger(argument(2), argumentLength(2))) {
    return replyError('ERR timeout is not an integer or out of range');
  }
  if (integer < 0) return replyError('ERR timeout is negative');
  replyInteger(0);
}

function acl(): void {
  if (isSubcommand('acl', 'whoami', 2)) return replyText('default');
  if (isSubcommand('acl', 'users', 2)) {
    replyArray(1);
    return replyText('default');
  }
  noSubcommand('ACL', 'HELP USERS WHOAMI');
}
