// HTML that is safe to put into a page: the `html` tag escapes what is put into it, `raw` says that a text is markup.
// Not here: templates (template.ts); they put Html in as it is and escape plain strings in `{{slot}}`.

import { escapeHtml } from '../text/escape-html.js';

/** Markup: put into a page as it is. Made by {@link html} and {@link raw} only. */
export class Html {
  /** The markup. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What may stand in `${...}` of the {@link html} tag. `null`, `undefined` and `false` stand for nothing. */
export type HtmlValue = Html | string | number | bigint | boolean | null | undefined | readonly HtmlValue[];

/** Says that a text is markup already. Never for a text that came from outside. */
export function raw(markup: string): Html {
  return new Html(markup);
}

function htmlText(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'string') return escapeHtml(value);
  if (Array.isArray(value)) return value.map(htmlText).join('');
  if (value === null || value === undefined || value === false || value === true) return '';
  return escapeHtml(String(value));
}

/** Tagged template: `` html`<b>${name}</b>` ``. What is put in is escaped, {@link Html} and lists of it are not. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = strings[0]!;
  for (let index = 0; index < values.length; index++) text += htmlText(values[index]) + strings[index + 1]!;
  return new Html(text);
}
