// `clearway bypass compare` as people use it: both ways are measured and everything that it made is gone, also when it was ended by a signal; what was left by kill -9 goes at
// the next start. And its words are those of docs/bypass.md.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ways } from '../../src/lab/compare/ways.js';
import { repositoryRoot } from '../../tools/tidy.js';
import { program } from '../support/program.js';
import { until } from '../support/until.js';
import { bypassRefused } from '../support/veth-pairs.js';

/** What processes of this number have made and not removed. */
function leftBy(pid: number): string[] {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const names = [...namespaces, ...readdirSync(tmpdir())];
  return names.filter((name) => name.startsWith(`clearway-lab-${pid}-`) || name.startsWith(`clearway-compare-${pid}-`));
}

/** Servers that serve what this process made. */
function serversOf(pid: number): string[] {
  const commandOf = (each: string): string => {
    try {
      return readFileSync(`/proc/${each}/cmdline`, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc').filter((each) => commandOf(each).includes(`/clearway-compare-${pid}-`));
}

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, 'bypass', 'compare', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('clearway bypass compare', { skip: bypassRefused() }, () => {
  test('measures both ways and leaves nothing', async () => {
    const child = start('--seconds', '0.9', '--connections', '4', '--json');
    let [said, complained] = ['', ''];
    child.stdout!.on('data', (text) => {
      said += String(text);
    });
    child.stderr!.on('data', (text) => {
      complained += String(text);
    });
    const [status] = await once(child, 'close');
    assert.equal(status, 0, complained);
    const { rows, ways: found, uncounted, unmetered } = JSON.parse(said);
    assert.equal(rows.length, 2);
    for (const row of rows) {
      for (const way of ['kernel', 'bypass']) {
        const { requestsPerSecond, p50Us, p99Us, serverCpuUs, packets, systemCalls } = row[way];
        assert.ok(requestsPerSecond > 0 && p50Us > 0 && p99Us >= p50Us && serverCpuUs > 0, JSON.stringify(row));
        if (uncounted === undefined) assert.ok(systemCalls > 0, JSON.stringify(row));
        assert.ok(packets > 0, JSON.stringify(row));
        if (unmetered !== undefined) continue;
        // Whichever way, a small file is copied out of memory; and past the kernel each packet of a veth once more.
        const { copied, carriedBytes } = row[way];
        if (row.bytes === 1024) assert.ok(copied.metered + copied.own > row.bytes / 2, JSON.stringify(row));
        assert.ok(carriedBytes > row.bytes, JSON.stringify(row));
        assert.equal(copied.derived, way === 'kernel' ? 0 : carriedBytes);
      }
      // No packet of our own TCP/IP is longer than the device's MTU of 1,500: 44 of them, less what was under way when a short time began.
      if (row.bytes === 65_536) assert.ok(row.bypass.packets > 22, JSON.stringify(row));
    }
    assert.equal(found.bypass.engine, 'bypass');
    assert.notEqual(found.kernel.engine, 'bypass');
    assert.deepEqual(leftBy(child.pid!), []);
    assert.deepEqual(serversOf(child.pid!), []);
  });

  test('a store is asked in both ways; the page has the figures, and is not written over', async () => {
    const page = join(tmpdir(), `clearway-compare-page-${process.pid}.html`);
    const asked = ['--workload', 'kv', '--seconds', '0.6', '--connections', '2', '--html', page, '--json'];
    const child = start(...asked);
    let said = '';
    child.stdout!.on('data', (text) => {
      said += String(text);
    });
    child.stderr!.on('data', (text) => process.stderr.write(String(text)));
    const [status] = await once(child, 'close');
    assert.equal(status, 0);
    const { rows, workload } = JSON.parse(said);
    assert.equal(workload, 'kv');
    assert.deepEqual(
      rows.map(({ bytes }: { bytes: number }) => bytes),
      [64, 4096],
    );
    for (const row of rows) assert.ok(row.kernel.requestsPerSecond > 0 && row.bypass.requestsPerSecond > 0);
    const html = readFileSync(page, 'utf8');
    assert.match(html, /<h2>64 bytes, 2 connections<\/h2>.*requests a second.*<h2>own TCP\/IP/s);
    assert.match(html, /<code>tcpdump<\/code> on the interface/);
    assert.doesNotMatch(html, /<script|<!--|undefined|NaN/);
    const again = spawnSync(process.execPath, [program, 'bypass', 'compare', '--html', page], { encoding: 'utf8' });
    assert.equal(again.status, 2);
    assert.match(again.stderr, /--html .* cannot be written: it is there already/);
    rmSync(page);
  });

  test('ended by a signal it leaves nothing, and after kill -9 the next start clears up', async () => {
    const killed = start('--connections', '1');
    await until('both servers run', () => serversOf(killed.pid!).length === 2);
    killed.kill('SIGKILL');
    await once(killed, 'close');
    await until('its servers are gone', () => serversOf(killed.pid!).length === 0);
    assert.notDeepEqual(leftBy(killed.pid!), []);
    const ended = start('--connections', '1');
    await until('both servers run', () => serversOf(ended.pid!).length === 2);
    assert.deepEqual(leftBy(killed.pid!), []);
    ended.kill('SIGTERM');
    assert.deepEqual(await once(ended, 'close'), [143, null]);
    assert.deepEqual(leftBy(ended.pid!), []);
    await until('its servers are gone', () => serversOf(ended.pid!).length === 0);
  });
});

test('what it says is lost is what the documentation says', () => {
  const text = readFileSync(join(repositoryRoot, 'docs/bypass.md'), 'utf8');
  const table = text.slice(text.indexOf('## What you give up'), text.indexOf('## Privileges'));
  const first = [...table.matchAll(/^\| (.+?) \|/gm)]
    .map(([, words]) => words!)
    .filter((words) => !/^(lost|---)$/.test(words));
  assert.deepEqual(ways.bypass.lost, first);
});

test('a mistyped word and values out of range are refused in a sentence', () => {
  const refused = (...args: readonly string[]): string => {
    const { status, stderr } = spawnSync(process.execPath, [program, 'bypass', ...args], { encoding: 'utf8' });
    assert.equal(status, 2, stderr);
    return stderr;
  };
  assert.match(refused(), /clearway bypass compare/);
  assert.match(refused('compar'), /did you mean compare\?/);
  assert.match(refused('compare', '--seconds', '1e9'), /--seconds is "1e9", and must be a number from 0.3 to 60/);
  assert.match(refused('compare', '--connections', '1,0'), /--connections is "0"/);
  assert.match(refused('compare', '--connections', '1,2,3,4,5'), /at most 4 numbers/);
  assert.match(refused('compare', '--workload', 'http'), /--workload is "http", and must be serve, kv or serve,kv/);
  assert.match(refused('compare', '--bypass-poll', '1.5'), /whole number/);
});
