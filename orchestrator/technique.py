"""Tags that name a technique of MITRE ATT&CK, written as Sigma's rules write them: `attack.t1053.003`."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from stopgap.orchestrator.source import Unfit, quoted
from stopgap.orchestrator.text import tr

FORM = r"^attack\.t[0-9]{4}(\.[0-9]{3})?$"
"""Regular expression of a tag: `attack.`, the technique's id, and the id of a sub-technique, in lower case
(Sigma's Tags Appendix, namespace `attack`)."""
_PREFIX = "attack."
_TAG = re.compile(FORM)
_LOOKS_LIKE_ONE = re.compile(r"t?([0-9]{4})(?:[./]([0-9]{3}))?")


def technique_id(tag: str) -> str:
    """Give the id of a tag's technique as MITRE ATT&CK writes it.

    >>> technique_id("attack.t1053.003")
    'T1053.003'
    """
    return tag.removeprefix(_PREFIX).upper()


def is_technique(tag: str) -> bool:
    """Tell whether a tag names a technique; Sigma's rules have tags of tactics, CVEs and more as well.

    >>> [is_technique(tag) for tag in ("attack.t1014", "attack.persistence", "cve.2021-44228")]
    [True, False, False]
    """
    return _TAG.fullmatch(tag) is not None


def _checked(tag: str) -> str:
    if is_technique(tag):
        return tag
    meant = _LOOKS_LIKE_ONE.fullmatch(tag.strip().lower().removeprefix(_PREFIX))
    hint = (
        tr("did you mean {prefix}t{groups}?", prefix=_PREFIX, groups=".".join(filter(None, meant.groups())))
        if meant
        else None
    )
    raise Unfit(
        tr("{tag} is no tag of an ATT&CK technique", tag=quoted(tag)),
        tr("a tag such as attack.t1053.003, in lower case"),
        hint,
    )


Technique: TypeAlias = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": FORM})]
"""A tag that names a technique; raises Unfit, with the tag that was probably meant, for any other text."""
