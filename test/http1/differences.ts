// Where Clearway's head parser and Node's are meant to differ: every kind by name, with the section that decides it and a head
// that shows it. A difference that no entry covers fails the oracle test. Not here: the comparison (node-oracle.test.ts).

/** A kind of head on which the two parsers differ on purpose. */
export interface Difference {
  name: string;
  section: string;
  /** Which of the two takes such a head; the other refuses it. */
  takenBy: 'clearway' | 'node';
  /** A head that shows it, with nothing else wrong. */
  example: string;
  /** Whether a head, one character a byte, is of this kind. */
  applies: (head: string) => boolean;
}

/** The request line without the line ends before it, read as loosely as anybody may. */
function requestLine(head: string): string {
  return /^[\r\n]*([^\r\n]*)/.exec(head)![1]!;
}

/** The request-target, read as loosely. */
function target(head: string): string {
  return /^\S* +(.*?) *(?:HTTP\/\d+\.\d+)?$/.exec(requestLine(head))?.[1] ?? '';
}

/** Values of all lines with this name. */
function values(head: string, name: string): string[] {
  return Array.from(head.matchAll(new RegExp(`^${name}:(.*?)\\r?$`, 'gim')), (match) =>
    match[1]!.replace(/^[ \t]+|[ \t]+$/g, ''),
  );
}

const HOST = /^(?:\[[0-9a-f:.]*(?:%[\w.~!$&'()*+,;=%-]+)?\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::\d*)?$/i;
const AUTHORITY = /^(?:\[[0-9a-f:.]+(?:%[\w.~!$&'()*+,;=%-]+)?\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})+)(?::\d*)?$/i;

/** A GET with these field lines beside Host. */
function get(...lines: string[]): string {
  return `${['GET / HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;
}

/** A GET of this target. */
function getTarget(text: string): string {
  return `GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'a method that Node does not list is a method: the server answers 501 or 405, the parser has no opinion',
    section: 'RFC 9110 section 9.1',
    takenBy: 'clearway',
    example: 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: (head) => !/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH) /.test(requestLine(head)),
  },
  {
    name: 'a higher minor version is processed as HTTP/1.1',
    section: 'RFC 9110 section 2.5',
    takenBy: 'clearway',
    example: 'GET / HTTP/1.2\r\nHost: a\r\n\r\n',
    applies: (head) => /HTTP\/1\.[2-9]$/.test(requestLine(head)),
  },
  {
    name: 'another major version is 505',
    section: 'RFC 9110 section 15.6.6',
    takenBy: 'node',
    example: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
    applies: (head) => /HTTP\/[02-9]\.\d$/.test(requestLine(head)),
  },
  {
    name: 'a request line has a version',
    section: 'RFC 9112 section 3',
    takenBy: 'node',
    example: 'GET /\r\n\r\n',
    applies: (head) => !/ HTTP\/\d\.\d$/.test(requestLine(head)),
  },
  {
    name: 'what is tolerated before the request line is up to four CRLF, not a bare CR or LF',
    section: 'RFC 9112 section 2.2',
    takenBy: 'node',
    example: `\n${get()}`,
    applies: (head) => !/^(?:\r\n){0,4}[^\r\n]/.test(head),
  },
  {
    name: 'one space, not several, between the parts of the request line',
    section: 'RFC 9112 section 3',
    takenBy: 'node',
    example: 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: (head) => requestLine(head).includes('  '),
  },
  {
    name: 'a request-target holds no fragment, quote, angle bracket or raw byte above 126',
    section: 'RFC 9112 section 3.2, RFC 3986 section 2',
    takenBy: 'node',
    example: getTarget('/a#b'),
    applies: (head) => /["#<>]|[\x7f-\xff]/.test(target(head)),
  },
  {
    name: 'asterisk-form is for OPTIONS, and is an asterisk alone',
    section: 'RFC 9112 section 3.2.4',
    takenBy: 'node',
    example: getTarget('*'),
    applies: (head) =>
      target(head).startsWith('*') && (target(head) !== '*' || !requestLine(head).startsWith('OPTIONS ')),
  },
  {
    name: 'absolute-form is an http or https URI with a host and without user information',
    section: 'RFC 9110 section 4.2',
    takenBy: 'node',
    example: getTarget('http://user@a/'),
    applies: (head) => {
      if (!/^[a-z][a-z0-9+.-]*:/i.test(target(head))) return false;
      const authority = /^https?:\/\/([^/?]*)/i.exec(target(head));
      return authority === null || !AUTHORITY.test(authority[1]!);
    },
  },
  {
    name: 'authority-form is a host and a port, for CONNECT alone, and CONNECT takes no other',
    section: 'RFC 9112 section 3.2.3',
    takenBy: 'node',
    example: 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n',
    applies: (head) =>
      requestLine(head).startsWith('CONNECT ') && !(AUTHORITY.test(target(head)) && /:\d+$/.test(target(head))),
  },
  {
    name: 'Host comes once',
    section: 'RFC 9112 section 3.2',
    takenBy: 'node',
    example: get('Host: a'),
    applies: (head) => values(head, 'host').length > 1,
  },
  {
    name: 'Host is a host and at most a port',
    section: 'RFC 9112 section 3.2',
    takenBy: 'node',
    example: 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n',
    applies: (head) => values(head, 'host').some((value) => !HOST.test(value)),
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0 is faulty framing',
    section: 'RFC 9112 section 6.1',
    takenBy: 'node',
    example: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    applies: (head) => /HTTP\/1\.0$/.test(requestLine(head)) && values(head, 'transfer-encoding').length > 0,
  },
  {
    name: 'a transfer coding before chunked is one that the server does not know: 501',
    section: 'RFC 9112 section 6.1',
    takenBy: 'node',
    example: get('Transfer-Encoding: gzip, chunked'),
    applies: (head) => /[^,\s].*,\s*chunked[\s,]*$/i.test(values(head, 'transfer-encoding').join(',')),
  },
  {
    name: 'a Transfer-Encoding that names no coding does not end in chunked',
    section: 'RFC 9112 section 6.3',
    takenBy: 'node',
    example: get('Transfer-Encoding:'),
    applies: (head) =>
      values(head, 'transfer-encoding').length > 0 && /^[,\s]*$/.test(values(head, 'transfer-encoding').join()),
  },
  {
    name: 'empty elements of a list are passed over, in Transfer-Encoding too',
    section: 'RFC 9110 section 5.6.1.2',
    takenBy: 'clearway',
    example: get('Transfer-Encoding: chunked,'),
    applies: (head) => /^(?=.*,)[,\s]*chunked[,\s]*$/i.test(values(head, 'transfer-encoding').join()),
  },
  {
    name: 'a length that a double cannot hold exactly is refused',
    section: 'RFC 9110 section 8.6',
    takenBy: 'node',
    example: get('Content-Length: 9007199254740992'),
    applies: (head) => values(head, 'content-length').some((value) => Number(value) > Number.MAX_SAFE_INTEGER),
  },
];
