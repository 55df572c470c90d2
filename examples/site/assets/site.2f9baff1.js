// The script of the example site: shows what the browser received for this page, and runs the requests of the
// section "Look at it yourself". Without it the page still reads, with the commands as they stand.

const units = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const here = new URL('./', location.href).href;

/** A count of bytes as people read it. */
function bytes(count) {
  return count < 1024 ? `${count} B` : `${units.format(count / 1024)} KiB`;
}

/** A new element with its class and text. */
function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** The navigation and every resource, in the order in which they were asked for. */
function entries() {
  return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(
    (entry) => entry.name.startsWith(here) && entry.initiatorType !== 'fetch',
  );
}

/** How the body came, as far as the browser tells: from its own cache, packed, or as it is. */
function describeEncoding(entry) {
  if (entry.transferSize === 0 && entry.decodedBodySize > 0) return 'from the cache';
  if (entry.contentEncoding) return entry.contentEncoding;
  return entry.encodedBodySize < entry.decodedBodySize ? 'compressed' : 'as it is';
}

function showSent() {
  const table = document.querySelector('[data-sent]');
  if (table === null) return;
  const sent = entries();
  const rows = sent.map((entry) => {
    const row = document.createElement('tr');
    const name = decodeURI(entry.name.slice(here.length)).replace(/[#?].*$/, '') || 'index.html';
    row.append(
      element('td', '', name),
      element('td', '', String(entry.responseStatus || '–')),
      element('td', 'wide', describeEncoding(entry)),
      element('td', 'number', bytes(entry.transferSize)),
      element('td', 'number', bytes(entry.decodedBodySize)),
    );
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
  const sum = (field) => sent.reduce((total, entry) => total + entry[field], 0);
  const total = document.createElement('tr');
  total.append(
    element('td', '', `${sent.length} files`),
    element('td', '', ''),
    element('td', 'wide', ''),
    element('td', 'number', bytes(sum('transferSize'))),
    element('td', 'number', bytes(sum('decodedBodySize'))),
  );
  table.tFoot?.remove();
  table.createTFoot().append(total);

  const page = performance.getEntriesByType('navigation')[0];
  const facts = document.querySelector('[data-facts]');
  const firstByteMs = page.responseStart - page.requestStart;
  facts.textContent = `${location.host} · ${page.nextHopProtocol || 'http'} · first byte after ${units.format(firstByteMs)} ms`;
  facts.hidden = false;
}

/** `Name: value` lines as an object for fetch(). */
function parseHeaders(text) {
  const lines = text ? text.split('\n') : [];
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
}

/** What the server said, as text in an output element: status, headers, the beginning of a body. */
async function showAnswer(output, response, note) {
  const body = (await response.text()).slice(0, 600);
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  output.replaceChildren(
    element(
      'span',
      response.ok || response.status === 304 ? 'status' : 'status refused',
      `${response.status} ${response.statusText}\n`,
    ),
    `${headers}\n`,
    element('span', 'body', body === '' ? '\n(no body)' : `\n${body}`),
  );
  if (note) output.append(element('span', 'note', `\n\n${note}`));
}

async function runExperiment(article, output) {
  const { path, method = 'GET', note } = article.dataset;
  const url = new URL(path, here);
  try {
    const headers = parseHeaders((article.dataset.headers ?? '').replace('{etag}', await entityTag()));
    await showAnswer(output, await fetch(url, { method, headers, cache: 'no-store' }), note);
  } catch (error) {
    output.replaceChildren(element('span', 'status refused', `no answer: ${error.message}`));
  }
  output.hidden = false;
}

let knownTag;

/** The entity tag of a file that has no compressed sibling, so that curl and the browser get the same; asked once. */
function entityTag() {
  knownTag ??= fetch(new URL('files/data.json', here), { method: 'HEAD', cache: 'no-store' }).then(
    (response) => response.headers.get('etag') ?? '"none"',
    () => '"none"',
  );
  return knownTag;
}

function equip(article) {
  const command = article.querySelector('pre code');
  command.textContent = command.textContent.replace('http://127.0.0.1:8080/', here);
  const output = document.createElement('output');
  output.hidden = true;
  const run = element('button', 'main', 'Send it');
  const copy = element('button', '', 'Copy');
  run.addEventListener('click', () => runExperiment(article, output));
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(command.textContent);
    copy.textContent = 'Copied';
    setTimeout(() => {
      copy.textContent = 'Copy';
    }, 1500);
  });
  const actions = element('div', 'actions', '');
  actions.append(run);
  if (navigator.clipboard) actions.append(copy);
  article.append(actions, output);
}

const articles = [...document.querySelectorAll('.experiments article')];
for (const article of articles) equip(article);
if (articles.length > 0) {
  const tag = await entityTag();
  for (const article of articles) {
    const command = article.querySelector('pre code');
    command.textContent = command.textContent.replace('{etag}', tag);
  }
}
if (document.readyState === 'complete') showSent();
else addEventListener('load', () => setTimeout(showSent));
