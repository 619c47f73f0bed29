"""Where a visitor's words go in a file of PHP: through variables, into what runs, loads, opens or sends them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

import re2

from stopgap.orchestrator.findings.pattern import automaton

_compiled = partial(automaton, memory=64 << 20)

SMALL = 8 << 10
"""Bytes up to which a file is a page by itself; a library that does the same has checks elsewhere."""
_LARGEST = 256 << 10
_MOST = 4000
"""Assignments of one file that are followed."""
_ROUNDS = 3
_MOST_FUNCTIONS = 200
_WORDS = ("$_", "php://input", "headers", "/sh", "/bash", "eval")
"""Without any of them nothing below is in a file."""
_COMMENT = _compiled(r"(?s)/\*.{0,60}?\*/")
_MANY_COMMENTS = 6
_SOURCE = _compiled(
    r"\$_(?:GET|POST|REQUEST|COOKIE)\b|\$_SERVER\s*\[\s*['\"](?:HTTP_(?:[B-GJ-W]|ACCEPT\b|ACCEPT_[LC]|X_(?:[A-EG-Z]|F[^O])|A[^C])|QUERY_STRING)"
)
_INPUT = _compiled(
    r"(?i)^[\s@(]*(?:\w+\s*\([\s@(]*){0,4}['\"]php://input|\b(?:getallheaders|apache_request_headers)\s*\("
)
_GUARD = _compiled(
    r"(?i)escapeshell|\bintval\b|\(int\)|\(bool\)|\bin_array\b|\barray_key_exists\b|\bhash|\bmd5\b|\bsha1\b|===|\bfilter_|\bsanit"
)
_FETCHED = _compiled(
    r"(?i)(?:file_get_contents|fopen|file|curl_init|stream_get_contents)\s*\(\s*['\"](?:https?:|ftp:|[^'\"\n]{0,200}\.(?:png|jpe?g|gif|ico|txt|dat|log|css|svg|zip|bin)['\"])"
    r"|^\s*['\"](?:https?|ftp)://"
)
"""From another host, or out of what is no code."""
_BEGINS = _compiled(
    r"^[\s@(]*(?:['\"]\?>['\"]\s*\.\s*)?(?:(?:\w+\s*\(|\(\w+\))[\s@(]*){0,4}(?:\$(\w{1,60})|([A-Z]\w{0,40}))"
)
"""With what an expression begins, functions around it left aside; a command that is put together begins with a literal."""
_ASSERTS = _compiled(
    r"(?i)(?:^|[^\w>:$])assert\s*\(\s*@?(?:(?:base64_decode|stripslashes|trim)\s*\(\s*)?\$(\w{1,60})\s*(?:\[[^\]\n]{0,40}\]\s*)?[,)]"
)
_ASSIGNED = _compiled(r"\$(\w{1,60})\s*(?:\[[^\]\n]{0,60}\]\s*)?\.?=([^=>;][^;]{0,400});")
_EACH = _compiled(r"\bforeach\s*\(\s*([^;{]{1,200}?)\s+as\s+(?:&?\$(\w{1,60})\s*=>\s*)?&?\$(\w{1,60})\s*\)")
_NAME = _compiled(r"\$(\w{1,60})|(?:^|[^\w'\"$>:])([A-Z]\w{0,40})")
_CONSTANT = _compiled(r"\bdefine\s*\(\s*['\"](\w{1,40})['\"]\s*,\s*([^;]{1,200})\)\s*;")
_RUNS = _compiled(
    r"(?i)(?:^|[^\w>:$])(eval|system|passthru|shell_exec|exec|popen|proc_open|pcntl_exec|create_function)\s*\(([^;]{0,240})"
)
_TICKS = _compiled(r"(?:[;{=(]|\becho|\bprint|\breturn)\s*@?`([^`\n]{1,240})`")
_CALLS = _compiled(r"(?m)(?:^|[;{}(=!@,?:&|]|\breturn|\becho)\s*@?\$(\w{1,60})\s*(?:\[[^\]\n]{0,40}\]\s*)?\(")
_BACK = _compiled(r"(?i)(?:^|[^\w>:$])call_user_func(?:_array)?\s*\(\s*@?\$(\w{1,60})\s*\[")
_HANDLER = _compiled(
    r"(?i)\b(?:set_(?:error|exception)_handler|register_tick_function|spl_autoload_register|header_register_callback|register_shutdown_function"
    r"|iterator_apply|array_walk(?:_recursive)?|array_map|array_filter|u[ak]?sort|usort|array_reduce)\s*\(\s*(?:@?\$_(?:GET|POST|REQUEST|COOKIE)\b"
    r"(?:\s*\[[^\]\n]{1,40}\])?\s*(?:,\s*@?\$_\w|\))|[^;()]{0,80},\s*['\"](?:assert|system|exec|passthru|shell_exec|popen)['\"])"
)
_CALLBACK = _compiled(
    r"(?i)(?:^|[^\w>:$])(?:array_filter|array_walk(?:_recursive)?|array_reduce|array_(?:diff|intersect)_u\w{1,6}|u[ak]?sort|usort|preg_replace_callback)"
    r"\s*\([^;]{1,120},\s*@?\$(\w{1,60})\s*[,)]"
)
_CALLBACK_FIRST = _compiled(
    r"(?i)(?:^|[^\w>:$])(?:array_map|forward_static_call|register_(?:shutdown|tick)_function|ob_start|set_(?:error|exception)_handler"
    r"|spl_autoload_register|header_register_callback|iterator_apply)\s*\(\s*@?\$(\w{1,60})\s*[,)]"
)
_EXTRACTED = _compiled(r"(?i)\bextract\s*\(\s*@?\$_(?:GET|POST|REQUEST|COOKIE)\b")
_FUNCTION = _compiled(r"(?i)\bfunction\s+&?\s*(\w{1,60})\s*\(([^(){};]{1,300})\)")
_PARAMETER = _compiled(r"\$(\w{1,60})")
_CALLED_WITH = _compiled(r"(?:\$this->|::|^|[^\w$>:])(\w{1,60})\s*\(")
_DEFINES = ("function ", "function &")
_NAMES_GIVEN = _compiled(
    r"(?i)\bfunction\b[^({]{0,80}\(([^(){};]{1,300})\)|\buse\s*\(([^(){};]{1,300})\)|\bas\s+([^()]{1,120})\)"
)
_LONGEST_CALL = 240
_BRACE = _compiled(r"[{}]")
_PARTS = _compiled(r"'[^']*'|\"[^\"]*\"|[(){}\[\],]")
_CALLED_BY_NAME = _compiled(
    r"(?i)(?:^|[^\w>:$])(?:call_user_func(?:_array)?|eval|assert|system|passthru|shell_exec|exec|popen|proc_open)\s*\(\s*@?\$(\w{1,60})\b"
)
_BY_LETTER = _compiled(r"(?i)\bmb_ereg(?:i)?_replace\s*\([^;]{0,200},\s*['\"][a-z]*e[a-z]*['\"]\s*\)")
_NAMED = _compiled(
    r"(?m)(?:^|[;{}(=@,?:&|]|\breturn|\becho)\s*@?\$\w{1,60}\s*\(\s*@?\$_(?:GET|POST|REQUEST|COOKIE)\s*\["
)
_FILES = _compiled(
    r"(?i)(?:^|[^\w>:$])(?:unlink|rename|chmod|rmdir|readfile|highlight_file|show_source|file_get_contents|file_put_contents|fopen|copy)\s*\(\s*@?\$_(?:GET|POST|REQUEST|COOKIE)\s*\["
)
_MAILS = _compiled(r"(?i)(?:^|[^\w>:$])mail\s*\(\s*@?\$_(?:GET|POST|REQUEST)\s*\[")
_ASKS = _compiled(
    r"(?i)(?:->\s*(?:query|exec|multi_query)|\bmysqli?_query)\s*\(\s*(?:\$\w+\s*,\s*)?@?\$_(?:GET|POST|REQUEST)\s*\["
)
_KEPT = _compiled(r"(?i)\b(?:move_uploaded_file|copy)\s*\(\s*\$(\w{1,60})\s*\[")
_SENT = _compiled(r"\$(\w{1,60})\s*=\s*@?\$_FILES\b")
_SHELL = _compiled(r"(?i)\b(?:fsockopen|stream_socket_client|socket_connect)\s*\(")
_SHELLS = _compiled(r"['\"](?:/usr)?/bin/(?:ba|da|z)?sh\b")
_ROBOTS = _compiled(r"(?is)HTTP_USER_AGENT.{0,400}\b(?:google|bing|yandex|baidu)")
_CLOAKS = _compiled(r"(?i)header\s*\(\s*['\"]\s*Location:\s*https?://|file_get_contents\s*\(\s*['\"]https?://")
_UNMASKS = _compiled(r"(?i)\bchr\s*\(\s*ord\s*\([^;]{0,80}\^\s*ord\s*\(")
_EVALS = _compiled(r"(?i)(?:^|[^\w>:$])(?:eval|assert)\s*\(")
_CARRIES = _compiled(
    r"(?i)(?:^|[^\w>:$])eval\s*\(\s*(?:['\"]\?>['\"]\s*\.\s*)?(?:substr|trim|base64_decode)?\s*\(?\s*\$(\w{1,60})"
)


def uncommented(source: str) -> str:
    """Return a source without short comments, if many comments hide words from a search; else the source as given."""
    return _COMMENT.sub("", source) if source.count("/*", 0, SMALL) >= _MANY_COMMENTS else source


def flows(source: str) -> Iterator[tuple[int, str]]:
    """Yield weight, 1 to 4, and what the source does with a visitor's words; linear in its size.

    >>> list(flows("<?php $c = $_GET['c']; system($c);"))
    [(4, "runs a visitor's words, by way of a variable")]
    """
    source = source[:_LARGEST]
    small = len(source) <= SMALL
    lower = source.lower()
    if not any(word in lower for word in _WORDS):
        return
    if small and "sock" in lower and _SHELL.search(source) and _SHELLS.search(source):
        yield 4, "gives a shell to a connection"
    if small and "http_user_agent" in lower and _ROBOTS.search(source) and _CLOAKS.search(source):
        yield 2, "shows search engines something else than visitors"
    if "ord" in lower and _UNMASKS.search(source) and _EVALS.search(source):
        yield 3, "evaluates what it unmasks letter by letter"
    if not small:
        return
    asked = "php://input" in lower or "headers" in lower or _SOURCE.search(source) is not None
    carried = [found[1] for found in _CARRIES.finditer(source)] if "eval" in lower else []
    tainted, direct, fetched = _followed(source) if asked or carried else (frozenset(), frozenset(), frozenset())
    if asked and (
        any(_goes(found[2], tainted) for found in _RUNS.finditer(source))
        or any(_goes(found[1], tainted) for found in _TICKS.finditer(source))
        or any(found[1] in tainted for found in _ASSERTS.finditer(source))
    ):
        yield 4, "runs a visitor's words, by way of a variable"
    if direct and any(found[1] in direct for found in _called_back(source)):
        yield 3, "calls a function that a visitor names, by way of a variable"
    if asked and "extract" in lower and _EXTRACTED.search(source):
        assigned = {found[1] for found in _ASSIGNED.finditer(source)}
        for found in _NAMES_GIVEN.finditer(source):
            assigned |= {each[1] for each in _PARAMETER.finditer(found.group(0))}
        if any(found[1] not in assigned and not found[1].startswith("_") for found in _called_back(source)):
            yield 3, "makes variables of a visitor's words, and calls one"
    if asked and "function" in lower and _through_functions(source, tainted):
        yield 3, "calls, by way of a function of its own, what a visitor names"
    if any(name in fetched for name in carried):
        yield 3, "evaluates what it reads from elsewhere"
    for pattern, weight, text in _DIRECT if _ANY_DIRECT.search(source) else ():
        if pattern.search(source):
            yield weight, text
    if {found[1] for found in _KEPT.finditer(source)} & {found[1] for found in _SENT.finditer(source)}:
        yield 2, "keeps whatever a visitor uploads"


def _through_functions(source: str, tainted: Collection[str]) -> bool:
    """Tell whether a visitor's words are given to a function of the source that calls or runs that parameter."""
    defined = [found for number, found in enumerate(_FUNCTION.finditer(source)) if number < _MOST_FUNCTIONS]
    calling: dict[str, set[int]] = {}
    for found in defined:
        body = _body(source, found.end())
        if _GUARD.search(body):
            continue
        called = {each[1] for pattern in (_CALLS, _CALLED_BY_NAME) for each in pattern.finditer(body)}
        parameters = [each[1] for each in _PARAMETER.finditer(found[2])]
        places = {place for place, name in enumerate(parameters) if name in called}
        if places:
            calling.setdefault(found[1].lower(), set()).update(places)
    if not calling:
        return False
    for found in _CALLED_WITH.finditer(source):
        places = calling.get(found[1].lower(), set())
        if not places or source.endswith(_DEFINES, 0, found.start(1)):
            continue
        arguments = _arguments(source[found.end() : found.end() + _LONGEST_CALL])
        if any(place < len(arguments) and _goes(arguments[place], tainted) for place in places):
            return True
    return False


