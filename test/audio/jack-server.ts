// A JACK server without a sound card for tests: its own name, so that a server of the machine is left alone. Not here: what is played to it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { listenUnix } from '../../src/kernel/unix-socket.js';

/** Why tests with JACK cannot run here, or false. */
export function jackSkip(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  const found = spawnSync('jack_wait', ['--help'], { stdio: 'ignore' });
  return found.error === undefined ? false : 'jackd is not installed (apt-get install jackd2 libjack-jackd2-0)';
}

/** Of eight servers that the host has places for. */
const mostRuns = 3;
const names = new Map<string, string>();

/** The name of a server in this process, which no other run of the tests on this host has meanwhile. @throws Error where all of them are taken */
function ownName(name: string): string {
  for (let run = 1; run <= mostRuns && !names.has(name); run++) {
    const own = run === 1 ? name : `${name}-${run}`;
    // A name in the kernel's own table of sockets: it is free again when this process ends, however it does.
    if (listenUnix(`@${own}-jack`) >= 0) names.set(name, own);
  }
  const own = names.get(name);
  if (own === undefined) throw new Error(`${mostRuns} others use a JACK server called ${name}`);
  return own;
}

/** A server that runs. */
export class JackServer {
  private constructor(
    private readonly child: ChildProcess,
    /** For whoever plays to it. */
    readonly env: NodeJS.ProcessEnv,
    private readonly words: { readonly text: string },
  ) {}

  /** Lines of its log so far. */
  get log(): string[] {
    return this.words.text.split('\n').filter((line) => line !== '');
  }

  /**
   * Starts it, at 48 kHz, and waits until it takes clients.
   * @param common always the same for a test: the host has places for eight servers, and that of one that was killed is free for its own name alone
   * @param patienceMs so long it waits within a cycle until every client is done, so that a busy machine loses nothing; a player takes a server that waits for half a second for gone, a dead client is waited for each time
   * @param isRealtime it and its clients have SCHED_FIFO, where this user may @throws Error with what it said
   */
  static start(common: string, period: number, patienceMs = 0, isRealtime = false): JackServer {
    const name = ownName(common);
    const env = { ...process.env, JACK_DEFAULT_SERVER: name, JACK_NO_START_SERVER: '1' };
    const patience = patienceMs > 0 ? ['-S', '-t', String(patienceMs)] : [];
    const options = [
      '-n',
      name,
      isRealtime ? '-R' : '-r',
      ...patience,
      '-d',
      'dummy',
      '-r',
      '48000',
      '-p',
      String(period),
    ];
    // It ends with the test, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'jackd', ...options], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const words = { text: '' };
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        words.text += text;
      });
    const waited = spawnSync('jack_wait', ['-w', '-t', '10', '-s', name], { env, encoding: 'utf8' });
    if (waited.status !== 0 || child.exitCode !== null) throw new Error(`jackd does not start: ${words.text}`);
    return new JackServer(child, env, words);
  }

  /** Ends it as it should. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** It answers nobody any more, until it is ended. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    this.child.kill('SIGCONT');
    await once(this.child, 'close');
  }
}
