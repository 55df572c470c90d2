// Debian's own kernels, fetched as packages and unpacked beside each other: nothing is installed. The newest that the
// distribution offers are found in its later suites, by a package index of our own, at the mirror this host uses anyway.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** An unpacked kernel. */
export interface Kernel {
  /** As uname -r says it. */
  readonly version: string;
  readonly image: string;
  /** The folder that holds lib/modules. */
  readonly root: string;
}

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'clearway', 'kernels');
const laterSuites = 'trixie trixie-backports forky sid';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The mirror that this host's own package lists come from. */
function mirror(): string {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(ORIGIN)'], { encoding: 'utf8' });
  const line = targets.split('\n').find((each) => /\/debian\/? Debian$/.test(each));
  if (line === undefined) throw new Error('no Debian mirror among the package sources: run apt-get update first');
  return line.split(' ')[0]!;
}

function aptOptions(): string[] {
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(cache, 'apt', 'sources'),
    'Dir::State::lists': join(cache, 'apt', 'lists'),
    'Dir::Cache': join(cache, 'apt', 'cache'),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

const dayMs = 86_400_000;

/** Makes the package index of the later suites, at most once a day. Returns apt's options for it. */
function laterIndex(): string[] {
  const stamp = join(cache, 'apt', 'updated');
  const options = aptOptions();
  if (existsSync(stamp) && Date.now() - Number(readFileSync(stamp, 'utf8')) < dayMs) return options;
  mkdirSync(join(cache, 'apt', 'sources'), { recursive: true });
  mkdirSync(join(cache, 'apt', 'lists', 'partial'), { recursive: true });
  mkdirSync(join(cache, 'apt', 'cache', 'archives', 'partial'), { recursive: true });
  const source = `Types: deb\nURIs: ${mirror()}\nSuites: ${laterSuites}\nComponents: main\nSigned-By: ${keyring}\n`;
  writeFileSync(join(cache, 'apt', 'sources', 'later.sources'), source);
  execFileSync('apt-get', ['update', '-qq', ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(stamp, String(Date.now()));
  return options;
}

function compareVersions(left: string, right: string): number {
  const numbers = (text: string): number[] => text.split(/\D+/).filter(Boolean).map(Number);
  const a = numbers(left);
  const b = numbers(right);
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The series of kernels for clouds: those of fewer drivers. */
const cloud = '-cloud';

/** The newest package whose kernel is of a series (`6.12`, `6.1-cloud`), or of any series for `newest`. */
function findPackage(series: string, options: string[]): string | undefined {
  const isCloud = series.endsWith(cloud);
  const number = isCloud ? series.slice(0, -cloud.length) : series;
  const listed = execFileSync('apt-cache', [...options, 'search', '--names-only', '^linux-image-[0-9].*-amd64$'], {
    encoding: 'utf8',
  });
  const versions = listed
    .split('\n')
    .map((line) => /^linux-image-(\d[\w.+-]*)-amd64 /.exec(line)?.[1])
    .filter((version): version is string => version !== undefined && !/-(rt|unsigned)/.test(version))
    .filter((version) => version.endsWith(cloud) === isCloud)
    .filter((version) => /^\d+\.\d+\.\d/.test(version))
    .filter((version) => number === 'newest' || version.startsWith(`${number}.`))
    .sort(compareVersions);
  const last = versions.at(-1);
  return last === undefined ? undefined : `linux-image-${last}-amd64`;
}

/** Newer kernels come in parts: the packages with the image itself and with its modules. */
function kernelParts(name: string, options: string[]): string[] {
  const shown = execFileSync('apt-cache', [...options, 'show', '--no-all-versions', name], { encoding: 'utf8' });
  const depends = /^Depends: (.*)$/m.exec(shown)?.[1] ?? '';
  return depends
    .split(/[,|]\s*/)
    .map((each) => each.trim().split(' ')[0]!)
    .filter((each) => /^linux-(base|binary|modules)-\d/.test(each));
}

/** The kernel in a folder: its image is /boot/vmlinuz-VERSION, or of newer ones lib/modules/VERSION/vmlinuz. */
function unpacked(folder: string): Kernel | undefined {
  const root = existsSync(join(folder, 'lib/modules')) ? folder : join(folder, 'usr');
  if (!existsSync(join(root, 'lib/modules'))) return undefined;
  const version = readdirSync(join(root, 'lib/modules'))[0];
  if (version === undefined) return undefined;
  const images = [join(folder, 'boot', `vmlinuz-${version}`), join(root, 'lib/modules', version, 'vmlinuz')];
  const image = images.find((each) => existsSync(each));
  return image === undefined ? undefined : { version, image, root };
}

/**
 * Fetches the newest kernel of a series, or what is there from before.
 * @param series `6.1`, `6.12`, ... or `newest`; with `-cloud` behind it the kernel for clouds. @throws Error when the distribution has none.
 */
export function fetchKernel(series: string): Kernel {
  mkdirSync(cache, { recursive: true });
  // The host's own suites first: they hold the older series. Later suites for what they do not have.
  let options: string[] = [];
  let name = series === 'newest' ? undefined : findPackage(series, options);
  if (name === undefined) {
    options = laterIndex();
    name = findPackage(series, options);
  }
  if (name === undefined) throw new Error(`the distribution offers no kernel ${series}`);
  const folder = join(cache, name);
  const known = unpacked(folder);
  if (known !== undefined) return known;
  // Of this process alone: another may fetch the same.
  const work = `${folder}.partial-${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const each of [name, ...kernelParts(name, options)]) {
    execFileSync('apt-get', ['download', '-qq', ...options, each], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  }
  for (const file of readdirSync(work).filter((each) => each.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(work, file), work]);
    rmSync(join(work, file));
  }
  const made = unpacked(work);
  if (made === undefined) throw new Error(`${name} holds no kernel image`);
  execFileSync('depmod', ['-b', made.root, made.version], { stdio: 'ignore' });
  if (existsSync(folder)) rmSync(work, { recursive: true });
  else renameSync(work, folder);
  return unpacked(folder)!;
}
