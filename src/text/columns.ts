// How wide text stands in a terminal: what is East Asian or an emoji takes two columns, a mark on a letter none (Unicode, UAX #11). Pure text.

const wide = new RegExp(
  '[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\ua960-\\ua97f\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6' +
    '\\u{1f300}-\\u{1f64f}\\u{1f680}-\\u{1f6ff}\\u{1f900}-\\u{1faff}\\u{20000}-\\u{3fffd}]',
  'u',
);
const without = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** The columns that text takes in a terminal. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += wide.test(character) ? 2 : without.test(character) ? 0 : 1;
  return columns;
}

/** The text with spaces behind it, as many as make it so many columns wide. */
export function padColumns(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}
