// Lines of the access log from its records: Apache's combined format, or one JSON object a line.

import type { LogRecord } from './access-log.js';
import { wayNames } from './metrics.js';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function commonTime(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}

/** Quotes a text from outside: whatever could end the field or the line, or talk to a terminal, becomes \xHH. */
function quoted(text: string): string {
  if (text === '') return '"-"';
  const safe = text.replace(
    /[^\x20-\x7e]|["\\]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${safe}"`;
}

/** JSON lets DEL and the controls from 0x80 on stand as they are; a terminal obeys some of them. */
function escaped(json: string): string {
  return json.replace(/[^\x20-\x7e\xa0-\uffff]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** One line, its end included. */
export function formatRecord(record: LogRecord, format: 'combined' | 'json'): string {
  if (format === 'json') {
    const [method = '', target = '', version = ''] = record.requestLine.split(' ');
    const { peer, status, bodyBytes, latencyUs, referer, userAgent } = record;
    const time = new Date(record.timeMs).toISOString();
    const way = wayNames[record.way];
    const fields = { time, peer, method, target, version, status, bodyBytes, way, latencyUs, referer, userAgent };
    return `${escaped(JSON.stringify(fields))}\n`;
  }
  const { peer, timeMs, requestLine, status, bodyBytes, referer, userAgent } = record;
  return `${peer} - - [${commonTime(timeMs)}] ${quoted(requestLine)} ${status} ${bodyBytes} ${quoted(referer)} ${quoted(userAgent)}\n`;
}
