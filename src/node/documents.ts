// The short HTML pages of errors and redirects, and the addresses in them.

import type { ServerResponse } from 'node:http';
import { escapeHtml } from '../text/escape-html.js';

/** Percent-encodes what no URI may contain (RFC 3986 section 2); escapes that are there stay as they are. */
function encodeAddress(address: string): string {
  return address.toWellFormed().replace(/%(?![0-9A-Fa-f]{2})|[^%\w\-.~:/?#[\]@!$&'()*+,;=]+/g, encodeURI);
}

/** Several slashes at the beginning would name a host. */
export function singleLeadingSlash(path: string): string {
  return path.replace(/^\/{2,}/, '/');
}

function htmlDocument(title: string, body: string): string {
  return (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    `<title>${title}</title>\n</head>\n<body>\n<pre>${body}</pre>\n</body>\n</html>\n`
  );
}

function sendDocument(response: ServerResponse, status: number, document: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/html; charset=UTF-8');
  response.setHeader('Content-Length', Buffer.byteLength(document));
  response.setHeader('Content-Security-Policy', "default-src 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
}

/** Ends a response with a page that names an error. */
export function sendErrorPage(response: ServerResponse, status: number, message: string): void {
  const document = htmlDocument('Error', escapeHtml(message));
  sendDocument(response, status, document);
  response.end(document);
}

/** Ends a response with a 301 to an address, which is encoded here. */
export function sendRedirect(response: ServerResponse, address: string): void {
  const location = encodeAddress(address);
  const document = htmlDocument('Redirecting', `Redirecting to ${escapeHtml(location)}`);
  sendDocument(response, 301, document);
  response.setHeader('Location', location);
  response.end(document);
}
