// What renditions are called in a player's menu: by the file's own name for them, else by their language, each differently.

import { languageName, statedLanguage } from './language.js';
import type { OfferedSubtitle } from './offer.js';
import { cleanLabel } from './text.js';

/** What a label is made from. */
export interface Labelled {
  /** The file's name for it; may be empty. */
  readonly name: string;
  /** BCP 47 or `und`. */
  readonly language: string;
  /** What is said behind the language, `forced`; may be empty. */
  readonly remark: string;
}

/**
 * A label for each, no two the same: the name, else the language. Where two would be the same, the language is said with the name, and
 * where that is not enough, they are numbered: no rendition is lost for its label (two with one NAME are one to most players).
 * @param fallback what something without name and language is called, `Audio`
 */
export function labelsFor(items: readonly Labelled[], fallback: string): string[] {
  const plain = items.map((item) => label(item, false, fallback));
  const labels = items.map((item, index) => {
    const isAlone = plain.every((other, at) => at === index || other !== plain[index]);
    return isAlone ? plain[index]! : label(item, true, fallback);
  });
  const taken = new Set<string>();
  return labels.map((wanted) => {
    let unique = wanted;
    for (let number = 2; taken.has(unique); number++) unique = `${wanted} ${number}`;
    taken.add(unique);
    return unique;
  });
}

/** What subtitles are called, in HLS and in DASH alike: by their language, and what sets them apart from others of it. */
export function subtitleLabels(subtitles: readonly OfferedSubtitle[]): string[] {
  const items = subtitles.map(({ language, forced, hearingImpaired }) => ({
    ...{ name: '', language },
    remark: [...(forced ? ['forced'] : []), ...(hearingImpaired ? ['SDH'] : [])].join(', '),
  }));
  return labelsFor(items, 'Subtitles');
}

function label(item: Labelled, withLanguage: boolean, fallback: string): string {
  const name = cleanLabel(item.name).replaceAll('"', "'");
  const spoken = languageName(item.language) ?? statedLanguage(item.language) ?? '';
  const said = name === '' ? spoken || fallback : withLanguage && spoken !== '' ? `${spoken}: ${name}` : name;
  return item.remark === '' ? said : `${said} (${item.remark})`;
}
