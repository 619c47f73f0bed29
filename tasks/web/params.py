"""Parameters of the maintenance page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.task import Parameters
from stopgap.orchestrator.text import tr

FilePath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._+-]+)+$", max_length=300)]
"""Narrower than what a file may be called: what can stand in Apache's configuration."""
_WORD = re.compile(r"[A-Za-z0-9.-]+")


def _names_in(given: object) -> object:
    """Return the full names of hosts in a text, in order; anything but a text as it is."""
    if not isinstance(given, str):
        return given
    words = dict.fromkeys(word.strip(".-") for word in _WORD.findall(given))
    return tuple(word for word in words if _is_full_name(word))[:20]


def _is_full_name(word: str) -> bool:
    """Return True for labels of letters, digits and hyphens, joined by dots (RFC 1123, 2.1)."""
    labels = word.split(".")
    return len(labels) > 1 and all(label and label.strip("-") == label for label in labels)


Names: TypeAlias = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+$", max_length=253)], ...],
    BeforeValidator(_names_in),
]


class Message(Parameters):
    """The operator's own words; a blank line begins a paragraph."""

    en: str | None = Field(None, max_length=2000, description="Shown in the English part.")
    ja: str | None = Field(None, max_length=2000, description="Shown in the Japanese part.")


class Params(Parameters):
    """Content of the page, mode, and addresses of the visitors."""

    contact: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        max_length=254,
        description="Mail address shown to visitors, if any; preferably not served by this host's mail server.",
    )
    mode: Literal["strong", "letter"] = Field(
        "strong",
        description="`strong`: every request gets 503 and the page, whatever virtual hosts and .htaccess files say. "
        "`letter`: only what is missing gets the page, with its 404; what still exists is served as before.",
    )
    error_document_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9._~:/?#@!&*+,;=%\[\]-]+$",
        max_length=500,
        description="With `mode: letter`: send visitors of missing pages to this URL instead. "
        "Apache then answers 302, so that the 404 is lost.",
    )
    site: str | None = Field(None, max_length=100, description="Name of the site, as known to visitors.")
    message: Message | None = Field(None, description="The operator's own words, shown beside the standard text.")
    since: AwareDatetime | None = Field(None, description="Begin of the maintenance, with offset from UTC.")
    next_word: AwareDatetime | None = Field(
        None, description="Time of the next message to visitors, with offset from UTC."
    )
    updates: Duration | None = Field(
        None,
        ge=timedelta(minutes=5),
        description="The page promises new words at least this often, where no time of the next message is given.",
    )
    telephone: str | None = Field(
        None,
        pattern=r"^\+?[0-9][0-9 ()-]{3,28}[0-9]$",
        description="Telephone shown to visitors, such as `+81 3 1234 5678`; whoever answers it has to know of this.",
    )
    orders: Literal["kept", "checking"] | None = Field(
        None,
        description="What the page says of orders. `kept`: those that were confirmed stand. `checking`: the latest "
        "are being checked; customers will be written to. Default: nothing.",
    )
    payments: Literal["stopped", "checking"] | None = Field(
        None,
        description="What the page says of payments. `stopped`: none are taken now. `checking`: the latest are being "
        "checked; nobody should pay again. Default: nothing.",
    )
    retry_after: Duration = Field(
        timedelta(hours=1),
        gt=timedelta(0),
        le=timedelta(days=30),
        description="When clients and search engines are told to come back (RFC 9110, Retry-After).",
    )
    languages: tuple[Language, ...] = Field(
        ("en", "ja"),
        min_length=1,
        max_length=2,
        description="Languages of the page. A visitor's own comes first, where the browser names one of them; "
        "otherwise the order is this.",
    )
    visitors: Literal["target", "own", "none"] = Field(
        "target",
        description="Where visitors arrive, and so where the page is proved. `target`: at the target's addresses; "
        "traffic.block sends them on to the spare. `own`: at the addresses of the host that shows the page. "
        "`none`: nobody can reach it yet; it is looked at from the controller alone.",
    )

    install: bool = Field(
        False,
        description="On the spare: install Apache where there is no web server (Debian and its kin, by apt-get). Undo"
        " takes its packages away again; what they needed stays.",
    )
    certificate: FilePath | None = Field(
        None,
        description="Also answer by https: a file on the host that shows the page, with the certificate and"
        " its chain. Never one whose key lay on the target: that key is to be taken as stolen.",
    )
    names: Names = Field(
        (),
        max_length=20,
        description="Names of the sites: the page is asked for under each, as a visitor of each site would. A text "
        "may hold several.",
    )
    lasts: Duration | None = Field(
        None,
        gt=timedelta(0),
        description="Where Stopgap's own server shows the page: the time until that server ends by itself, such as"
        " the time of the block. Default: until undone.",
    )
    key: FilePath | None = Field(None, description="The private key's file; the content is not read.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.error_document_url and self.mode != "letter":
            raise ValueError(tr("error_document_url belongs to `mode: letter`"))
        if (self.certificate is None) != (self.key is None):
            raise ValueError(tr("`certificate` and `key` belong together"))
        if self.certificate and self.mode != "strong":
            raise ValueError(tr("certificate belongs to `mode: strong`"))
        if len(set(self.languages)) != len(self.languages):
            raise ValueError(tr("a language is named twice"))
        return self
