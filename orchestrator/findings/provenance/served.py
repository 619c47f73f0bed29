"""What files of web sites do that only web shells, droppers and skimmers need; names that are put together are read."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from typing import NamedTuple

import re2

from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.flow import flows, uncommented
from stopgap.orchestrator.findings.provenance.typed import PUBLIC

LARGEST = 1 << 20
"""Bytes of a file that are looked at."""
_MOST_STRINGS = 20_000
_LONGEST_NAME = 40
"""Characters of the longest dangerous name in base64, and some."""
_INPUT = r"\$_(?:GET|POST|REQUEST|COOKIE|FILES|SERVER)\b"
_RUNS = r"eval|assert|system|passthru|shell_exec|exec|popen|proc_open|pcntl_exec|create_function"


class Sign(NamedTuple):
    """A sign, with its weight: 1 low, 2 medium, 3 high, 4 critical."""

    weight: int
    text: str


_compiled = partial(automaton, memory=64 << 20)

_PHP: tuple[tuple[int, str, re2._Regexp], ...] = tuple(
    (weight, text, _compiled(pattern))
    for weight, text, pattern in (
        (
            4,
            "calls a function that a visitor names",
            r"(?i)\$_(GET|POST|REQUEST|COOKIE|SERVER)\s*\[[^\]\n]{1,60}\]\s*\(\s*[@$'\"]",
        ),
        (
            4,
            "gives a visitor's words to a callback",
            r"(?i)(^|[^>:\w$])(call_user_func(_array)?|array_map|register_shutdown_function|ob_start|forward_static_call(_array)?)\s*\(\s*@?\$_(GET\b|POST\b|REQUEST\b|COOKIE\b|SERVER\s*\[\s*['\"]HTTP_)",
        ),
        (
            4,
            "gives a visitor's words to a callback",
            r"(?i)(^|[^>:\w$])(array_filter|usort|uasort|uksort|array_walk|array_reduce|iterator_apply|array_diff_ukey)\s*\([^,;()\n]{1,60},\s*@?\$_(GET|POST|REQUEST|COOKIE)\s*\[[^\]\n]{1,60}\]\s*\)",
        ),
        (
            4,
            "evaluates what it replaces",
            r"(?i)\bpreg_replace\s*\(\s*['\"][^'\"\n]{1,80}[/#~|@!%][imsxADSUXJu]*e[imsxADSUXJu]*['\"]\s*,[^;\n]{0,200}\$",
        ),
        (
            3,
            "runs a visitor's words in a shell",
            r"(?i)([;{=]|\becho|\bprint|\breturn|<\?php|<\?=)\s*@?`[^`\n]{0,200}\$_(GET|POST|REQUEST|COOKIE)\s*\[",
        ),
        (
            3,
            "writes a file of a visitor's words",
            r"(?i)(?:^|[^#/>:\w$])(file_put_contents|fwrite|fputs)\s*\([^;\n]{0,120}\$_(GET|POST|REQUEST|COOKIE)\b[^;\n]{0,80}\)",
        ),
        (
            3,
            "includes what a visitor names",
            r"(?i)(?:^|[^>:\w$])(include|require)(_once)?(\s|\()\s*\(?\s*@?[^;\n]{0,60}\$_((GET|POST|REQUEST|COOKIE)\s*\[|SERVER\s*\[\s*['\"]HTTP_)",
        ),
        (
            3,
            "includes what is no code",
            r"(?i)(?:^|[^>:\w$])(include|require)(_once)?\b\s*\(?\s*[^;\n\"']{0,60}[\"'][^\"'\n;]{0,300}\.(ico|jpe?g|png|gif|bmp|webp|svg|zip|gz|pdf|woff2?|ttf|mp[34])[\"']",
        ),
        (
            2,
            "includes a text as code",
            r"(?i)(?:^|[^>:\w$])(include|require)(_once)?\b\s*\(?\s*[^;\n\"']{0,60}[\"']([^\"'\n;]{0,300}/\.[^\"'\n;]{0,100}|/[^\"'\n;]{0,300})\.(txt|css|log|dat|tmp|bak)[\"']",
        ),
        (
            3,
            "includes from where everyone may write",
            r"(?i)(?:^|[^>:\w$])(include|require)(_once)?\b\s*\(?\s*[\"'](/tmp/|/var/tmp/|/dev/shm/|php://input|https?://|ftp://)",
        ),
        (
            2,
            "includes text that it makes, or a part of an archive",
            r"(?i)(?:^|[^>:\w$])(include|require)(_once)?\b\s*\(?\s*[\"'](data|phar|compress\.\w+|zip|expect):",
        ),
        (
            2,
            "calls functions of the system's libraries",
            r"(?i)\bFFI\s*::\s*cdef\s*\(\s*[\"'][^\"'\n]{0,200}\b(system|exec\w*|popen)\s*\(",
        ),
        (
            2,
            "makes objects of a visitor's words",
            r"(?i)\bunserialize\s*\(\s*@?(base64_decode\s*\(\s*|stripslashes\s*\(\s*|urldecode\s*\(\s*)?@?\$_(GET|POST|REQUEST|COOKIE)\b",
        ),
        (
            3,
            "includes what is decoded on the way",
            r"(?i)\b(?:include|require)(?:_once)?\s*\(?\s*@?[\"']php://filter/[\w./=|-]{0,80}(?:decode|inflate|decrypt|rot13)",
        ),
        (
            3,
            "reads code from pictures or comments of its own",
            r"(?i)\b(eval|assert|include)\b[^;\n]{0,100}(exif_read_data|iptcparse|__COMPILER_HALT_OFFSET__|getimagesize)",
        ),
        (
            4,
            "makes an object or a call of a visitor's words",
            r"(?i)(\bnew\s+|->\s*\{?|::\s*\{?|Reflection(Function|Method|Class)\s*\(\s*)@?\$_(GET\s*\[|POST\s*\[|REQUEST\s*\[|COOKIE\s*\[|SERVER\s*\[\s*['\"]HTTP_)",
        ),
        (
            3,
            "puts letters together by arithmetic",
            r"([\"'][^\"'\n]{1,3}[\"']\s*[\^|&]\s*[\"'][^\"'\n]{1,3}[\"']\s*\)?\s*\.\s*\(?\s*){2,}",
        ),
        (
            3,
            "is written without letters",
            r"\$_{2,}\s*\(\s*\$|\$_{2,}\s*\[\s*\$?_{1,}|\$\{\s*[\"'][^\"'\w\s]{2,40}[\"']\s*[\^|~&]",
        ),
        (
            2,
            "unpacks what it runs",
            r"(?i)\b(eval|assert)\s*\(\s*[@'\"?>.\s]*(gzinflate|gzuncompress|gzdecode|base64_decode|str_rot13|strrev|hex2bin|convert_uudecode|rawurldecode|urldecode|pack|openssl_decrypt|file_get_contents|curl_exec)\b",
        ),
        (
            2,
            "shows code for browsers that is encoded",
            r"[\"'](?:PHNjcmlwd|PGlmcmFtZ)[A-Za-z0-9+/]{8}",
        ),
        (
            2,
            "runs a string of its own",
            r"(?i)\$\{\s*[\"'](GLOBALS|_GET|_POST|_COOKIE|_REQUEST|\\x[0-9a-f]{2}|\\[0-7]{2,3})|\$GLOBALS\s*\[[^\]\n]{1,60}\]\s*\(\s*[@$'\"]",
        ),
    )
)
_ANY_PHP = _compiled("|".join(f"(?:{pattern.pattern})" for _, _, pattern in _PHP), memory=256 << 20)
"""One look at a file for all of these, since nearly every file has none."""
_CLASS = _compiled(r"(?m)^(?:abstract |final )?(?:class|interface|trait) \w+[^\n{]{0,200}(?:\{|$)")
_RUNS_INPUT = _compiled(
    rf"(?i)(?:^|[^>:\w$])(?:{_RUNS})\s*\([^;\n]{{0,160}}?\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES)\b"
)
_GUARDED = re.compile(
    r"(?i)escapeshell(?:arg|cmd)|intval|\(int\)|assert\s*\(\s*!?\s*(?:isset|empty|is_\w+|array_key_exists|in_array|count|strlen)\s*\("
)
_STRING = re.compile(r"'((?:[^'\\\n]|\\.){0,400})'|\"((?:[^\"\\\n]|\\.){0,400})\"")
_JOINT = re.compile(r"(['\"])\s*\.\s*(['\"])")
_CHR = re.compile(r"(?i)(?:chr\s*\(\s*(\d{1,3}|0x[0-9a-f]{1,2})\s*\)\s*\.?\s*){3,80}")
_CHR_ONE = re.compile(r"(?i)chr\s*\(\s*(\d{1,3}|0x[0-9a-f]{1,2})\s*\)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-7]{2,3}))")
_DANGEROUS = frozenset(
    f"{_RUNS}|call_user_func|call_user_func_array|base64_decode|gzinflate|gzuncompress|str_rot13|file_put_contents|_get|_post|_request"
    "|_cookie|_server|globals|$_get|$_post|$_request|$_cookie|fsockopen|move_uploaded_file".split("|")
)
"""Names, in small letters, that nobody puts together without a reason."""
_BACKWARDS = {name[::-1]: name for name in _DANGEROUS}
_ROTATED = {codecs.encode(name, "rot13"): name for name in _DANGEROUS}
_BLANK = r"[\t-\r\x1c-\x20\x85\xa0]"
"""What Python counts as a blank among the characters of Latin-1; RE2 knows fewer of them."""


def _base64_begins(names: Iterable[str]) -> set[str]:
    """Return the four characters of base64 with which names begin, in small and capital letters."""
    cases = (product(*((letter.lower(), letter.upper()) for letter in name[:3])) for name in names)
    return {base64.b64encode("".join(case).encode()).decode() for each in cases for case in each}


def _is_written(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names)))


_BASE64_BEGINS = frozenset(_base64_begins(_DANGEROUS))
_MAY_BE_PUT_TOGETHER = _compiled(
    rf"'{_BLANK}*\.{_BLANK}*'|\"{_BLANK}*\.{_BLANK}*\"|\\x[0-9a-fA-F]{{2}}|\\[0-7]{{2}}"
    rf"|(?i:chr{_BLANK}*\({_BLANK}*\d\w{{0,3}}{_BLANK}*\){_BLANK}*\.?{_BLANK}*chr)"
    rf"|['\"](?i:{_is_written({*_BACKWARDS, *_ROTATED})})['\"]"
    rf"|['\"](?:{_is_written(_BASE64_BEGINS)})[A-Za-z0-9+/]{{2,}}={{0,2}}['\"]",
    of_bytes=True,
)
"""Without any of it `_put_together` finds nothing: no strings are joined, escaped, turned or encoded."""
_INCLUDES_STRING = _compiled(rf"(?i)(?:include|require)(?:_once)?{_BLANK}*\(?{_BLANK}*@?{_BLANK}*\"", of_bytes=True)
_INCLUDED = re.compile(r"(?i)\b(?:include|require)(?:_once)?\b\s*\(?\s*@?\s*\"((?:[^\"\\\n]|\\.){0,400})\"")
_ASSIGNED = re.compile(rf"\$(\w{{1,60}})\s*=[@(\s]*{_INPUT}\s*[\[{{][^;\n]{{0,80}}?;")
_BUILT = re.compile(
    r"\$(\w{1,60})\s*=\s*(?:'[^'\n]{0,40}'|\"[^\"\n]{0,40}\"|str_rot13|strrev|base64_decode|chr|implode|join|\$\w+\s*[\[{]\d+)[^;\n]{0,300};"
)
_CALLED = re.compile(r"(?:^|[;{}(=!@,.?:&|]|\breturn|\becho)\s*@?\$(\w{1,60})\(", re.MULTILINE)
_ANY_INPUT = _compiled(rf"(?i){_INPUT}")
_CALLS = _compiled(r"\$\w{1,60}\(")
_NOT_CODE = re.compile(r"(?i)\.(?:ico|jpe?g|png|gif|bmp|webp|svg|txt|css|log|dat|tmp|bak|gz|zip)$")
_EVAL_OF = re.compile(r"(?i)(?<![\w$>:])eval\s*\(\s*@?\$|@assert\s*\(\s*\$")
_EXTRACTED = re.compile(
    r"(?i)\b(?:extract\s*\(\s*@?\$_(?:GET|POST|REQUEST|COOKIE)\b|(?:mb_)?parse_str\s*\(\s*@?\$_[^,;\n]{1,80}\)\s*;)"
    r"|foreach\s*\(\s*\$_(?:GET|POST|REQUEST|COOKIE)\s+as\s+\$(\w{1,60})\s*=>[^;{\n]{0,80}[;{)]\s*\$\{?\$\1"
)
_HEADERS = re.compile(r"(?i)\$(\w{1,60})\s*=\s*@?(?:getallheaders|apache_request_headers)\s*\(\s*\)")
_CALLED_BY_KEY = re.compile(r"\$(\w{1,60})\s*\[[^\]\n]{1,60}\]\s*\(")
_UPLOADS = re.compile(r"(?i)\b(?:move_uploaded_file|copy)\s*\(\s*\$_FILES\b")
_ADMITTED = re.compile(
    r"(?i)\bwp_(?:insert|create)_user\s*\(|\bwp_set_auth_cookie\s*\(|->\s*set_role\s*\(\s*['\"]administrator"
    r"|\bINSERT\s+INTO\s+[`'\"{$\w.>-]*(?:users|admin_user)\b"
)
_BY_A_VISITOR = re.compile(r"\$_(?:GET|REQUEST|COOKIE|SERVER)\[")
_JSP = _compiled(
    r"(?i)(getRuntime\s*\(\s*\)\s*\.\s*exec|new\s+ProcessBuilder|defineClass|ScriptEngineManager|Class\.forName\s*\(\s*\"?java\.lang\.Runtime)"
)
_JSP_INPUT = re.compile(r"(?i)request\.(?:getParameter|getHeader|getInputStream|getReader)|pageContext")
_CGI = _compiled(
    r"(?im)(eval|exec|system|popen|sh\s+-c|`|\$\()[^\n]{0,120}(\$\{?QUERY_STRING|\$ENV\{['\"]?(QUERY_STRING|HTTP_\w+)|\$\{?HTTP_\w+|param\s*\(|getvalue\s*\(|FieldStorage|\brequest\.(args|form|values|GET|POST|params|query|headers|cookies|get_json|json|data)\b|environ(\[|\.get\s*\()\s*['\"](QUERY_STRING|HTTP_))"
)
_ROUTE = re.compile(
    r"(?i)@\w{1,30}\.(?:route|get|post|api_route)\s*\(|^(?:get|post)\s+[\"']/|def application\(environ", re.MULTILINE
)
_ANY_COMMAND = re.compile(
    r"\bos\.(?:popen|system)\s*\(\s*\w{1,40}\s*\)|\bsubprocess\.\w{1,20}\([^)\n]{0,200}shell\s*=\s*True|`#\{params|\b(?:exec|eval)\(\s*(?:zlib|base64|marshal|params)"
)
_ASP = _compiled(
    r"(?i)\b(eval|execute|executeglobal)\s*\(?\s*request\b|WScript\.Shell|Process\.Start\s*\([^)]*request"
)
_SERVER = _compiled(r"(?m)\brequire\s*\(\s*[\"']|^(?:import|export)\s|\bmodule\.exports\b")
"""A program, and no script of a page."""
_NODE = _compiled(
    r"(?i)(^|[^.\w])(eval|new\s+Function|exec(Sync)?|spawn(Sync)?|execFile(Sync)?)\s*\([^;\n]{0,160}\b\w{1,20}\.(query|body|headers|params|cookies)\b"
    r"|child_process[\"']\s*\)\s*\.\s*\w*(exec|spawn)\w*\s*\([^;\n]{0,200}\b\w{1,20}\.(url|query|body|headers|params|cookies)\b"
    r"|\.run(InNewContext|InThisContext|InContext)\s*\([^;\n]{0,160}\b\w{1,20}\.(query|body|headers|params|cookies)\b"
)
"""What a visitor sends to a server in JavaScript is run there."""
_CARD = _compiled(
    r"(?i)(?:querySelector(?:All)?|getElement\w+|jQuery|\$)\s*\(\s*[^;\n]{0,60}(?:cc[_-]?(?:num|exp|cid)|card[_-]?(?:num|cvv|holder|exp)|cvv|cvc|payment|billing)"
    r"|location(?:\.href|\.pathname|\.search)?[^;\n]{0,60}(?:checkout|onepage|payment|onestep)|/(?:checkout|onepage|onestep)[^;\n]{0,40}/[a-z]*\.test"
)
_SENT = _compiled(
    r"(?i)new\s+Image\s*\(\s*\)\s*\)?\s*\.\s*src|\.src\s*=[^=;\n]{0,80}(?:\?|btoa|encodeURI)|sendBeacon|XMLHttpRequest|\bfetch\s*\(|new\s+WebSocket|\$\.(?:ajax|post)"
)
_CODED = _compiled(
    r"(?i)\batob\s*\(|fromCharCode|\\x[0-9a-f]{2}\\x[0-9a-f]{2}\\x[0-9a-f]{2}|btoa\s*\(|_0x[0-9a-f]{4,6}\b|unescape\s*\(\s*['\"]%"
)
_INCLUDED_COMMAND = _compiled(r"(?i)<!--\s*#\s*exec\s+cmd\s*=")
"""A command of Apache's mod_include."""
_INCLUDED_INPUT = _compiled(
    r"(?i)<!--\s*#\s*exec\s+cmd\s*=[^>]{0,200}\$\{?(?:HTTP_|QUERY_STRING|REQUEST_URI|PATH_INFO)"
)
_SENT_AWAY = _compiled(
    r"(?i)(?:(?:sendBeacon|\bfetch|\.open|\.ajax|\.post|new\s+(?:WebSocket|EventSource))\s*\(|\.src\s*=)[^;\n]{0,80}"
    rf"[\"'](?:https?:|wss?:)?//{PUBLIC}[/:\"'?]"
)
_SENT_CODED = _compiled(
    r"(?i)(?:\.src\s*=|sendBeacon\s*\(|\bfetch\s*\(|\.open\s*\(|\.ajax\s*\(|\.post\s*\(|new\s+WebSocket\s*\()[^;\n]{0,80}"
    r"(?:\batob\s*\(|fromCharCode|\\x[0-9a-f]{2}\\x[0-9a-f]{2})"
)
_FORM = _compiled(
    r"(?i)\bsubmit\b|FormData|\.forms\b|querySelector\w*\s*\(\s*[\"'](?:form|input)|\.value\b|[\"'](?:change|input|keyup|keypress|keydown)[\"']\s*,"
)
_REDIRECT = _compiled(
    r"(?i)(?:document\.write|window\.location|appendChild)[^;\n]{0,120}(?:fromCharCode|atob|unescape)"
)
_EVALS = _compiled(r"(?i)\beval\s*\(\s*(?:atob|String\.fromCharCode|unescape|function\s*\(\s*p\s*,\s*a\s*,\s*c)")


