// Bundles the static pages into dist/: one self-contained HTML file each, script and style inside. Nothing is done when no source is newer.
// It is plain JavaScript because the build calls it before anything else exists.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The looks and helpers of all pages. */
const shared = 'src/ui';

const pages = [
  {
    folder: 'src/plan/page',
    sources: 'src/plan',
    entry: 'main.ts',
    template: 'page.html',
    styles: ['page.css'],
    out: 'dist/src/plan/page/plan.html',
  },
  {
    folder: 'src/dashboard/page',
    sources: 'src/dashboard',
    entry: 'main.ts',
    template: 'page.html',
    styles: ['page.css', 'copies.css'],
    isLive: true,
    out: 'dist/src/dashboard/page/dashboard.html',
  },
  {
    folder: 'src/dashboard/page',
    sources: 'src/dashboard',
    entry: 'devices.ts',
    template: 'devices.html',
    styles: ['page.css', 'devices.css'],
    isLive: true,
    out: 'dist/src/dashboard/page/devices.html',
  },
  {
    folder: 'src/media/page',
    sources: 'src/media/page',
    entry: 'main.ts',
    template: 'page.html',
    styles: ['page.css'],
    isLive: true,
    out: 'dist/src/media/page/player.html',
  },
  // Without a script: what it shows is written into it.
  {
    folder: 'src/lab/compare/page',
    sources: 'src/lab/compare/page',
    template: 'page.html',
    styles: ['page.css'],
    out: 'dist/src/lab/compare/page/compare.html',
  },
  // As well.
  {
    folder: 'src/audio/report/page',
    sources: 'src/audio/report/page',
    template: 'page.html',
    styles: ['page.css'],
    out: 'dist/src/audio/report/page/report.html',
  },
];

async function scriptOf(page) {
  if (page.entry === undefined) return '';
  const { build } = await import('esbuild');
  const bundled = await build({
    entryPoints: [join(root, page.folder, page.entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'error',
  });
  return bundled.outputFiles[0].text.replaceAll('</script', '<\\/script');
}

/** What a page of live figures needs beside its own sheet: those of its charts (src/ui/chart.ts) and tables. */
function liveSheets() {
  return [fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')), join(root, shared, 'live.css')];
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith('.test.ts')) {
      latest = Math.max(latest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
    }
  }
  return latest;
}

function isFresh(page) {
  try {
    const built = statSync(join(root, page.out)).mtimeMs;
    return (
      built > newest(join(root, page.sources)) &&
      built > newest(join(root, shared)) &&
      built > statSync(fileURLToPath(import.meta.url)).mtimeMs
    );
  } catch {
    return false;
  }
}

/** Builds the pages whose sources changed. */
export async function buildPages() {
  for (const page of pages) {
    if (isFresh(page)) continue;
    const script = await scriptOf(page);
    const live = page.isLive === true ? liveSheets() : [];
    const own = page.styles.map((name) => join(root, page.folder, name));
    const style = [...live, join(root, shared, 'page.css'), ...own]
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n');
    const html = readFileSync(join(root, page.folder, page.template), 'utf8')
      .replace('/*STYLE*/', () => style)
      .replace('/*SCRIPT*/', () => script);
    mkdirSync(join(root, page.out, '..'), { recursive: true });
    writeFileSync(join(root, page.out), html);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildPages();
