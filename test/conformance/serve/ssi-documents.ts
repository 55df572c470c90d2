// Documents with server-side includes for the comparison with nginx: what both must make the same of, and what is different
// on purpose, each with its reason. Not here: the comparison (ssi-beside-nginx.test.ts).

/** What stands in the place of a directive that failed, in both. */
export const oops = '[an error occurred while processing the directive]';

/** Files that documents include, by path. */
export const ssiParts: Readonly<Record<string, string>> = {
  'part.html': '<p>part</p>',
  'empty.html': '',
  'big.html': 'x'.repeat(100000),
  'two.html': 'two\nlines\n',
  'folder/inner.shtml': '[<!--# echo var="arg_v" --> <!--# include file="leaf.html" -->]',
  'folder/leaf.html': 'leaf',
  'folder/deeper/up.shtml': '<!--# include virtual="/part.html" -->|<!--# include file="here.html" -->',
  'folder/deeper/here.html': 'here',
  'vars.shtml': '<!--# echo var="x" default="unset" --><!--# set var="y" value="from child" -->',
  'errmsg-child.shtml': '<!--# nonsense -->',
  'timefmt-child.shtml': '<!--# echo var="date_gmt" -->',
  'stub-empty.shtml': '<!--# set var="z" value="1" -->',
  'plus+name.html': 'plus',
  'sp ace.html': 'space',
  'é.html': 'acute',
  'a&b.html': 'amp',
  'q?.html': 'q',
  '.hidden.html': 'hidden',
  'if-child.shtml': '<!--# if expr="$arg_k = v" -->yes<!--# else -->no<!--# endif -->',
  'uri-child.shtml':
    '<!--# echo var="uri" --> <!--# echo var="document_uri" --> <!--# echo var="request_uri" encoding="none" --> <!--# echo var="args" encoding="none" --> <!--# echo var="query_string" encoding="none" -->',
  'self-block.shtml': '<!--# block name="b" -->inner<!--# endblock --><!--# include virtual="/empty.html" stub="b" -->',
  'withindex/index.html': 'index',
};

/** A document and the query that it is asked for with. */
export type SsiCase = readonly [document: string, query?: string];

