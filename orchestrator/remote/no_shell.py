"""Why no shell took the first script of a session, in words with a remedy."""

from __future__ import annotations

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.text import tr

_REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("restricted",), tr("its login shell is restricted; take an account with /bin/sh or bash")),
    (
        ("fork", "Resource temporarily unavailable", "No more processes"),
        tr("it can start no further process; end some, or raise the limit of the account (ulimit -u, pam_limits(8))"),
    ),
    (
        ("assword change required", "assword has expired", "ou are required to change your password"),
        tr(
            "the password of the account must be changed before it may run a command; change it there, "
            "or take it from the account: chage -M -1"
        ),
    ),
    (("ccount has expired",), tr("the account has expired; extend it: chage -E -1")),
    (
        ("not a terminal", "connected to a terminal", "must be run from a terminal"),
        tr("a login file starts a program that wants a terminal; start it for interactive shells alone"),
    ),
    (("not available", "sftp connections only"), tr("the account may run no command; take another")),
    ((tr("too much text"),), tr("a login file prints to every command; let it do so for interactive shells alone")),
    (
        (tr("stayed silent"),),
        tr(
            "a login file waits, or a program stands in place of a shell; `first_word_timeout` gives a "
            "slow one longer"
        ),
    ),
)
_OTHERWISE = tr("take an account with /bin/sh or bash and no forced command")


def no_shell(host: Host, trouble: str, words: str) -> str:
    """Return the reason, with what the host said and what helps; both texts are escaped already."""
    said = trouble if not words or words in trouble else tr("{trouble}: {words}", trouble=trouble, words=words)
    remedy = next((remedy for signs, remedy in _REMEDIES if any(sign in said for sign in signs)), _OTHERWISE)
    return tr("no command runs there as {user} ({said}); {remedy}", user=host.user, said=said, remedy=remedy)
