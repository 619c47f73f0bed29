"""Servers that know how Stopgap frames its answers, and forge them. fabric has no frames to forge."""

from __future__ import annotations

from stopgap.orchestrator.host import Host

from ..scenario import SCENARIOS, Scenario
from ..server import Behaviour, Field, Shell
from .executing import FIRST, saying

_NOT_OURS = "unknown, unknown: the host's answer is not what the script would send: "
_FELL = "unknown, unknown: the host fell silent"
_GUESS = b"g" + b"0" * 32


def _add(name: str, behave: Behaviour, expect: str) -> None:
    def serve(field: Field) -> Host:
        return field.ssh(behave)

    SCENARIOS.append(Scenario(name, "frames", serve, expect, None))


def _contradiction(shell: Shell) -> None:
    shell.read_script()
    shell.both(FIRST)
    shell.say(b"<N> E 0 0\n")
    shell.channel.sendall_stderr(shell.nonce + b" E 0 1\n")


_add("a frame repeated", saying(FIRST + FIRST), _NOT_OURS + "a frame out of order")
_add("frames in another order", saying(b"<N> B 1 11 21\n<N> E 1 0\n" + FIRST), _NOT_OURS + "a frame out of order")
_add("an end without a beginning", saying(b"<N> E 0 0\n"), _NOT_OURS + "a frame out of order")
_add("an end of another item", saying(FIRST + b"<N> E 1 0\n"), _NOT_OURS + "a frame out of order")
_add("a frame cut short", saying(FIRST + b"<N> E 0"), _FELL)
_add("a frame without end", saying(FIRST + b"<N>" + b"E" * 500), _NOT_OURS + "a frame without an end")
_add("a malformed frame", saying(FIRST + b"<N> Z\n"), _NOT_OURS + "a malformed frame")
_add("an impossible exit status", saying(FIRST + b"<N> E 0 999\n"), _NOT_OURS + "an impossible exit status")
_add("an item left out", saying(b"<N> N 0\n"), _NOT_OURS + "an item left out")
_add("a guessed nonce", saying(FIRST + _GUESS + b" E 0 0\n" + _GUESS + b" B 1 1 2\n"), _FELL)
_add("two streams that contradict each other", _contradiction, _NOT_OURS + "two streams that contradict")
_add("one item told, the other kept back", saying(FIRST + b"<N> E 0 0\n"), "0, unknown: the host fell silent")
