// Server-side includes as nginx reads them (ngx_http_ssi_module): `<!--# command name="value" ... -->`. The document is
// given as text of one character a byte, so that an offset in it is an offset in its bytes. Pure: nothing is looked up.

import { type SsiBranch, type SsiEncoding, type SsiNode, ssiLimits } from './program.js';

interface Directive {
  readonly command: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly end: number;
  readonly error: string | undefined;
}

const opening = '<!--#';
const nameAt = /[a-z_]+/y;
/** A value is bounded here already, so that a quote that is never closed does not have the whole document looked through. */
const parameterAt = /\s+([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S]){0,1025})"|'((?:[^'\\]|\\[\s\S]){0,1025})')/y;
const closingAt = /\s*-->/y;

/** Reads the directive whose `<!--#` begins at `start`. Undefined when it never ends: then it is text. */
function readDirective(text: string, start: number): Directive | undefined {
  const parameters = new Map<string, string>();
  let at = start + opening.length;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++;
  nameAt.lastIndex = at;
  const command = nameAt.exec(text)?.[0] ?? '';
  at += command.length;
  let repeated: string | undefined;
  for (;;) {
    closingAt.lastIndex = at;
    if (closingAt.test(text)) {
      const twice = repeated === undefined ? undefined : `${command} has ${repeated} twice`;
      const error = command === '' ? 'a directive without a name' : twice;
      return { command, parameters, end: closingAt.lastIndex, error };
    }
    parameterAt.lastIndex = at;
    const match = parameterAt.exec(text);
    if (match === null) break;
    const value = (match[2] ?? match[3] ?? '').replace(/\\(["'\\])/g, '$1');
    if (value.length > ssiLimits.valueLength) break;
    if (parameters.size === ssiLimits.parameters) break;
    if (parameters.has(match[1]!)) repeated = match[1]!;
    parameters.set(match[1]!, value);
    at = parameterAt.lastIndex;
  }
  const end = text.indexOf('-->', at);
  return end < 0 ? undefined : { command, parameters, end: end + 3, error: `the directive ${command} is malformed` };
}

/** What is open: the document itself, a block, or an if with its branches so far. */
interface Frame {
  readonly kind: 'document' | 'block' | 'if';
  readonly name: string;
  readonly branches: SsiBranch[];
  condition: string | undefined;
  sawElse: boolean;
  nodes: SsiNode[];
}

const known: Readonly<Record<string, readonly string[]>> = {
  include: ['virtual', 'file', 'wait', 'set', 'stub'],
  echo: ['var', 'default', 'encoding'],
  set: ['var', 'value'],
  config: ['errmsg', 'timefmt'],
  block: ['name'],
  endblock: [],
  if: ['expr'],
  elif: ['expr'],
  else: [],
  endif: [],
};

/** One pass over a document. */
class Parser {
  readonly #text: string;
  readonly #stack: Frame[] = [newFrame('document', '')];
  #directives = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): SsiNode[] {
    const text = this.#text;
    let from = 0;
    for (let start = text.indexOf(opening); start >= 0; start = text.indexOf(opening, start)) {
      const directive = readDirective(text, start);
      if (directive === undefined || this.#directives === ssiLimits.directives) break;
      this.#directives++;
      this.#addText(from, start);
      this.#take(directive);
      start = directive.end;
      from = start;
    }
    this.#addText(from, text.length);
    // What was never closed counts as closed at the end.
    while (this.#stack.length > 1) this.#close(this.#top);
    return this.#top.nodes;
  }

  get #top(): Frame {
    return this.#stack.at(-1)!;
  }

  #addText(start: number, end: number): void {
    if (end > start) this.#top.nodes.push({ kind: 'text', start, end });
  }

  #error(reason: string): void {
    this.#top.nodes.push({ kind: 'error', reason });
  }

  #take({ command, parameters, error }: Directive): void {
    const allowed = Object.hasOwn(known, command) ? known[command]! : undefined;
    if (error !== undefined) this.#error(error);
    else if (allowed === undefined) this.#error(`there is no directive ${command}`);
    else {
      const wrong = [...parameters.keys()].find((name) => !allowed.includes(name));
      if (wrong === undefined) this.#command(command, parameters);
      else this.#error(`${command} has no parameter ${wrong}`);
    }
  }

  #command(command: string, parameters: ReadonlyMap<string, string>): void {
    switch (command) {
      case 'block':
        // Without a name it is an error and no block: what follows is shown.
        if (parameters.has('name')) this.#open(newFrame('block', parameters.get('name')!), true, '');
        else this.#error('block needs a name');
        return;
      case 'if':
        this.#open(
          { ...newFrame('if', ''), condition: parameters.get('expr') },
          parameters.has('expr'),
          'if needs expr',
        );
        return;
      case 'endblock':
      case 'endif':
        if (this.#top.kind === (command === 'endif' ? 'if' : 'block')) this.#close(this.#top);
        else if (command === 'endif') this.#error('endif without its beginning');
        return;
      case 'elif':
      case 'else':
        this.#nextBranch(command, parameters.get('expr'));
        return;
      default:
        this.#top.nodes.push(simpleNode(command, parameters));
    }
  }

  #open(frame: Frame, complete: boolean, otherwise: string): void {
    if (this.#stack.length > ssiLimits.nesting) this.#error('blocks and ifs are nested too deep');
    else {
      if (!complete) this.#error(otherwise);
      this.#stack.push(frame);
    }
  }

  #close(frame: Frame): void {
    this.#stack.pop();
    if (frame.kind === 'block') this.#top.nodes.push({ kind: 'block', name: frame.name, nodes: frame.nodes });
    else {
      frame.branches.push({ condition: frame.condition, nodes: frame.nodes });
      this.#top.nodes.push({ kind: 'if', branches: frame.branches });
    }
  }

  #nextBranch(command: string, condition: string | undefined): void {
    const frame = this.#top;
    if (frame.kind !== 'if' || frame.sawElse) this.#error(`${command} outside of an if, or after its else`);
    else if (command === 'elif' && condition === undefined) this.#error('elif needs expr');
    else {
      frame.branches.push({ condition: frame.condition, nodes: frame.nodes });
      frame.condition = condition;
      frame.nodes = [];
      frame.sawElse = command === 'else';
    }
  }
}