def signs_of_php(content: bytes) -> Iterator[Sign]:
    """Yield what a file of PHP, or one that holds PHP, does; linear in its size.

    Of a file that declares a class, as libraries do, what is only odd weighs less.
    """
    library = _CLASS.search(content) is not None
    for sign in _signs_of_php(content):
        yield Sign(sign.weight - 1, sign.text) if library and sign.weight <= 2 else sign


def _signs_of_php(content: bytes) -> Iterator[Sign]:
    source = uncommented(content[:LARGEST].decode("latin-1"))
    content = source.encode("latin-1")
    for weight, text, pattern in _PHP if _ANY_PHP.search(content) else ():
        if pattern.search(content):
            yield Sign(weight, text)
    yield from (Sign(weight, text) for weight, text in flows(source))
    if any(not _GUARDED.search(found) for found in _found(_RUNS_INPUT, content)):
        yield Sign(4, "runs what a visitor sends")
    put_together = sorted(_put_together(source)) if _MAY_BE_PUT_TOGETHER.search(content) else []
    # What is called is looked for only where a visitor's words, or a name that was put together, could be.
    lower = source.lower()
    asked = bool(put_together) or "parse_str" in lower or _ANY_INPUT.search(content) is not None
    asked = asked and _CALLS.search(content) is not None
    called = {found[1] for found in _CALLED.finditer(_STRING.sub("''", source))} if asked else set()
    if called and called & {found[1] for found in _ASSIGNED.finditer(source)}:
        yield Sign(3, "calls a function that a visitor names")
    if called and _EXTRACTED.search(source):
        yield Sign(3, "makes variables of a visitor's words, and calls one")
    if "headers" in lower and {found[1] for found in _HEADERS.finditer(source)} & {
        found[1] for found in _CALLED_BY_KEY.finditer(source)
    }:
        yield Sign(4, "calls a function that a visitor names")
    if put_together:
        built = called & {found[1] for found in _BUILT.finditer(source)}
        yield Sign(3 if built or len(put_together) > 1 else 2, f"puts names together: {', '.join(put_together)[:80]}")
    for found in _INCLUDED.finditer(source) if "\\" in source and _INCLUDES_STRING.search(content) else ():
        if "\\" in found[1] and (_NOT_CODE.search(plain := _decoded(found[1])) or plain.startswith(("/tmp", "/dev"))):  # noqa: S108
            yield Sign(3, "includes what is no code, by a name that is written in numbers")
            break
    if len(source) < 4096 and ("eval" in lower or "assert" in lower) and _EVAL_OF.search(source):
        yield Sign(2, "evaluates what is in a variable")
    if len(source) < 8192 and "administrator" in source and _ADMITTED.search(source) and _BY_A_VISITOR.search(source):
        yield Sign(3, "makes an administrator of a visitor")
    if len(source) < 4096 and "$_files" in lower and _UPLOADS.search(source):
        yield Sign(2, "keeps whatever a visitor uploads")


