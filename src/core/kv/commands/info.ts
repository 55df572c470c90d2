// INFO: sections as Redis names them, of what there is.

import { argumentCount, argumentIs } from '../../resp/arguments';
import { outputWaits } from '../../resp/output';
import { queryBytes } from '../../resp/query';
import { channelTable } from '../channels';
import { clientAt, clientsUsed, queryOf } from '../clients';
import { commandAt, commandCalls, commandCount, commandNameLength, writeCommandName } from '../command-table';
import {
  CLIENTS,
  CLIENTS_REFUSED,
  COMMANDS,
  COMMANDS_A_SECOND,
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
  OUTPUT_LIMIT_CLOSED,
  PEAK_MEMORY,
  POLICY,
  QUERY_LIMIT_CLOSED,
  TELL_PORT,
  TELL_PROCESS,
  TELL_RESIDENT,
  TELL_SYSTEM_MEMORY,
} from '../control';
import { heapCount } from '../expiry';
import { databaseAt, heapOf, keysOf } from '../keyspace';
import { tellMemory } from '../limit';
import { hasSaved, savedAt } from '../requests';
import { setting, setting64 } from '../settings';
import { slabsTaken, slabsUsed } from '../slabs';
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
    addLine('rdb_last_save_time', <i64>savedAt);
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

/** A line with a number of bytes, and one with the same for people. */
function addBytesLines(name: string, bytes: u64): void {
  addLine(name, <i64>bytes);
  addText(name);
  addText('_human:');
  let unit: u32 = 0;
  let hundredths = bytes * 100;
  for (; hundredths >= 102_400 && unit < 3; unit++) hundredths >>= 10;
  addHundredths(hundredths);
  addText(unit === 0 ? 'B\r\n' : unit === 1 ? 'K\r\n' : unit === 2 ? 'M\r\n' : 'G\r\n');
}

/** A number with two places behind its point. */
function addHundredths(value: u64): void {
  addNumber(<i64>(value / 100));
  addText(value % 100 < 10 ? '.0' : '.');
  addNumber(<i64>(value % 100));
}

function addRatio(name: string, part: u64, whole: u64, percent: bool): void {
  addText(name);
  addText(':');
  addHundredths(whole === 0 ? 0 : (part * (percent ? 10_000 : 100)) / whole);
  addText(percent ? '%\r\n' : '\r\n');
}

/** What Redis' users read there: what data and clients take (held to maxmemory), what of the process is in the host's memory, the host's. */
function memorySection(): void {
  // The most that it was may be now.
  tellMemory();
  const used = slabsUsed();
  const resident = setting64(TELL_RESIDENT);
  const clients = clientsMemory();
  addBytesLines('used_memory', used);
  addBytesLines('used_memory_rss', resident);
  addBytesLines('used_memory_peak', setting64(PEAK_MEMORY));
  addRatio('used_memory_peak_perc', used, setting64(PEAK_MEMORY), true);
  addLine('used_memory_overhead', <i64>clients);
  addLine('used_memory_dataset', <i64>(used - clients));
  addRatio('used_memory_dataset_perc', used - clients, used, true);
  addLine('allocator_allocated', <i64>used);
  addLine('allocator_active', <i64>slabsTaken());
  addLine('allocator_resident', <i64>slabsTaken());
  addBytesLines('total_system_memory', setting64(TELL_SYSTEM_MEMORY));
  addBytesLines('maxmemory', setting64(MAX_MEMORY));
  addText('maxmemory_policy:');
  addText(policyName(setting(POLICY)));
  addText('\r\n');
  addRatio('allocator_frag_ratio', slabsTaken(), used, false);
  addRatio('mem_fragmentation_ratio', resident, used, false);
  addLine('mem_clients_normal', <i64>clients);
  addText('mem_allocator:slabs\r\n');
}

/** Bytes of what clients have not sent whole, and of replies that they have not read. */
function clientsMemory(): u64 {
  let bytes: u64 = 0;
  for (let number: u32 = 0; number < clientsUsed; number++) {
    const client = clientAt(number);
    if (client !== 0) bytes += <u64>queryBytes(queryOf(client)) + <u64>outputWaits(client);
  }
  const used = slabsUsed();
  return bytes < used ? bytes : used;
}

function stats(): void {
  addLine('total_connections_received', <i64>setting64(CONNECTIONS));
  addLine('total_commands_processed', <i64>setting64(COMMANDS));
  addLine('instantaneous_ops_per_sec', <i64>setting64(COMMANDS_A_SECOND));
  addLine('total_net_input_bytes', <i64>setting64(INPUT_BYTES));
  addLine('total_net_output_bytes', <i64>setting64(OUTPUT_BYTES));
  addLine('rejected_connections', <i64>setting64(CLIENTS_REFUSED));
  addLine('expired_keys', <i64>setting64(EXPIRED));
  addLine('evicted_keys', <i64>setting64(EVICTED));
  addLine('keyspace_hits', <i64>setting64(HITS));
  addLine('keyspace_misses', <i64>setting64(MISSES));
  addLine('pubsub_channels', tableCount(channelTable(false)));
  addLine('pubsub_patterns', tableCount(channelTable(true)));
  addLine('client_query_buffer_limit_disconnections', <i64>setting64(QUERY_LIMIT_CLOSED));
  addLine('client_output_buffer_limit_disconnections', <i64>setting64(OUTPUT_LIMIT_CLOSED));
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