/** Byte for byte the same. */
export const sameAsNginx: Readonly<Record<string, SsiCase>> = {
  'inc-virtual': ['(<!--# include virtual="/part.html" -->)'],
  'inc-file': ['(<!--# include file="part.html" -->)(<!--# include file="folder/leaf.html" -->)'],
  'inc-relative': ['(<!--# include virtual="part.html" -->)'],
  'inc-wait': ['<!--# include virtual="/part.html" wait="yes" --><!--# include virtual="/two.html" wait="yes" -->'],
  'inc-wait-no': ['<!--# include virtual="/part.html" wait="no" -->'],
  'inc-wait-bad': ['<!--# include virtual="/part.html" wait="maybe" -->x'],
  'inc-two': ['<!--# include virtual="/part.html" file="part.html" -->x'],
  'inc-none': ['<!--# include -->x'],
  'inc-empty': ['a<!--# include virtual="/empty.html" -->b'],
  'inc-args': [
    '<!--# include virtual="/if-child.shtml?k=v" --><!--# include virtual="/if-child.shtml?k=w" --><!--# include virtual="/if-child.shtml" -->',
    '?k=v',
  ],
  'inc-var': [
    '<!--# set var="p" value="part" --><!--# include virtual="/${p}.html" --><!--# include virtual="/$p.html" -->',
  ],
  'inc-arg-var': ['<!--# include virtual="/${arg_f}.html" -->', '?f=part'],
  'inc-encoded': ['<!--# include virtual="/pa%72t.html" -->'],
  'inc-space': ['<!--# include virtual="/sp%20ace.html" -->'],
  'inc-plus': ['<!--# include virtual="/plus+name.html" -->'],
  'inc-acute': ['<!--# include virtual="/é.html" --><!--# include virtual="/%C3%A9.html" -->'],
  'inc-amp': ['<!--# include virtual="/a&b.html" -->'],
  'inc-climb': ['a<!--# include virtual="/../part.html" -->b<!--# include virtual="/folder/../../part.html" -->c'],
  'inc-file-climb': ['a<!--# include file="../part.html" -->b'],
  'inc-file-abs': ['a<!--# include file="/part.html" -->b'],
  'inc-deeper': ['<!--# include virtual="/folder/deeper/up.shtml" -->'],
  'inc-nested': ['a<!--# include virtual="/folder/inner.shtml?v=w" -->z'],
  'inc-encoded-query': ['<!--# include virtual="/uri-child.shtml?a=%20b&c=d" -->', '?o=p'],
  'inc-uri': ['<!--# include virtual="/uri-child.shtml" -->', '?o=p'],
  'inc-vars-shared': [
    '<!--# set var="x" value="from parent" --><!--# include virtual="/vars.shtml" wait="yes" -->:<!--# echo var="y" default="none" -->',
  ],
  'inc-errmsg-child': ['<!--# config errmsg="[P]" --><!--# include virtual="/errmsg-child.shtml" wait="yes" -->'],
  'inc-many': ['<!--# include virtual="/part.html" -->'.repeat(50)],
  'inc-set': ['<!--# include virtual="/part.html" set="p" -->[<!--# echo var="p" encoding="none" -->]'],
  'inc-set-wait': ['<!--# include virtual="/part.html" set="p" wait="yes" -->[<!--# echo var="p" -->]'],
  'inc-set-empty': ['<!--# include virtual="/empty.html" set="p" wait="yes" -->[<!--# echo var="p" default="d" -->]'],
  'inc-set-missing': [
    '<!--# include virtual="/missing.html" set="p" wait="yes" -->[<!--# echo var="p" default="d" -->]',
  ],
  'inc-set-shtml': ['<!--# include virtual="/folder/leaf.html" set="p" -->[<!--# echo var="p" default="d" -->]'],
  'inc-set-stub': [
    '<!--# block name="s" -->S<!--# endblock --><!--# include virtual="/part.html" set="p" stub="s" -->x',
  ],
  'inc-set-cond': [
    '<!--# include virtual="/folder/leaf.html" set="p" wait="yes" --><!--# if expr="$p = leaf" -->same<!--# endif -->',
  ],
  'stub-empty': ['<!--# block name="s" -->stub<!--# endblock -->(<!--# include virtual="/empty.html" stub="s" -->)'],
  'stub-missing': [
    '<!--# block name="s" -->stub<!--# endblock -->(<!--# include virtual="/missing.html" stub="s" -->)',
  ],
  'stub-full': ['<!--# block name="s" -->stub<!--# endblock -->(<!--# include virtual="/part.html" stub="s" -->)'],
  'stub-unknown': [
    '(<!--# include virtual="/empty.html" stub="nope" -->)(<!--# include virtual="/missing.html" stub="nope" -->)',
  ],
  'stub-silent': ['<!--# block name="s" --> <!--# endblock -->(<!--# include virtual="/empty.html" stub="s" -->)'],
  'stub-nothing': ['<!--# block name="s" --><!--# endblock -->(<!--# include virtual="/empty.html" stub="s" -->)'],
  'stub-redefined': [
    '<!--# block name="s" -->1<!--# endblock --><!--# block name="s" -->2<!--# endblock -->(<!--# include virtual="/empty.html" stub="s" -->)',
  ],
  'stub-twice': [
    '<!--# block name="s" -->S<!--# endblock --><!--# include virtual="/empty.html" stub="s" --><!--# include virtual="/empty.html" stub="s" -->',
  ],
  'stub-child': ['<!--# block name="b" -->outer<!--# endblock --><!--# include virtual="/self-block.shtml" -->'],
  'block-invisible': ['a<!--# block name="s" -->S<!--# endblock -->b'],
  'block-unclosed': ['a<!--# block name="s" -->S'],
  'endblock-alone': ['a<!--# endblock -->b'],
  'block-noname': ['a<!--# block -->S<!--# endblock -->b'],
  echo: [
    '<!--# echo var="arg_a" -->[<!--# echo var="nothing" -->][<!--# echo var="nothing" default="d" -->][<!--# echo var="nothing" default="" -->]',
    '?a=b',
  ],
  'echo-tight': ['<!--#echo var="arg_a"-->', '?a=b'],
  'echo-empty': ['[<!--# echo var="arg_a" -->][<!--# echo var="arg_a" default="d" -->]', '?a='],
  'echo-set-empty': ['<!--# set var="v" value="" -->[<!--# echo var="v" -->][<!--# echo var="v" default="d" -->]'],
  'echo-novar': ['a<!--# echo -->b'],
  'echo-default-entity': ['<!--# echo var="nothing" default="<b>&" -->'],
  'echo-default-url': ['<!--# echo var="nothing" default="<b>&" encoding="url" -->'],
  'echo-none': ['<!--# set var="v" value="<&>é" --><!--# echo var="v" encoding="none" -->'],
  'echo-url': ['<!--# set var="v" value="a b/?&=+%é~:@!,;()*" --><!--# echo var="v" encoding="url" -->'],
  'echo-url-quote': ['<!--# set var="v" value="\'<>[]{}|^`" --><!--# echo var="v" encoding="url" -->'],
  'echo-bad-encoding': ['<!--# echo var="arg_a" encoding="base64" -->x', '?a=b'],
  'echo-case': ['<!--# set var="Name" value="1" --><!--# echo var="name" --><!--# echo var="NAME" -->'],
  'echo-encoded-arg': ['<!--# echo var="arg_a" encoding="none" -->', '?a=%3Cb%3E+c'],
  'echo-method': [
    '<!--# echo var="request_method" --> <!--# echo var="server_protocol" --> <!--# echo var="scheme" --> <!--# echo var="host" --> <!--# echo var="is_args" --> <!--# echo var="remote_addr" -->',
    '?x',
  ],
  'echo-http': ['<!--# echo var="http_x_one" --> <!--# echo var="http_user_agent" -->'],
  'echo-uri': [
    '<!--# echo var="uri" --> <!--# echo var="document_uri" --> <!--# echo var="request_uri" encoding="none" --> <!--# echo var="query_string" encoding="none" --> <!--# echo var="args" encoding="none" -->',
    '?k=v&l=%20',
  ],
  'echo-unknown-param': ['a<!--# echo var="arg_a" color="red" -->b', '?a=1'],
  'set-plain': ['<!--# set var="x" value="1" --><!--# echo var="x" -->'],
  'set-subst': ['<!--# set var="x" value="1${arg_a}2$arg_a" --><!--# echo var="x" -->', '?a=b'],
  'set-escape': ['<!--# set var="x" value="a\\$arg_a" --><!--# echo var="x" encoding="none" -->', '?a=b'],
  'set-dollar': ['<!--# set var="x" value="5$" -->[<!--# echo var="x" encoding="none" -->]'],
  'set-dollar-space': ['<!--# set var="x" value="5$ a" -->[<!--# echo var="x" encoding="none" -->]'],
  'set-brace-open': ['<!--# set var="x" value="${arg_a" -->[<!--# echo var="x" encoding="none" -->]', '?a=b'],
  'set-over': ['<!--# set var="x" value="1" --><!--# set var="x" value="2$x" --><!--# echo var="x" -->'],
  'set-novalue': ['a<!--# set var="x" -->b'],
  'set-novar': ['a<!--# set value="x" -->b'],
  'set-shadow': ['<!--# set var="arg_a" value="mine" --><!--# echo var="arg_a" -->', '?a=theirs'],
  'set-single': ["<!--# set var='x' value='say \"x\"' --><!--# echo var='x' encoding='none' -->"],
  'set-quotes': ['<!--# set var="x" value="a\\"b" --><!--# echo var="x" encoding="none" -->'],
  'set-backslash': ['<!--# set var="x" value="a\\\\b\\n" --><!--# echo var="x" encoding="none" -->'],
  'if-set': ['<!--# if expr="$arg_a" -->yes<!--# endif -->|', '?a=1'],
  'if-empty': ['<!--# if expr="$arg_a" -->yes<!--# else -->no<!--# endif -->', '?a='],
  'if-unset': ['<!--# if expr="$arg_a" -->yes<!--# else -->no<!--# endif -->'],
  'if-equal': ['<!--# if expr="$arg_a = b" -->eq<!--# else -->ne<!--# endif -->', '?a=b'],
  'if-equal-var': ['<!--# if expr="$arg_a = $arg_b" -->eq<!--# else -->ne<!--# endif -->', '?a=b&b=b'],
  'if-notequal': ['<!--# if expr="$arg_a != c" -->ne<!--# else -->eq<!--# endif -->', '?a=b'],
  'if-tight': [
    '<!--# if expr="$arg_a=b" -->eq<!--# else -->ne<!--# endif --><!--# if expr="$arg_a!=b" -->ne<!--# else -->eq<!--# endif -->',
    '?a=b',
  ],
  'if-text-left': ['<!--# if expr="abc = abc" -->eq<!--# else -->ne<!--# endif -->'],
  'if-text': ['<!--# if expr="text" -->yes<!--# else -->no<!--# endif -->'],
  'if-right-spaces': ['<!--# set var="v" value="b c" --><!--# if expr="$v = b c" -->eq<!--# else -->ne<!--# endif -->'],
  'if-right-empty': ['<!--# if expr="$arg_a = " -->eq<!--# else -->ne<!--# endif -->', '?a='],
  'if-elif': [
    '<!--# if expr="$arg_a = 1" -->1<!--# elif expr="$arg_a = 2" -->2<!--# elif expr="$arg_a = 3" -->3<!--# else -->x<!--# endif -->',
    '?a=2',
  ],
  'if-elif-last': [
    '<!--# if expr="$arg_a = 1" -->1<!--# elif expr="$arg_a = 2" -->2<!--# elif expr="$arg_a = 3" -->3<!--# else -->x<!--# endif -->',
    '?a=9',
  ],
  'if-include-skipped': [
    '<!--# if expr="$arg_a" --><!--# include virtual="/part.html" --><!--# else --><!--# include virtual="/two.html" --><!--# endif -->',
  ],
  'if-set-skipped': [
    '<!--# if expr="$nope" --><!--# set var="x" value="1" --><!--# endif --><!--# echo var="x" default="unset" -->',
  ],
  'if-unclosed': ['a<!--# if expr="$arg_a" -->b', '?a=1'],
  'else-alone': ['a<!--# else -->b'],
  'endif-alone': ['a<!--# endif -->b'],
  'else-twice': ['<!--# if expr="$arg_a" -->1<!--# else -->2<!--# else -->3<!--# endif -->'],
  'elif-after-else': ['<!--# if expr="$arg_a" -->1<!--# else -->2<!--# elif expr="$arg_b" -->3<!--# endif -->', '?b=1'],
  'if-regex': ['<!--# if expr="$arg_a = /^b/" -->m<!--# else -->n<!--# endif -->', '?a=bcd'],
  'if-regex-not': ['<!--# if expr="$arg_a != /^b/" -->n<!--# else -->m<!--# endif -->', '?a=bcd'],
  'if-regex-named': [
    '<!--# if expr="$arg_a = /(?P<first>b)(.+)/" --><!--# echo var="first" -->-<!--# echo var="1" -->-<!--# echo var="2" --><!--# endif -->',
    '?a=bcd',
  ],
  'if-regex-named-js': [
    '<!--# if expr="$arg_a = /(?<first>b)(.+)/" --><!--# echo var="first" -->-<!--# echo var="2" --><!--# endif -->',
    '?a=bcd',
  ],
  'if-regex-alt': ['<!--# if expr="$http_user_agent = /MSIE|Firefox|check/" -->m<!--# else -->n<!--# endif -->'],
  'if-regex-case': ['<!--# if expr="$arg_a = /B/" -->m<!--# else -->n<!--# endif -->', '?a=b'],
  'if-regex-inline': ['<!--# if expr="$arg_a = /(?i)B/" -->m<!--# else -->n<!--# endif -->', '?a=b'],
  'if-regex-slash': ['<!--# if expr="$uri = /if-regex.*/" -->m<!--# else -->n<!--# endif -->'],
  'if-regex-unmatched-group': [
    '<!--# if expr="$arg_a = /(x)?(b)/" -->[<!--# echo var="1" default="d" -->][<!--# echo var="2" -->]<!--# endif -->',
    '?a=b',
  ],
  'if-regex-stale': [
    '<!--# if expr="$arg_a = /(?P<n>b)/" --><!--# endif --><!--# if expr="$arg_a = /(?P<n>z)/" --><!--# endif --><!--# echo var="n" -->',
    '?a=b',
  ],
  'if-block': [
    '<!--# if expr="$arg_a" --><!--# block name="s" -->A<!--# endblock --><!--# else --><!--# block name="s" -->B<!--# endblock --><!--# endif --><!--# include virtual="/empty.html" stub="s" -->',
    '?a=1',
  ],
  'config-errmsg': ['<!--# config errmsg="E" --><!--# nonsense -->'],
  'config-timefmt': ['<!--# config timefmt="%Y" --><!--# echo var="date_gmt" -->'],
  'config-timefmt-many': [
    '<!--# config timefmt="%A %a %B %b %d %e %j %m %y %Y %U %W %w %u %p %I %H %C %D %F %G %g %V %h %n %t %% %Z" --><!--# echo var="date_gmt" -->',
  ],
  'config-timefmt-local': ['<!--# config timefmt="%Y-%m-%d" --><!--# echo var="date_local" -->'],
  'config-both': ['<!--# config timefmt="%Y" errmsg="E" --><!--# nonsense --><!--# echo var="date_gmt" -->'],
  'config-timefmt-s': [
    '<!--# config timefmt="%s" --><!--# if expr="$date_gmt = /^1[0-9]+/" -->s<!--# else -->n<!--# endif -->',
  ],
  'config-empty': ['a<!--# config -->b'],
  'config-unknown': ['a<!--# config color="x" -->b'],
  text: ['plain <!-- comment --> <!-- # not --> <!--x# --> text\n'],
  'no-space': ['<!--#echo var="arg_a"-->', '?a=1'],
  newlines: ['<!--#\n  echo\n  var="arg_a"\n  default="d"\n-->', '?a=1'],
  tabs: ['<!--#\techo\tvar="arg_a"\t-->', '?a=1'],
  'spaces-eq': ['<!--# echo var = "arg_a" -->', '?a=1'],
  unquoted: ['a<!--# echo var=arg_a -->b', '?a=1'],
  upper: ['a<!--# ECHO var="arg_a" -->b', '?a=1'],
  unknown: ['a<!--# exec cmd="ls" -->b'],
  dash: ['a<!--# echo var="arg_a" -- -->b', '?a=1'],
  partial: ['a<!-<!--<!--#<!--# echo var="arg_a" -->b', '?a=1'],
  adjacent: ['<!--# echo var="arg_a" --><!--# echo var="arg_a" -->', '?a=1'],
  'in-attr': ['<a href="<!--# echo var="arg_a" encoding="url" -->">', '?a=1'],
  utf8: ['é<!--# echo var="arg_a" -->ü€😀', '?a=1'],
  'dup-param': ['a<!--# echo var="arg_a" var="arg_b" -->b', '?a=1&b=2'],
  'bracket-close': ['a<!--# echo var="arg_a"-->>b', '?a=1'],
  'value-with-close': ['a<!--# set var="x" value="-->" -->[<!--# echo var="x" encoding="none" -->]'],
  'too-long-value': ['a<!--# set var="x" value="' + 'y'.repeat(1100) + '" -->b'],
  crlf: ['a\r\n<!--# echo var="arg_a" -->\r\nb', '?a=1'],
  nul: ['a\0b<!--# echo var="arg_a" -->', '?a=1'],
  'inc-index': ['<!--# include virtual="/withindex/" -->'],
  'if-regex-anchor': ['<!--# if expr="$arg_a = /^b\\$/" -->m<!--# else -->n<!--# endif -->', '?a=b'],
  'if-regex-anchor2': ['<!--# if expr="$arg_a = /^b\\$/" -->m<!--# else -->n<!--# endif -->', '?a=bc'],
  'if-regex-digits': ['<!--# if expr="$arg_a = /^[a-c]+\\d{2,}/" -->m<!--# else -->n<!--# endif -->', '?a=abc123'],
  'if-regex-multi': ['<!--# if expr="$arg_a = /(?im)B/" -->m<!--# else -->n<!--# endif -->', '?a=b'],
  'args-empty': ['[<!--# echo var="args" -->][<!--# echo var="query_string" default="d" -->]', '?'],
  'args-none': [
    '[<!--# echo var="args" -->][<!--# echo var="query_string" default="d" -->][<!--# echo var="is_args" -->]',
  ],
  'inc-dollar': ['a<!--# include virtual="/part$.html" -->b'],
  'inc-missing-set-stub': [
    '<!--# include virtual="/missing.html" set="p" --><!--# if expr="$p" -->got<!--# else -->nothing<!--# endif -->',
  ],
  'inc-timefmt-child': ['<!--# config timefmt="%Y" --><!--# include virtual="/if-child.shtml" -->'],
};

