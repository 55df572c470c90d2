// `npm run newsroom`: a front page gathered from fragments. Options: --port PORT (8080; 0 takes any free one).

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createPageServer } from 'clearway/pages';
import { openDatabase } from './database.mjs';
import { newsroomPages } from './page.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });
const database = await openDatabase();
const reports = new Map();

const options = {
  routes: newsroomPages(database, (url) => reports.get(url)),
  root: fileURLToPath(new URL('public', import.meta.url)),
  port: Number(values.port),
  onPage(report) {
    if (report.url.startsWith('/account')) return;
    // The account that the page shows is the one of its last reader: bounded, whatever is asked for.
    if (reports.size > 1000) reports.clear();
    reports.set(report.url, report);
  },
};

/** A port that is taken, by `npm start` perhaps, is a sentence and no stack. */
function open() {
  try {
    return createPageServer(options);
  } catch (error) {
    console.error(`newsroom: ${error.message}`);
    process.exit(1);
  }
}

const server = open();
console.log(`the newsroom is open at ${server.url} (${server.engine}, ${database.engine})`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.close(1000));
