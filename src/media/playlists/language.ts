// Languages as players are told of them: BCP 47 tags, and names that people read. Not here: the languages in `mdhd` and `elng`, which
// the reader of boxes makes into tags.

import { canonicalTag } from '../../text/language-tag.js';

/** Language, script, region, variants: what file names say. Private and grandfathered tags are not taken. */
const plainTag = /^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3})){0,2}$/i;

/** What stands for a language that nobody said. */
export const unknownLanguage = 'und';

/**
 * A language in its shortest form: `deu`, `ger` and `DE` are `de`, `pt_br` is `pt-BR`.
 * @returns undefined for what is no tag of BCP 47
 */
export function canonicalLanguage(text: string): string | undefined {
  const tag = text.replaceAll('_', '-');
  return plainTag.test(tag) ? canonicalTag(tag) : undefined;
}

/** A tag that a playlist may state; undefined where nobody said, or what was said is none. */
export function statedLanguage(language: string): string | undefined {
  const isTag =
    language !== unknownLanguage && language.length <= 35 && /^[a-z]{2,8}(?:-[a-z0-9]{1,8})*$/i.test(language);
  return isTag ? language : undefined;
}

/** A language's name in that language, as in a menu (`Deutsch`, `Français`); undefined where none is known. */
export function languageName(language: string): string | undefined {
  if (language === unknownLanguage || !plainTag.test(language)) return undefined;
  try {
    const options = { type: 'language', fallback: 'none' } as const;
    const name = new Intl.DisplayNames([language, 'en'], options).of(language);
    return name === undefined ? undefined : name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  } catch {
    return undefined;
  }
}
