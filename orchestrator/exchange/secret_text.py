"""Secrets in the texts of playbooks, told by their shape."""

from __future__ import annotations

import re

from stopgap.orchestrator.text import tr

SECRET = tr("it holds a secret; playbooks are copied: take the secret out")
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bsshpass\s+-p|://[^/\s:@]+:[^/\s:@]+@|"
    r"--pass(word|wd|phrase)?[= ]\s*[^\s_-]|"
    r"\bauthorization:\s*(basic|bearer)\s+[^_\s]|\b(PGPASSWORD|MYSQL_PWD|password|passwd)=[^\s_$&]",
    re.IGNORECASE,
)
_CLIENT = re.compile(r"\b(curl|wget)\b", re.IGNORECASE)
_LOGIN = re.compile(r"\s(-u|--user)\s+\S+:\S", re.IGNORECASE)


def holds_secret(text: str) -> bool:
    """Return True for a text with a private key, a password in an argument, or a token; linear in the length."""
    return bool(_SECRET_TEXT.search(text)) or any(map(_logs_in, text.split("\n")))


def _logs_in(line: str) -> bool:
    client = _CLIENT.search(line)
    return client is not None and bool(_LOGIN.search(line, client.end()))
