"""Kinds of places in a file system, by who may put programs there."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Place: TypeAlias = Literal["system", "local", "home", "web", "data", "open", ""]
"""`system`: packages alone put programs there; `local`: administrators do; `open`: everyone may write; `data`: of
services; empty where there is no path.
"""
_OPEN = re.compile(r"^/(tmp|var/tmp|dev|run/(lock|shm|user)|var/lock|var/crash)(/|$)")
_LOCAL = re.compile(r"^/(usr/local|opt|srv|snap|nix|app|data|mnt|media)(/|$)")
_HOME = re.compile(r"^/(home/[^/]+|root)(/|$)")
_WEB = re.compile(r"^/(var/www|usr/share/nginx/html|srv/(www|http)|home/[^/]+/(public_html|www|htdocs))(/|$)")
_DATA = re.compile(r"^/(var|run)(/|$)")
_HIDDEN = re.compile(r"/\.[^/.][^/]*|/\.\.[^/]+")
_OF_PEOPLE = re.compile(
    r"^/(home/[^/]+|root)/(\.local/(bin|share/(JetBrains|Steam|flatpak|umake|pnpm|uv|pipx|fnm|mise|virtualenvs))|\.(nvm|cargo|rustup|pyenv|rbenv|npm|asdf|sdkman"
    r"|bun|deno|volta|vscode-server|cursor-server|vscode|oh-my-zsh|fzf|venv|virtualenvs|tmux|vim|config/(nvm|composer"
    r"|yarn)|cache/(pip|ms-playwright|pypoetry|uv|pre-commit)|gem|go|acme\.sh|composer|dotnet|opam|ghcup|foundry|atuin|zinit|zplug|antigen|emacs\.d|config/emacs|dotfiles|claude|codex|ollama|krew|linuxbrew|githooks|git|husky))(?=/|$)"
)
"""Hidden directories of homes in which developers' tools keep programs."""


def place_of(path: str) -> Place:
    """Return the kind of place of an absolute path.

    >>> [place_of(path) for path in ("/usr/sbin/cron", "/opt/x", "/root/x", "/var/tmp/x", "/var/lib/x", "x")]
    ['system', 'local', 'home', 'open', 'data', '']
    """
    if not path.startswith("/"):
        return ""
    kinds: tuple[tuple[re.Pattern[str], Place], ...] = (
        (_OPEN, "open"), (_WEB, "web"), (_LOCAL, "local"), (_HOME, "home"), (_DATA, "data"),
    )  # fmt: skip
    return next((place for pattern, place in kinds if pattern.match(path)), "system")


def is_hidden(path: str) -> bool:
    """Tell whether a path has a hidden part, other than the directories that developers' tools keep in homes.

    >>> [is_hidden(path) for path in ("/usr/lib/.x/y", "/home/a/.cargo/bin/rg", "/home/a/.cache/d", "/etc/x.d/y")]
    [True, False, True, False]
    """
    known = _OF_PEOPLE.match(path)
    return bool(_HIDDEN.search(path[known.end() :] if known else path))
