// Options whose value HOST:PORT may be left out, which the parser of the command line does not know by itself.

/** Any free port, this host only. */
const anywhere = '127.0.0.1:0';

/**
 * Joins the option and the address behind it; without one the option stands for any free port of loopback:
 * `--open` becomes `--open=127.0.0.1:0`, and `--open 0.0.0.0:80` becomes `--open=0.0.0.0:80`.
 */
export function optionalAddress(args: readonly string[], option: string): string[] {
  const joined: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const next = args[index + 1] ?? '';
    if (args[index] !== option) joined.push(args[index]!);
    else if (/^(\[[^\]]+\]|[^:/-][^:/]*):\d+$/.test(next)) {
      joined.push(`${option}=${next}`);
      index++;
    } else joined.push(`${option}=${anywhere}`);
  }
  return joined;
}
