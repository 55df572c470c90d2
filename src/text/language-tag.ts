// Languages as BCP 47 tags in their shortest form. Not here: what files and players are told of them (wire/iso-bmff, media/playlists).

/**
 * A language in its shortest form: `deu` and `ger`, the codes of ISO 639-2, are `de`.
 * @returns undefined for what is no tag of BCP 47
 */
export function canonicalTag(text: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(text)[0];
  } catch {
    return undefined;
  }
}
