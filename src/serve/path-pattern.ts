// Patterns of paths, as in the _headers files of Netlify and Cloudflare: a path from the root of the site in which `*` stands for any
// characters, slashes too. Pure, linear in pattern times path, whatever they are.

/** The longest pattern. */
const longest = 1024;

/** Whether a text is a pattern: it begins with a slash. */
export function isPathPattern(text: string): boolean {
  return /^\/[^\0\r\n]*$/.test(text) && text.length <= longest;
}

/** Whether a path (`/assets/app.js`) matches. */
export function matchesPattern(pattern: string, path: string): boolean {
  let at = 0;
  let from = 0;
  // The last star, and where what it stands for ends: on a mismatch it takes one more.
  let star = -1;
  let taken = 0;
  while (from < path.length) {
    if (pattern[at] === '*') {
      star = at++;
      taken = from;
    } else if (at < pattern.length && pattern[at] === path[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++taken;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