def _found(pattern: re2._Regexp, content: bytes) -> Iterator[str]:
    for number, found in enumerate(pattern.finditer(content)):
        if number > 200:
            return
        yield found.group(0).decode("latin-1")


def _put_together(source: str) -> set[str]:
    """Return dangerous names that strings of the source come to, and that do not stand in it as they are."""
    joined = _JOINT.sub(lambda found: "" if found[1] == found[2] else found[0], source)
    found: set[str] = set()
    for number, match in enumerate(_STRING.finditer(joined)):
        if number > _MOST_STRINGS:
            break
        text = match[1] or match[2] or ""
        if len(text) < 4 or len(text) > 120 or (" " in text and "\\" not in text):
            continue
        if len(text) > _LONGEST_NAME and "\\" not in text:
            continue
        plain = _decoded(text) if match[2] and "\\" in text else text
        lower = plain.lower()
        for candidate in (lower, _BACKWARDS.get(lower), _ROTATED.get(lower), _of_base64(plain).lower()):
            if candidate in _DANGEROUS and (
                candidate != text.lower() or (f"'{text}'" not in source and f'"{text}"' not in source)
            ):
                found.add(candidate)
    for number, match in enumerate(_CHR.finditer(source)):
        if number > 200:
            break
        plain = "".join(chr(int(one, 0) & 255) for one in _numbers(match[0]))
        if plain.lower() in _DANGEROUS:
            found.add(plain.lower())
    return found


