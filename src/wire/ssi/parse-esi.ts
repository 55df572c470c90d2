// Edge-side includes (W3C note "ESI Language Specification 1.0"): include with src, alt and onerror, remove, comment, and
// the `<!--esi ... -->` that hides markup from whoever does not know ESI. Text is one character a byte. Pure.

import { type SsiNode, ssiLimits } from './program.js';

const element =
  /<esi:(include|comment)\b((?:\s+[\w-]+\s*=\s*(?:"[^"]{0,2048}"|'[^']{0,2048}')){0,8})\s*(?:\/>|>\s*<\/esi:\1\s*>)|<esi:remove\s*>|<!--esi(?=\s)/g;
const attribute = /([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const removeEnd = /<\/esi:remove\s*>/g;

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name, double, single] of text.matchAll(attribute)) {
    attributes.set(name!, unescapeXml(double ?? single ?? ''));
  }
  return attributes;
}

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!);
}

function includeNode(attributes: ReadonlyMap<string, string>): SsiNode {
  const src = attributes.get('src');
  const onerror = attributes.get('onerror');
  const tooLong = [...attributes.values()].some((value) => value.length > ssiLimits.valueLength);
  if (src === undefined || tooLong) return { kind: 'error', reason: 'esi:include needs a src of sane length' };
  return { kind: 'esi', src, alt: attributes.get('alt'), continues: onerror === 'continue' };
}

/** Compiles the part of a document from `start` to `end`. */
function parseRange(text: string, start: number, end: number, nodes: SsiNode[], hidden: boolean): void {
  const scan = new RegExp(element);
  scan.lastIndex = start;
  let from = start;
  let removesEnd = true;
  const add = (to: number): void => {
    if (to > from) nodes.push({ kind: 'text', start: from, end: to });
  };
  for (let match = scan.exec(text); match !== null && match.index < end; match = scan.exec(text)) {
    if (nodes.length > ssiLimits.directives) break;
    const [whole, name, attributes] = match;
    if (name === 'include') {
      add(match.index);
      nodes.push(includeNode(attributesOf(attributes!)));
      from = scan.lastIndex;
    } else if (name === 'comment') {
      add(match.index);
      from = scan.lastIndex;
    } else if (whole.startsWith('<esi:remove')) {
      removeEnd.lastIndex = scan.lastIndex;
      const close: RegExpExecArray | null = removesEnd ? removeEnd.exec(text) : null;
      removesEnd = close !== null;
      if (close === null || close.index >= end) continue;
      add(match.index);
      from = scan.lastIndex = removeEnd.lastIndex;
    } else if (!hidden) {
      const close = text.indexOf('-->', scan.lastIndex);
      if (close < 0 || close >= end) continue;
      add(match.index);
      parseRange(text, scan.lastIndex, close, nodes, true);
      from = scan.lastIndex = close + 3;
    }
  }
  add(end);
}

/** Compiles a document, given as one character a byte. Never throws: what is no element of ESI is text. */
export function parseEsi(text: string): readonly SsiNode[] {
  const nodes: SsiNode[] = [];
  parseRange(text, 0, text.length, nodes, false);
  return nodes;
}
