// Types of the operator by extension, as an option gives them. Not here: the tables of types (media-type.ts), which whoever reads
// options has no need of.

/** Why types of the operator are refused, as the rest of a sentence; undefined when they can be used. */
export function typesProblem(types: Readonly<Record<string, unknown>>): string | undefined {
  for (const [extension, type] of Object.entries(types)) {
    const shown = JSON.stringify(extension);
    if (extension !== '*' && !/^\.?[^\s./\0]{1,32}$/.test(extension)) {
      return `${shown} is no extension: give what follows the last dot of a name, such as log, or * for all that have no type`;
    }
    if (typeof type !== 'string' || !MEDIA_TYPE.test(type)) {
      return `the type of ${shown} must be a media type such as text/plain or text/html; charset=iso-8859-1`;
    }
  }
  return undefined;
}

/** type/subtype and parameters (RFC 9110 section 8.3.1). */
const MEDIA_TYPE =
  /^[!#$%&'*+.^_`|~0-9a-z-]{1,127}\/[!#$%&'*+.^_`|~0-9a-z-]{1,127}(?:; ?[!#$%&'*+.^_`|~0-9a-z-]{1,64}=(?:[!#$%&'*+.^_`|~0-9a-z-]{1,128}|"[\x20\x21\x23-\x5b\x5d-\x7e]{0,128}"))*$/i;

/** Types of the operator as media-type.ts takes them: extensions in lower case, without the dot. */
export function ownTypes(types: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(types).map(([extension, type]) => [extension.replace(/^\./, '').toLowerCase(), type]));
}