def _numbers(text: str) -> Iterator[str]:
    for found in _CHR_ONE.finditer(text):
        yield found[1] if found[1].startswith(("0x", "0X")) else found[1].lstrip("0") or "0"


def _decoded(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr((int(found[1], 16) if found[1] else int(found[2], 8)) & 255), text)


def _of_base64(text: str) -> str:
    """Decode a text that may be one of the dangerous names in base64; empty for any other."""
    if (
        len(text) % 4
        or len(text) < 8
        or text[:4] not in _BASE64_BEGINS
        or not re.fullmatch(r"[A-Za-z0-9+/]+=*", text)
    ):
        return ""
    try:
        return base64.b64decode(text).decode("ascii", "replace")
    except (binascii.Error, ValueError):
        return ""


def signs_of_script(name: str, content: bytes) -> Iterator[Sign]:
    """Yield what a file of JSP, CGI or JavaScript does, by the end of its name; linear in its size."""
    content = content[:LARGEST]
    source = content.decode("latin-1")
    end = name.rpartition(".")[2].lower()
    if end in {"jsp", "jspx", "jspf"}:
        if _JSP.search(content):
            yield Sign(4 if _JSP_INPUT.search(source) else 2, "runs programs, or loads classes, that a visitor names")
    elif end in {"asp", "aspx", "ashx", "asmx"}:
        if _ASP.search(content):
            yield Sign(4, "runs what a visitor sends")
    elif end in {"js", "mjs", "cjs", "ts"}:
        if _NODE.search(content) and _SERVER.search(content):
            yield Sign(3, "runs what a visitor sends")
        yield from _signs_of_javascript(content)
    elif end in {"shtml", "shtm", "stm"}:
        if _INCLUDED_COMMAND.search(content):
            yield Sign(3 if _INCLUDED_INPUT.search(content) else 1, "runs a command where the server includes files")
    elif _CGI.search(content):
        yield Sign(3, "runs what a visitor sends")
    elif len(content) < 8192 and _ROUTE.search(source) and _ANY_COMMAND.search(source):
        yield Sign(2, "runs a command that it was given, and answers requests")


def _signs_of_javascript(content: bytes) -> Iterator[Sign]:
    if _CARD.search(content) and _SENT.search(content) and _CODED.search(content):
        yield Sign(2, "reads a form of payment, and sends something to a name that is encoded")
    if _SENT_AWAY.search(content) and _FORM.search(content):
        yield Sign(2, "sends what is filled into a form to an address without a name")
    if _SENT_CODED.search(content) and _FORM.search(content):
        yield Sign(2, "sends what is filled into a form to a name that is encoded")
    if _REDIRECT.search(content) or _EVALS.search(content):
        yield Sign(1, "runs or writes what it decodes first")
