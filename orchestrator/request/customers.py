"""The provider's list of customers: signing keys and permitted networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stopgap.orchestrator.host import Network
from stopgap.orchestrator.source import InvalidInput, Problem, Unfit, quoted, read, validate
from stopgap.orchestrator.text import tr

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _key(text: str) -> str:
    words = text.split()
    if len(words) < 2 or "\n" in text or not re.fullmatch(r"[a-z0-9@.-]+", words[0]):
        raise Unfit(
            tr("{text} is no public key", text=quoted(text)), tr("a line as in a .pub file: ssh-ed25519 AAAA…")
        )
    return " ".join(words[:2])


class Customer(BaseModel):
    """A customer."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    keys: tuple[Annotated[str, AfterValidator(_key)], ...] = Field(
        min_length=1, description="Public SSH keys that may sign, as lines of .pub files"
    )
    prefixes: tuple[Network, ...] = Field(min_length=1, description="Networks that they may have blocked")

    def holds(self, network: Network) -> bool:
        """Return True if the network belongs to the customer."""
        return any(
            network.version == own.version and network.subnet_of(own)  # type: ignore[arg-type]
            for own in self.prefixes
        )


class _File(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    customers: dict[str, Customer] = Field(min_length=1, description="Customers by name")


def load_customers(path: Path) -> dict[str, Customer]:
    """Read the list; raises InvalidInput with every problem found."""
    document = read(path)
    problems: list[Problem] = []
    validate(_File, document, (), problems)
    if problems:
        raise InvalidInput(problems)
    customers = _File.model_validate(document.data).customers
    for name in customers:
        if not _NAME.fullmatch(name):
            expected = tr("letters, digits, dot, dash, underscore")
            problems.append(
                document.problem(
                    ("customers", name), tr("{name} cannot be a name", name=quoted(name)), expected=expected
                )
            )
    if problems:
        raise InvalidInput(problems)
    return customers