def _body(source: str, start: int) -> str:
    """Return the text of a function from behind its parameters to the brace that ends the function."""
    depth = 0
    for found in _BRACE.finditer(source[start : start + SMALL]):
        depth += 1 if found.group(0) == "{" else -1
        if depth <= 0:
            return source[start : start + found.end()]
    return source[start : start + SMALL]


def _arguments(text: str) -> list[str]:
    """Return the arguments of a call, from behind its opening parenthesis, parted at commas of the call itself."""
    arguments, depth, begun = [], 0, 0
    for found in _PARTS.finditer(text):
        part = found.group(0)
        if part in "([{":
            depth += 1
        elif part in ")]}":
            depth -= 1
        if depth < 0 or (part == "," and depth == 0):
            arguments.append(text[begun : found.start()])
            begun = found.end()
        if depth < 0:
            return arguments
    return [*arguments, text[begun:]]


def _called_back(source: str) -> Iterator[re2._Match]:
    """Yield calls of what is in a variable, itself or as a callback; the first group is the variable."""
    for pattern in (_CALLS, _BACK, _CALLBACK, _CALLBACK_FIRST):
        yield from pattern.finditer(source)


_DIRECT = (
    (_HANDLER, 4, "gives a visitor's words to a callback"),
    (_BY_LETTER, 3, "evaluates what it replaces"),
    (_NAMED, 2, "calls what is in a variable with a visitor's words"),
    (_FILES, 2, "opens, or changes, the file that a visitor names"),
    (_MAILS, 2, "sends mail to whom a visitor names"),
    (_ASKS, 2, "asks the database what a visitor says"),
)
_ANY_DIRECT = _compiled("|".join(f"(?:{pattern.pattern})" for pattern, _, _ in _DIRECT))


