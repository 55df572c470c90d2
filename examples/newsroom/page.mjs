// The front page: static fragments from files, encoded once; an archive that is a file and stays one; and two slots that
// ask the database. A slot that is late or broken has a fallback: the rest of the page does not wait for it.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { file, html, page, slot, template } from 'clearway/pages';

const fragment = (name) => new URL(`fragments/${name}`, import.meta.url);
const text = (name) => readFileSync(fragment(name), 'utf8');

const ruling = '<hr class="ruling" data-way="coalesced" aria-hidden="true">\n';

// The style is part of the first fragment: the page needs no second request to be readable.
const header = text('header.html').replace('{{style}}', () => text('newsroom.css'));

const front = template`${header}${slot('stories')}${ruling}${slot('mostRead')}${file(fragment('archive.html'))}<aside class="account" id="account" aria-live="polite"><h2>How this page was sent</h2><noscript>The account is drawn by a script; <a href="/account.json">here are its numbers</a>.</noscript></aside>${text('footer.html')}`;

function story({ topic, title, teaser, minutes }, isLead) {
  const heading = isLead ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`;
  return html`<article${isLead ? html` class="lead"` : ''}><p class="topic">${topic}</p>${heading}<p>${teaser}</p><p class="minutes">${minutes} min</p></article>
`;
}

/** The pages of the newsroom over a database. */
export function newsroomPages(database, lastReport) {
  const stories = async ({ query }) => {
    const topic = query.get('topic');
    if (query.get('broken') !== null) throw new Error('no such table: storey');
    const rows =
      topic === null
        ? database.query('SELECT * FROM story ORDER BY readers DESC LIMIT 7')
        : database.query('SELECT * FROM story WHERE topic = ? ORDER BY readers DESC', [topic]);
    if (rows.length === 0)
      return html`<section class="stories" data-way="encoded"><p>Nothing about ${topic}.</p></section>`;
    return html`<section class="stories" data-way="encoded" aria-label="Stories">${rows.map((row, index) => story(row, index === 0))}</section>
`;
  };
  const mostRead = async ({ query, signal }) => {
    const delayMs = Math.min(5000, Number(query.get('slow') ?? 0)) || 0;
    if (delayMs > 0) await sleep(delayMs, undefined, { signal });
    const rows = database.query('SELECT title, readers FROM story ORDER BY readers DESC LIMIT 5');
    const items = rows.map(
      ({ title, readers }) => html`<li>${title} <span>${readers.toLocaleString('en')}</span></li>`,
    );
    return html`<section class="most-read" data-way="encoded"><h2>Most read</h2><ol>${items}</ol></section>
`;
  };
  const apology = html`<section class="stories" data-way="encoded"><p>The stories could not be fetched. The rest of the page did not wait for them.</p></section>
`;
  const account = ({ query }) => JSON.stringify(lastReport(query.get('of') ?? '/') ?? null);
  return {
    '/': page(front, { stories: { render: stories, timeoutMs: 2000, fallback: apology }, mostRead }),
    '/account.json': page(
      '{{{account}}}',
      { account },
      { contentType: 'application/json', headers: { 'Cache-Control': 'no-store' } },
    ),
  };
}
