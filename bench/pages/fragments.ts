// The two pages of the benchmark, as fragments: what every server is given, and the bytes that each must answer with.
// A dynamic fragment is text that is made anew for each request; it is the same text each time, so that answers can be
// compared byte for byte.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One fragment: text that never changes, or what makes it. */
export type Fragment = { readonly text: string } | { readonly make: () => Promise<string>; readonly name: string };

/** One page. */
export interface PagePlan {
  /** Its name in a URL; nginx and `clearway serve` have a document of that name. */
  readonly name: string;
  readonly fragments: readonly Fragment[];
}

const words = 'the bytes of a page stay where they are while descriptors travel '.split(' ');

function prose(length: number, seed: number): string {
  let text = `<section data-number="${seed}">\n`;
  for (let index = seed; text.length < length; index++) text += `${words[index % words.length]} `;
  return text.slice(0, length);
}

/** Text as an application makes it: what is fresh in the middle of what is not. */
function dynamic(length: number, seed: number): Fragment {
  const before = prose(Math.floor(length / 2), seed);
  const make = async (): Promise<string> => `${before}<b>${seed}</b> ${before}`.padEnd(length, '.').slice(0, length);
  return { make, name: `dynamic${seed}` };
}

const fixed = (length: number, seed: number): Fragment => ({ text: prose(length, seed) });

/** 5 static and 3 dynamic fragments, 64 KiB in all; and 400 of 200 bytes, every other one dynamic. */
export const pagePlans: readonly PagePlan[] = [
  {
    name: 'page64.shtml',
    fragments: [
      fixed(12_000, 1),
      dynamic(2000, 10),
      fixed(14_000, 2),
      dynamic(4000, 20),
      fixed(9000, 3),
      fixed(11_000, 4),
      dynamic(2000, 30),
      fixed(11_536, 5),
    ],
  },
  {
    name: 'page400.shtml',
    fragments: Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? fixed(200, index) : dynamic(200, index))),
  },
];

/** The whole text of a page, by concatenation. */
export async function wholePage(plan: PagePlan): Promise<string> {
  const parts = await Promise.all(plan.fragments.map((each) => ('text' in each ? each.text : each.make())));
  return parts.join('');
}

/** Writes each page as a document with includes: the static text in it, the dynamic fragments as files beside it. */
export async function writeDocuments(directory: string): Promise<void> {
  for (const plan of pagePlans) {
    const folder = plan.name.replace('.shtml', '');
    mkdirSync(join(directory, folder));
    let document = '';
    for (const each of plan.fragments) {
      if ('text' in each) document += each.text;
      else {
        writeFileSync(join(directory, folder, each.name), await each.make());
        document += `<!--# include virtual="/${folder}/${each.name}" -->`;
      }
    }
    writeFileSync(join(directory, plan.name), document);
  }
}