/** A document of which nginx makes something else, what Clearway makes of it, and why. */
export interface SsiDifference {
  readonly document: string;
  readonly query?: string;
  readonly ours: string;
  readonly why: string;
}

/** Different on purpose. */
export const differentFromNginx: Readonly<Record<string, SsiDifference>> = {
  'inc-missing': {
    document: 'a<!--# include virtual="/missing.html" -->b',
    ours: `a${oops}b`,
    why: 'of a target that is not there nginx puts its error page into the page; here stands the error message',
  },
  'inc-missing-file': {
    document: 'a<!--# include file="missing.html" -->b',
    ours: `a${oops}b`,
    why: 'of a target that is not there nginx puts its error page into the page; here stands the error message',
  },
  'inc-missing-errmsg': {
    document: '<!--# config errmsg="[E]" -->a<!--# include virtual="/missing.html" -->b',
    ours: 'a[E]b',
    why: 'of a target that is not there nginx puts its error page into the page; here stands the error message',
  },
  'config-errmsg-include': {
    document: '<!--# config errmsg="E" -->a<!--# include virtual="/missing.html" -->b',
    ours: 'aEb',
    why: 'of a target that is not there nginx puts its error page into the page; here stands the error message',
  },
  'inc-url': {
    document: 'a<!--# include virtual="http://localhost/part.html" -->b',
    ours: `a${oops}b`,
    why: 'only paths beneath the root can be included, and nginx would look for a directory of that name',
  },
  'inc-directory': {
    document: 'a<!--# include virtual="/folder" -->b',
    ours: `a${oops}b`,
    why: 'a redirect is no page: nginx puts the text of its 301 into the page',
  },
  'inc-directory-slash': {
    document: 'a<!--# include virtual="/folder/" -->b',
    ours: `a${oops}b`,
    why: 'of a target that is not there nginx puts its error page into the page; here stands the error message (there is no index)',
  },
  'inc-dot': {
    document: '<!--# include virtual="/./part.html" --><!--# include virtual="/folder/../part.html" -->',
    ours: `${oops}${oops}`,
    why: 'a target has one spelling, as in a request: what is not canonical leads nowhere',
  },
  'inc-slashes': {
    document: '<!--# include virtual="//part.html" -->',
    ours: `${oops}`,
    why: 'a target has one spelling, as in a request: what is not canonical leads nowhere',
  },
  'inc-fragment': {
    document: 'a<!--# include virtual="/part.html#x" -->b',
    ours: 'a<p>part</p>b',
    why: 'a fragment is no part of what is asked for (RFC 3986 section 3.5)',
  },
  'inc-hidden': {
    document: 'a<!--# include virtual="/.hidden.html" -->b',
    ours: `a${oops}b`,
    why: 'names that begin with a dot are not served, included or not',
  },
  'inc-self': {
    document: 's<!--# if expr="$arg_n != stop" --><!--# include virtual="/inc-self.shtml?n=stop" --><!--# endif -->e',
    ours: `s${oops}e`,
    why: 'a document that is open already is not included again, whatever its query: no loop can begin',
  },
  'stub-directives': {
    document:
      '<!--# set var="v" value="1" --><!--# block name="s" -->[<!--# echo var="v" -->]<!--# endblock --><!--# include virtual="/empty.html" stub="s" -->',
    ours: '[1]',
    why: 'directives in a block are evaluated, as the documentation of nginx says; nginx 1.22 sends them as text',
  },
  'stub-include': {
    document:
      '<!--# block name="s" -->[<!--# include virtual="/part.html" -->]<!--# endblock --><!--# include virtual="/empty.html" stub="s" -->',
    ours: '[<p>part</p>]',
    why: 'as above',
  },
  'stub-if': {
    document:
      '<!--# block name="s" --><!--# if expr="$arg_a" -->A<!--# else -->N<!--# endif --><!--# endblock --><!--# include virtual="/empty.html" stub="s" -->',
    query: '?a=1',
    ours: 'A',
    why: 'as above',
  },
  'echo-entity': {
    document: '<!--# set var="v" value="<&>\\"\'é" --><!--# echo var="v" encoding="entity" -->|<!--# echo var="v" -->',
    ours: '&lt;&amp;&gt;&quot;&#39;é|&lt;&amp;&gt;&quot;&#39;é',
    why: 'an apostrophe could end an attribute: it is escaped too',
  },
  'echo-docname': {
    document: '<!--# echo var="document_name" --> <!--# echo var="DOCUMENT_NAME" --> <!--# echo var="DOCUMENT_URI" -->',
    ours: 'echo-docname.shtml echo-docname.shtml /echo-docname.shtml',
    why: 'Apache’s document_name is known as well',
  },
  'last-modified': {
    document:
      '<!--# config timefmt="%Y" --><!--# if expr="$last_modified = /20/" -->lm<!--# else -->none<!--# endif -->',
    ours: 'lm',
    why: 'Apache’s last_modified is known as well',
  },
  'if-spaces': {
    document: '<!--# if expr="  $arg_a   =   b  " -->eq<!--# else -->ne<!--# endif -->',
    query: '?a=b',
    ours: 'eq',
    why: 'spaces around the whole of an expr are allowed',
  },
  'if-nested': {
    document: '<!--# if expr="$arg_a" --><!--# if expr="$arg_b" -->b<!--# endif -->a<!--# endif -->',
    query: '?a=1&b=1',
    ours: 'ba',
    why: 'an if may be within another, and so on to a depth of 16',
  },
  'if-nested-skipped': {
    document:
      '<!--# if expr="$arg_x" --><!--# if expr="$arg_b" -->b<!--# else -->nb<!--# endif -->a<!--# else -->e<!--# endif -->',
    query: '?a=1&b=1',
    ours: 'e',
    why: 'as above',
  },
  'if-noexpr': {
    document: 'a<!--# if -->b<!--# endif -->c',
    ours: `a${oops}bc`,
    why: 'where an expr cannot be evaluated nginx goes on as if there were no if, shows every branch, and calls each else and endif an error; here one error stands in the place of the whole',
  },
  'if-regex-bad': {
    document: 'a<!--# if expr="$arg_a = /(/" -->m<!--# endif -->b',
    query: '?a=b',
    ours: `a${oops}b`,
    why: 'where an expr cannot be evaluated nginx goes on as if there were no if, shows every branch, and calls each else and endif an error; here one error stands in the place of the whole',
  },
  'if-regex-open': {
    document: 'a<!--# if expr="$arg_a = /b" -->m<!--# else -->n<!--# endif -->b',
    query: '?a=b',
    ours: `a${oops}b`,
    why: 'where an expr cannot be evaluated nginx goes on as if there were no if, shows every branch, and calls each else and endif an error; here one error stands in the place of the whole',
  },
  'if-regex-class': {
    document: '<!--# if expr="$arg_a = /^[a-c]+\\d{2,}$/" -->m<!--# else -->n<!--# endif -->',
    query: '?a=abc123',
    ours: 'm',
    why: 'a dollar may stand for the end of the text without a backslash',
  },
  'if-regex-anchor3': {
    document: '<!--# if expr="$arg_a = /^b\\\\$/" -->m<!--# else -->n<!--# endif -->',
    query: '?a=b',
    ours: 'm',
    why: 'as above',
  },
  'if-regex-var': {
    document: '<!--# if expr="$arg_a = /^$arg_b/" -->m<!--# else -->n<!--# endif -->',
    query: '?a=bcd&b=bc',
    ours: 'n',
    why: 'no variables in patterns: whoever sends the request could choose one that never ends',
  },
  'config-errmsg-empty': {
    document: 'a<!--# config errmsg="" --><!--# nonsense -->b',
    ours: 'ab',
    why: 'an empty message is one; nginx ends the connection',
  },
  'config-timefmt-empty': {
    document: 'a<!--# config timefmt="" -->[<!--# echo var="date_gmt" -->]',
    ours: 'a[]',
    why: 'an empty format gives an empty time; to nginx it is an error',
  },
  'empty-directive': { document: 'a<!--# -->b', ours: `a${oops}b`, why: 'nginx swallows the rest of the document' },
  unclosed: {
    document: 'a<!--# echo var="arg_a"',
    query: '?a=1',
    ours: 'a<!--# echo var="arg_a"',
    why: 'nginx swallows the rest of the document: here what never ends is text',
  },
  'unclosed-quote': {
    document: 'a<!--# echo var="arg_a -->b',
    query: '?a=1',
    ours: `a${oops}b`,
    why: 'nginx swallows the rest of the document',
  },
  'partial-end': { document: 'a<!--', ours: 'a<!--', why: 'nginx swallows the rest of the document' },
  'partial-end2': { document: 'a<!--#', ours: 'a<!--#', why: 'nginx swallows the rest of the document' },
  'long-value': {
    document: '<!--# set var="x" value="' + 'y'.repeat(900) + '" --><!--# echo var="x" -->',
    ours: 'y'.repeat(900),
    why: 'values may have 1024 characters, in nginx 256 unless ssi_value_length says otherwise',
  },
};
