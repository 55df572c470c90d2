// XML as text: elements with attributes, indented. Not here: reading it, which nothing does.

import { escapeHtml } from '../../text/escape-html.js';
import { cleanLine } from './text.js';

/** Attributes in the order in which they are written; what is undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with elements in it, each on lines of its own. */
export function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const opening = `<${name}${Object.entries(attributes)
    .map(([key, value]) => (value === undefined ? '' : ` ${key}="${escapeHtml(cleanLine(String(value)))}"`))
    .join('')}`;
  if (children.length === 0) return `${opening}/>`;
  const content = children.map((child) => `  ${child.replaceAll('\n', '\n  ')}`).join('\n');
  return `${opening}>\n${content}\n</${name}>`;
}

/** An element with text in it. */
export function elementText(name: string, text: string): string {
  return `<${name}>${escapeHtml(cleanLine(text))}</${name}>`;
}
