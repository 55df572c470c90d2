// `clearway/pages`: pages gathered from fragments. What this exports is the interface; the rest of the folder is not.

export type { ListAccount as PageAccount } from '../memory/list-writer.js';
export { type Segment, segment } from '../memory/segment.js';
export { SgList } from '../memory/sg-list.js';
export { escapeHtml } from '../text/escape-html.js';
export { PageContext } from './context.js';
export { Html, type HtmlValue, html, raw } from './html.js';
export { type GatherPart, type GatherResult, respond, writeGather } from './node-response.js';
export { type FragmentValue, Page, type PageOptions, page, type SlotFunction, type SlotOptions } from './page.js';
export { PageError, SlotTimeoutError } from './page-error.js';
export { file, PageFile } from './page-files.js';
export type { PageReport } from './page-report.js';
export { createPageServer, type PageServer } from './server.js';
export type { PageServerOptions } from './server-options.js';
export { Slot, slot, Template, type TemplateSource, template } from './template.js';