def _followed(source: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return three sets of variables and constants: with a visitor's words, with a visitor's words assigned directly, and
    with content read from a file or another host.
    """
    pairs = [(found[1], found[2]) for number, found in enumerate(_ASSIGNED.finditer(source)) if number < _MOST]
    pairs += [(f"={found[1]}", found[2]) for found in _CONSTANT.finditer(source)]
    for number, found in enumerate(_EACH.finditer(source)):
        if number < _MOST:
            pairs += [(name, found[1]) for name in (found[2], found[3]) if name]
    pairs = [(name, value) for name, value in pairs if not _GUARD.search(value)]
    direct = {name for name, value in pairs if _goes(value, ())}
    tainted, fetched = set(direct), {name for name, value in pairs if _FETCHED.search(value)}
    for _ in range(_ROUNDS):
        before = len(tainted) + len(fetched)
        tainted |= {name for name, value in pairs if _goes(value, tainted)}
        fetched |= {name for name, value in pairs if any(each in fetched for each in _names(value))}
        if len(tainted) + len(fetched) == before:
            break
    return frozenset(tainted), frozenset(direct), frozenset(fetched)


def _goes(value: str, tainted: Collection[str]) -> bool:
    """Tell whether an expression is a visitor's words: begins with them, or with a variable that holds them."""
    begins = _BEGINS.search(value)
    if _GUARD.search(value) or begins is None:
        return bool(_INPUT.search(value))
    name = begins[1] or f"={begins[2]}"
    return name in tainted or (name.startswith("_") and bool(_SOURCE.search(value))) or bool(_INPUT.search(value))


def _names(value: str) -> Iterator[str]:
    """Yield the variables of an expression, and its constants behind a `=`."""
    for found in _NAME.finditer(value):
        yield found[1] or f"={found[2]}"
