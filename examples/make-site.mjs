// Makes what is made in examples/site: the long text, the picture, the names with a hash of their contents, and the
// siblings compressed beforehand. Run it after an edit there; it changes nothing when nothing changed. Everything
// else in the folder is written by hand.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, crc32, deflateSync, gzipSync, inflateSync } from 'node:zlib';

const site = fileURLToPath(new URL('site', import.meta.url));
const HASHED_NAME = /^(.+)\.([0-9a-f]{8})\.(css|js|svg|png)$/;
const LINE_BYTES = 64;
const LINES = 3200;

writeWhenDifferent(join(site, 'text/lines.txt'), Buffer.from(linesText(), 'latin1'));
drawPicture('assets', 'ring');
renameByContents('assets');
for (const folder of ['assets', 'text']) compressSiblings(folder);

function writeWhenDifferent(path, contents) {
  if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents);
}

/** Lines of exactly 64 bytes, each of which says its number and at which offset it begins. */
function linesText() {
  const sayings = [
    'bytes stay where they are',
    'descriptors travel',
    'the CPU conducts; it does not carry',
    'two parties share a ring',
    'a copy is chosen and counted',
    'ask for me with a Range header',
    'I begin where I say I begin',
  ];
  let text = '';
  for (let line = 0; line < LINES; line++) {
    const head = `${String(line * LINE_BYTES).padStart(7, '0')}  line ${String(line).padStart(4, '0')}  `;
    text += `${head}${sayings[line % sayings.length]}`
      .padEnd(LINE_BYTES - 1)
      .slice(0, LINE_BYTES - 1)
      .concat('\n');
  }
  return text;
}

/** Gives each `NAME.HASH.ext` of a folder the hash of its contents, and the pages its new name. */
function renameByContents(folder) {
  for (const name of readdirSync(join(site, folder))) {
    const [, stem, hash, extension] = HASHED_NAME.exec(name) ?? [];
    if (stem === undefined) continue;
    const contents = readFileSync(join(site, folder, name));
    const now = createHash('sha256').update(contents).digest('hex').slice(0, 8);
    if (now === hash) continue;
    for (const coding of ['.br', '.gz']) rmSync(join(site, folder, name + coding), { force: true });
    const renamed = `${stem}.${now}.${extension}`;
    renameSync(join(site, folder, name), join(site, folder, renamed));
    for (const page of ['index.html', '404.html', 'guide/index.html']) {
      const path = join(site, page);
      writeWhenDifferent(path, Buffer.from(readFileSync(path, 'utf8').replaceAll(name, renamed)));
    }
  }
}

/** `.br` and `.gz` beside each file of text, where they are smaller than it. */
function compressSiblings(folder) {
  for (const name of readdirSync(join(site, folder))) {
    if (!/\.(css|js|svg|txt)$/.test(name)) continue;
    const contents = readFileSync(join(site, folder, name));
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length };
    writeWhenDifferent(join(site, folder, `${name}.br`), brotliCompressSync(contents, { params }));
    writeWhenDifferent(join(site, folder, `${name}.gz`), gzipSync(contents, { level: 9 }));
  }
}

/** Draws the ring of segments into `STEM.HASH.png`: 960 by 720 pixels, four samples each. */
function drawPicture(folder, stem) {
  const width = 960;
  const height = 720;
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (width * 3 + 1) + 1 + x * 3;
      const sum = [0, 0, 0];
      for (const [dx, dy] of [
        [0.25, 0.25],
        [0.75, 0.25],
        [0.25, 0.75],
        [0.75, 0.75],
      ]) {
        const sample = colourAt((x + dx - width / 2) / height, (y + dy - height / 2) / height);
        for (let channel = 0; channel < 3; channel++) sum[channel] += sample[channel];
      }
      for (let channel = 0; channel < 3; channel++) rows[at + channel] = Math.round(sum[channel] / 4);
    }
  }
  const old = readdirSync(join(site, folder)).find((name) => name.startsWith(`${stem}.`) && name.endsWith('.png'));
  if (old !== undefined && holdsRows(readFileSync(join(site, folder, old)), rows)) return;
  writeFileSync(join(site, folder, old ?? `${stem}.00000000.png`), encodePng(width, height, rows));
}

/** The colour at a point, the picture being 1 high with its origin in the middle: red, green, blue of 0 to 255. */
function colourAt(x, y) {
  const radius = Math.hypot(x, y);
  const turn = (Math.atan2(x, -y) / (2 * Math.PI) + 1) % 1;
  const glow = Math.exp(-(((radius - 0.3) / 0.16) ** 2));
  let colour = mix([9, 20, 29], [12, 52, 66], 0.25 + 0.55 * glow - 0.25 * radius);
  const rings = [
    { radius: 0.42, half: 0.006, slots: 96, gap: 0.35, lit: (slot) => slot % 6 === 0, soft: 0.45 },
    { radius: 0.33, half: 0.036, slots: 32, gap: 0.16, lit: (slot) => slot >= 3 && slot <= 19, soft: 1 },
    { radius: 0.235, half: 0.012, slots: 32, gap: 0.3, lit: (slot) => slot >= 3 && slot <= 11, soft: 0.7 },
  ];
  for (const ring of rings) {
    if (Math.abs(radius - ring.radius) > ring.half) continue;
    const place = turn * ring.slots;
    const slot = Math.floor(place);
    if (Math.abs(place - slot - 0.5) > 0.5 - ring.gap / 2) continue;
    const lit = ring.lit(slot);
    const along = (slot - 3) / 16;
    const target = lit
      ? slot === 19 && ring.slots === 32
        ? [255, 180, 84]
        : mix([18, 112, 140], [110, 232, 240], along)
      : [28, 56, 70];
    colour = mix(colour, target, lit ? ring.soft : ring.soft * 0.8);
  }
  return colour;
}

function mix(from, to, share) {
  const part = Math.min(1, Math.max(0, share));
  return from.map((value, channel) => value + (to[channel] - value) * part);
}

/** True when a PNG of ours has these scan lines: another zlib would pack the same picture into other bytes. */
function holdsRows(png, rows) {
  const dataAt = 41;
  return inflateSync(png.subarray(dataAt, dataAt + png.readUInt32BE(dataAt - 8))).equals(rows);
}

/** A PNG of 8-bit RGB; `rows` are scan lines, each after its filter byte 0 (PNG specification, 9 and 10). */
function encodePng(width, height, rows) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(rows, { level: 9 });
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
