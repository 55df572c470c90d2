// INFO: sections as Redis names them, of what there is.

import { argumentCount, argumentIs } from '../../resp/arguments';
import { commandAt, commandCalls, commandCount, commandNameLength, writeCommandName } from '../command-table';
import {
  CLIENTS,
  CLIENTS_REFUSED,
  COMMANDS,
  CONNECTIONS,
  DATABASES,
  ERROR_REPLIES,
  EVICTED,
  EXPIRED,
  HITS,
  INPUT_BYTES,
  MAX_CLIENTS,
  MAX_MEMORY,
  MISSES,
  OUTPUT_BYTES,
  PEAK_MEMORY,
  POLICY,
  TELL_PORT,
  TELL_PROCESS,
} from '../control';
import { heapCount } from '../expiry';
import { databaseAt, heapOf, keysOf } from '../keyspace';
import { hasSaved } from '../requests';
import { setting, setting64 } from '../settings';
import { slabsTaken, slabsTotal, slabsUsed } from '../slabs';
import { tableCount } from '../table';
import { addBytes, addLine, addNumber, addText, beginText, replyBuffer } from '../text-buffer';
import { upSeconds } from '../time';
import { waiters } from '../waiting';
import { REDIS_VERSION } from './connection';
import { policyName } from './policy-names';

let isFirst: bool = true;

/** Whether a section was asked for; begins it then. */
function section(name: string, title: string, byDefault: bool): bool {
  let asked = argumentCount === 1 && byDefault;
  for (let index: u32 = 1; index < argumentCount; index++) {
    if (argumentIs(index, name) || argumentIs(index, 'all') || argumentIs(index, 'everything')) asked = true;
    if (argumentIs(index, 'default') && byDefault) asked = true;
  }
  if (!asked) return false;
  if (!isFirst) addText('\r\n');
  isFirst = false;
  addText('# ');
  addText(title);
  addText('\r\n');
  return true;
}

/** Replies to INFO. */
export function runInfo(): void {
  isFirst = true;
  beginText();
  if (section('server', 'Server', true)) server();
  if (section('clients', 'Clients', true)) {
    addLine('connected_clients', <i64>setting64(CLIENTS));
    addLine('maxclients', setting(MAX_CLIENTS));
    addLine('blocked_clients', waiters);
  }
  if (section('memory', 'Memory', true)) memorySection();
  if (section('persistence', 'Persistence', true)) {
    addText('loading:0\r\naof_enabled:0\r\nrdb_bgsave_in_progress:0\r\n');
    addText(hasSaved ? 'rdb_last_bgsave_status:ok\r\n' : 'rdb_last_bgsave_status:err\r\n');
  }
  if (section('stats', 'Stats', true)) stats();
  if (section('replication', 'Replication', true)) addText('role:master\r\nconnected_slaves:0\r\n');
  if (section('commandstats', 'Commandstats', false)) commandStats();
  if (section('cluster', 'Cluster', true)) addText('cluster_enabled:0\r\n');
  if (section('keyspace', 'Keyspace', true)) keyspace();
  replyBuffer();
}

function server(): void {
  addText('redis_version:');
  addText(REDIS_VERSION);
  addText('\r\nserver_name:clearway\r\nredis_mode:standalone\r\n');
  addLine('process_id', setting(TELL_PROCESS));
  addLine('tcp_port', setting(TELL_PORT));
  addLine('uptime_in_seconds', <i64>upSeconds());
  addLine('uptime_in_days', <i64>(upSeconds() / 86_400));
}

function memorySection(): void {
  addLine('used_memory', <i64>slabsUsed());
  addLine('used_memory_rss', <i64>slabsTaken());
  addLine('used_memory_peak', <i64>setting64(PEAK_MEMORY));
  addLine('total_system_memory', <i64>slabsTotal());
  addLine('maxmemory', <i64>setting64(MAX_MEMORY));
  addText('maxmemory_policy:');
  addText(policyName(setting(POLICY)));
  addText('\r\nmem_allocator:slabs\r\n');
}

function stats(): void {
  addLine('total_connections_received', <i64>setting64(CONNECTIONS));
  addLine('total_commands_processed', <i64>setting64(COMMANDS));
  addLine('total_net_input_bytes', <i64>setting64(INPUT_BYTES));
  addLine('total_net_output_bytes', <i64>setting64(OUTPUT_BYTES));
  addLine('rejected_connections', <i64>setting64(CLIENTS_REFUSED));
  addLine('expired_keys', <i64>setting64(EXPIRED));
  addLine('evicted_keys', <i64>setting64(EVICTED));
  addLine('keyspace_hits', <i64>setting64(HITS));
  addLine('keyspace_misses', <i64>setting64(MISSES));
  addLine('total_error_replies', <i64>setting64(ERROR_REPLIES));
}

const nameBuffer = memory.data(16, 8);

function commandStats(): void {
  for (let index: u32 = 0; index < commandCount; index++) {
    const row = commandAt(index);
    if (commandCalls(row) === 0) continue;
    addText('cmdstat_');
    writeCommandName(row, nameBuffer);
    addBytes(nameBuffer, commandNameLength(row));
    addText(':calls=');
    addNumber(commandCalls(row));
    addText('\r\n');
  }
}

function keyspace(): void {
  for (let index: u32 = 0; index < setting(DATABASES); index++) {
    const at = databaseAt(index);
    const keys = tableCount(keysOf(at));
    if (keys === 0) continue;
    addText('db');
    addNumber(index);
    addText(':keys=');
    addNumber(keys);
    addText(',expires=');
    addNumber(heapCount(heapOf(at)));
    addText(',avg_ttl=0\r\n');
  }
}
