"""Parsers that are made only for the command that was typed, so that every command starts fast."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress


class _Noted:
    """A recorder of method calls, for a later replay on another object."""

    def __init__(self) -> None:
        self._asked: list[tuple[str, tuple[object, ...], dict[str, object], _Noted]] = []

    def __getattr__(self, name: str) -> Callable[..., _Noted]:
        def note(*words: object, **settings: object) -> _Noted:
            given = _Noted()
            self._asked.append((name, words, settings, given))
            return given

        return note

    def _ask(self, of: object) -> None:
        for name, words, settings, given in self._asked:
            given._ask(getattr(of, name)(*words, **settings))


class LazyParser(_Noted):
    """A placeholder for a command's parser, replaced only for the typed command."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self._settings = settings

    def parse_known_args(self, words: object, namespace: object) -> object:
        """Create the parser, and parse the arguments."""
        made = ArgumentParser(**self._settings, formatter_class=formatter)  # type: ignore[arg-type]
        self._ask(made)
        return made.parse_known_args(words, namespace)  # type: ignore[call-overload]


def formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter with the terminal's width, without the slow import of shutil."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        with suppress(OSError, ValueError, AttributeError):
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    return argparse.HelpFormatter(prog, width=(columns or 80) - 2)
