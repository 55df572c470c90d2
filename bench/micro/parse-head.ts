// Nanoseconds per request head, by hand: `node dist/bench/micro/parse-head.js`. Never part of the suite.

import { DEFAULT_HEAD_LIMITS, parseRequestHead, RequestHead } from '../../src/wire/http1/request.js';

const HEADS: Record<string, string> = {
  wrk: 'GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n',
  curl: 'GET /index.html HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n',
  browser: [
    'GET /assets/index-BX7s9a2K.js?v=3 HTTP/1.1',
    'Host: www.example.org',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
    'Cache-Control: max-age=0',
    'Connection: keep-alive',
    'If-Modified-Since: Tue, 18 Nov 2025 10:11:12 GMT',
    'If-None-Match: "mi2f3k-1a2b"',
    'Referer: https://www.example.org/start/page.html',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-User: ?1',
    'Upgrade-Insecure-Requests: 1',
    'sec-ch-ua: "Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    'sec-ch-ua-mobile: ?0',
    'sec-ch-ua-platform: "Linux"',
    '',
    '',
  ].join('\r\n'),
};

const ROUNDS = 7;
const encoder = new TextEncoder();
const head = new RequestHead();
// All heads lie in one region, as in a server that receives into one; each begins at an odd offset.
const region = new Uint8Array(4096);
let free = 1;
const cases = Object.entries(HEADS).map(([name, text]) => {
  const start = free;
  const { written } = encoder.encodeInto(text, region.subarray(start));
  free = (start + written) | 1;
  return { name, start, length: written, timesNs: [] as number[] };
});

for (let round = 0; round < ROUNDS; round++) {
  for (const { start, length, timesNs } of cases) {
    const count = Math.floor(60_000_000 / (length + 40));
    const begin = process.hrtime.bigint();
    let sum = 0;
    for (let index = 0; index < count; index++) {
      sum += parseRequestHead(region, start, start + length, head, DEFAULT_HEAD_LIMITS);
    }
    const elapsed = Number(process.hrtime.bigint() - begin);
    if (sum !== count * length) throw new Error('a head of the benchmark was refused');
    timesNs.push(elapsed / count);
  }
}

for (const { name, length, timesNs } of cases) {
  timesNs.sort((left, right) => left - right);
  const median = timesNs[ROUNDS >> 1]!;
  const line = `${length} bytes  ${median.toFixed(0)} ns  ${(median / length).toFixed(2)} ns/byte`;
  console.log(`${name.padEnd(8)} ${line}  (best ${timesNs[0]!.toFixed(0)})`);
}
