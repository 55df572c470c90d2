// Entity tags (RFC 9110 section 8.8.3): making them, comparing them, reading lists of them. Not here: the conditions that use
// them (conditional.ts).

/**
 * The strong entity tag of a file: `"<mtime>-<size>"` in base 36, with the coding's name for a coded sibling. It has no inode
 * in it, so that the same file on two machines has one tag.
 *
 * @param mtimeNs modification time in nanoseconds since 1970
 * @param size in bytes
 * @param coding `br`, `zstd`, `gzip`; none for the file itself
 */
export function makeEntityTag(mtimeNs: bigint, size: number, coding?: string): string {
  const base = `${mtimeNs.toString(36)}-${size.toString(36)}`;
  return coding === undefined ? `"${base}"` : `"${base}-${coding}"`;
}

/**
 * The weak entity tag of a file whose bytes somebody may change on their way (compressing middleware), or that another file of
 * the same time and size may take the place of (reproducible builds): as {@link makeEntityTag}, and never enough for If-Range.
 */
export function makeWeakEntityTag(mtimeNs: bigint, size: number): string {
  return `W/${makeEntityTag(mtimeNs, size)}`;
}

/** Strong comparison (RFC 9110 section 8.8.3.2): equal and neither weak. */
export function matchesStrongly(left: string, right: string): boolean {
  return left === right && !left.startsWith('W/');
}

/** Weak comparison (RFC 9110 section 8.8.3.2): the opaque parts are equal. */
export function matchesWeakly(left: string, right: string): boolean {
  return opaque(left) === opaque(right);
}

/** Whether a text is one entity tag: an optional `W/`, then a quoted string without escapes. */
export function isEntityTag(text: string): boolean {
  return ENTITY_TAG.test(text);
}

/**
 * Reads `*` or a list of entity tags, as If-Match and If-None-Match carry it. Empty list elements are passed over.
 *
 * @returns `*`, the tags as written, or undefined when it is malformed
 */
export function parseEntityTagList(text: string): '*' | string[] | undefined {
  const trimmed = text.trim();
  if (trimmed === '*') return '*';
  const tags: string[] = [];
  let expectsTag = true;
  for (let index = 0; index < trimmed.length; ) {
    const character = trimmed[index]!;
    if (character === ',') {
      expectsTag = true;
      index++;
    } else if (character === ' ' || character === '\t') {
      index++;
    } else {
      LIST_TAG.lastIndex = index;
      const match = LIST_TAG.exec(trimmed);
      if (match === null || !expectsTag) return undefined;
      tags.push(match[0]);
      expectsTag = false;
      index = LIST_TAG.lastIndex;
    }
  }
  return tags.length === 0 ? undefined : tags;
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

// etagc = %x21 / %x23-7E / obs-text
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const LIST_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/y;
