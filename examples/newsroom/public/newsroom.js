// Draws the account of the page from what the server says of it: how each byte got into it.

const kinds = [
  ['referencedBytes', 'referenced', 'Static fragments, by reference', 'not touched since the server started'],
  ['fileBytes', 'file', 'Files, by sendfile', 'from the page cache, never in the process'],
  ['encodedBytes', 'encoded', 'From the database, encoded once', 'written straight into the frame that is sent'],
  ['coalescedBytes', 'coalesced', 'Short neighbours, copied', 'a reference to so few bytes costs more'],
  ['applicationBytes', 'application', 'Byte arrays, copied', 'handed over from the JavaScript heap'],
];

const count = (value) => value.toLocaleString('en');

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw(panel, { account, streamed, status }) {
  const total = kinds.reduce((sum, [key]) => sum + account[key], 0);
  const copied = account.coalescedBytes + account.applicationBytes;
  const how = streamed ? 'in chunks, as its parts were ready' : 'whole, with its length';
  const percent = ((100 * copied) / total).toFixed(1);
  panel.append(
    element(
      'p',
      'sum',
      `${count(total)} bytes in ${account.entries} segments and extents, sent ${how} (status ${status}). ${percent} % of them were copied in user space.`,
    ),
  );
  const bar = element('div', 'bar');
  bar.setAttribute('role', 'img');
  bar.setAttribute('aria-label', kinds.map(([key, , label]) => `${label}: ${count(account[key])} bytes`).join('; '));
  const list = element('dl');
  for (const [key, way, label, why] of kinds) {
    const bytes = account[key];
    if (bytes > 0) {
      const part = element('span', `part ${way}`);
      part.style.flexGrow = bytes;
      part.title = `${label}: ${count(bytes)} bytes`;
      bar.append(part);
    }
    const row = element('div', `row ${way}${bytes === 0 ? ' none' : ''}`);
    const term = element('dt', '', label);
    term.append(element('small', '', why));
    row.append(term, element('dd', '', count(bytes)));
    list.append(row);
  }
  panel.append(bar, list);
  const toggle = element('label', 'toggle');
  const box = element('input');
  box.type = 'checkbox';
  box.addEventListener('change', () => document.body.classList.toggle('show-ways', box.checked));
  toggle.append(box, ' Show it in the page');
  panel.append(toggle);
}

const panel = document.getElementById('account');
const response = await fetch(`/account.json?of=${encodeURIComponent(location.pathname + location.search)}`);
const report = await response.json();
if (report) draw(panel, report);
else panel.append(element('p', 'sum', 'The server has no account of this page.'));
