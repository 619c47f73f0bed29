"""What any file of settings may say, whichever daemon reads it: what is loaded, searched, included, written, or reached."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.findings.pattern import search
from stopgap.orchestrator.findings.provenance.mechanisms import ELSEWHERE, PRELOADED, Directive
from stopgap.orchestrator.findings.provenance.places import is_hidden, place_of

_INCLUDED = Directive(
    r"(?i)^\s*(?:[@#!$]?include(?:_?dir|_?config|_?optional|_if_exists)?|\.include|substack|source|\.)\b?"
    r"\s*[=:(]?\s*[\"'<]?(?P<load>/[^\s\"'>;)*?\[]+)"
)
"""Another file of settings, in whatever form a daemon includes one."""
_SERVED = Directive(
    r"(?i)(?:log|out|dest|dump|file|target)\w*[\"']?\s*[=:\s]\s*[\"']?"
    r"(?P<load>/(?:var/www|srv|usr/share/nginx/html|home/[^/\s]+/(?:public_html|www))/\S*\.(?:php\d?|phtml|pht|phar|jspx?|aspx?|cgi))\b",
    3,
)
"""A daemon writes a file that the web server runs."""
_STARTED = Directive(
    r"(?i)(?:log|out|dest|dump|target|append|dir)\w*[\"']?\s*[=:\s]\s*[\"']?"
    r"(?P<load>/(?:etc/(?:cron|profile|ld\.so|sudoers|pam\.d|init\.d|rc)|var/spool/cron|root/\.ssh)\S*|/\S*/authorized_keys\S*)",
    3,
)
"""A daemon writes where something starts, or is allowed, by itself."""
_SENT = Directive(
    r"(?i)(?:^|[\s_.\"'-])(?:dns|(?:https?_|socks_|all_)?proxy|peer|relay_?host|\w*milters?|endpoint|remote\w*|upstream|forward(?:ers?|_to)?|index-url|mirror|server|master)"
    r"[\"']?\s*(?:[=:]|\s)\s*[\[\"']?(?:\w+:(?://)?)?(?:[^@/\s\"']*@)?" + ELSEWHERE,
    1,
)
"""Names, mail or requests are sent to an address of the Internet that has no name."""
_RELAYED = Directive(r"(?i)\b(?:smtps?|lmtp|relay|error):\[?" + ELSEWHERE, 1)
_LET_IN = Directive(
    r"(?i)^\s*(?:socks|client)?method\s*:\s*none|\bfrom:\s*0(?:\.0\.0\.0)?/0\b|^\s*http_access\s+allow\s+all\b"
    r"|^\s*mynetworks\s*=(?:.*[\s,])?0\.0\.0\.0/0|^\s*auth\s+none\s*$"
    r"|^\s*c\.\w+\.(?:token|password|hashed_password)\s*=\s*u?(?:''|\"\")\s*$|^\s*skip[-_]grant[-_]tables\b",
    2,
)
"""A relay, a proxy, a notebook or a database lets anybody in."""
_UNGUARDED = Directive(
    r"(?i)^\s*(?:protected-mode\s+no\b|authorization\s*:\s*[\"']?disabled\b|xpack\.security\.enabled\s*:\s*false\b|auth\s*:\s*none\s*$)",
    1,
)
"""A server asks for no password; where it listens for this host alone, that is usual."""
_WRITTEN_DOWN = Directive(
    r"(?i)^\s*(?:auth_debug_passwords\s*=\s*yes|auth_verbose_passwords\s*=\s*plain|log_passwords?\s*[=:]\s*(?:yes|true|on|1)"
    r"|LOG_UNKFAIL_ENAB\s+yes)\b",
    2,
)
"""Passwords are written into logs."""
_KEYS_ELSEWHERE = Directive(
    r"(?i)-o\s*[\"']?(?:AuthorizedKeys(?:File|Command)|TrustedUserCAKeys|PermitEmptyPasswords)\b", 2
)
"""sshd(8) is told on its command line who may log in."""
_FROM = Directive(
    r"(?i)\b(?:https?|ftp|tftp|wss?|tcp|udp|socks5h?|ldaps?|git|ssh|rsync)://(?:[^@/\s\"']*@)?" + ELSEWHERE, 1
)
"""Something is fetched from, or sent to, an address of the Internet that has no name."""
_SHELL_GIVEN = Directive(
    r"(?i)^\s*[\"']?[\w./:-]*(?:exec|command|cmd|program|script|hook|handler|filter|helper|run|start|action|spawn|server)\w*[\"']?"
    r"\s*[=:\s]\s*\[?[\"']?[-@:+!]*(?:/usr)?/bin/(?:(?:ba|da|z|k)?sh|busybox|socat|nc(?:at|\.\w+)?)[\"']?(?:\s+-\w*i\b|\s*[\"',\]]*\s*$)",
    3,
)
"""A daemon is given a shell, and no command, to start."""
_CODE_GIVEN = Directive(
    r"(?i)\b(?:os\.(?:execute|system|popen)|io\.popen|subprocess\.\w+|Runtime\.getRuntime\(\)\.exec|child_process|"
    r"polkit\.spawn|Process\.(?:Start|spawn))\s*[(.\[]",
    2,
)
"""A file of settings holds code that starts programs."""
_INJECTED = Directive(
    r"(?i)^\s*(?:subs?_filter|Substitute|add_after_body|http-response\s+\S+)\b.*<(?:script|iframe)\b[^>]*\bsrc\s*=\s*[\\\"']*(?:https?:)?//",
    2,
)
"""A web server writes code of another host into the pages that it shows."""
_GENERAL = (
    PRELOADED, _SERVED, _STARTED, _LET_IN, _UNGUARDED, _WRITTEN_DOWN, _KEYS_ELSEWHERE, _SHELL_GIVEN, _CODE_GIVEN, _INJECTED, _INCLUDED, _RELAYED,
    _SENT, _FROM,
)  # fmt: skip
_SEARCH_PATH = (
    r"(?i)(?:^|[\s\"'=])(?P<key>secure_path|(?-i:(?:ENV_)?(?:SU)?PATH)|LD_LIBRARY_PATH|PYTHONPATH|PERL5LIB|RUBYLIB|NODE_PATH|CLASSPATH"
    r"|LUA_C?PATH|plugin[_-]?dir|extension_dir|include_path|modules?_?path|library_path|dynamic_library_path)[\"']?"
    r"\s*\+?[=:\s]\s*[\"']?(?P<value>[^\s\"';]+)"
)
_PARTS = re.compile(r"[:,;]")
_MOST_PARTS = 64
_AS_IT_IS = re.compile(r"^/etc/(?:resolv\.conf|netplan/|network/interfaces|hosts|fail2ban/|ssh/|resolvconf/)")
"""Every host has addresses there."""


def of_setting(path: str, text: str) -> Iterator[tuple[Directive, str]]:
    """Yield what a line of a file of settings says, with the file that it leads to; empty where it leads to none.

    >>> [(each.weight, to) for each, to in of_setting("/etc/x.conf", "general_log_file = /var/www/html/x.php")]
    [(3, '/var/www/html/x.php')]
    """
    for directive in _GENERAL:
        if directive in {_SENT, _RELAYED, _FROM} and _AS_IT_IS.match(path):
            continue
        groups = search(directive.pattern, text)
        if groups is not None:
            yield directive, groups.get("load") or ""
            break
    found = search(_SEARCH_PATH, text)
    for part in _PARTS.split(found["value"] or "")[:_MOST_PARTS] if found else ():
        weight = _of_searched(path, found["key"] or "", part) if found else 0
        if weight:
            yield Directive("", weight), ""
            return


def _of_searched(path: str, key: str, part: str) -> int:
    """Return the weight of a directory that is searched for programs or libraries."""
    place = place_of(part)
    if place == "open":
        return 3
    if is_hidden(part):
        return 0 if path.startswith(("/home/", "/root/")) else 3
    if place in {"home", "web"} and not path.startswith(("/home/", "/root/")):
        return 2
    if place == "data" and key.upper().endswith("PATH") and key.upper() != "INCLUDE_PATH":
        return 2
    return 0