function newFrame(kind: Frame['kind'], name: string): Frame {
  return { kind, name, branches: [], condition: undefined, sawElse: false, nodes: [] };
}

const encodings: readonly string[] = ['entity', 'url', 'none'];

function simpleNode(command: string, parameters: ReadonlyMap<string, string>): SsiNode {
  const name = parameters.get('var');
  switch (command) {
    case 'echo': {
      // As in nginx one that is not known is no error: the value is written in the safe way.
      const wanted = parameters.get('encoding') ?? 'entity';
      const encoding = encodings.includes(wanted) ? wanted : 'entity';
      if (name === undefined) return { kind: 'error', reason: 'echo needs var' };
      const fallback = parameters.get('default') ?? '(none)';
      return { kind: 'echo', name, fallback, encoding: encoding as SsiEncoding };
    }
    case 'set': {
      const value = parameters.get('value');
      if (name === undefined || value === undefined) return { kind: 'error', reason: 'set needs var and value' };
      return { kind: 'set', name, value };
    }
    case 'config':
      return { kind: 'config', errmsg: parameters.get('errmsg'), timefmt: parameters.get('timefmt') };
    default:
      return includeNode(parameters);
  }
}

function includeNode(parameters: ReadonlyMap<string, string>): SsiNode {
  const target = parameters.get('virtual') ?? parameters.get('file');
  const set = parameters.get('set');
  const stub = parameters.get('stub');
  const wait = parameters.get('wait');
  if (target === undefined) return { kind: 'error', reason: 'include needs virtual or file' };
  if (parameters.has('virtual') && parameters.has('file')) {
    return { kind: 'error', reason: 'include takes virtual or file, not both' };
  }
  if (set !== undefined && stub !== undefined) return { kind: 'error', reason: 'include takes set or stub, not both' };
  // Includes are made one after the other here, so waiting for one changes nothing.
  if (wait !== undefined && wait !== 'yes' && wait !== 'no') return { kind: 'error', reason: 'wait is yes or no' };
  return { kind: 'include', target, set, stub };
}

/** Compiles a document, given as one character a byte. Never throws: what is wrong is an `error` in its place. */
export function parseSsi(text: string): readonly SsiNode[] {
  return new Parser(text).parse();
}
