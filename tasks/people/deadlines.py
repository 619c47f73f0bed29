"""Until when an authority has to hear of a breach of personal data, under one law or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from stopgap.orchestrator.duties import due, due_text, duties_in_force
from stopgap.orchestrator.language import rendered

Regime: TypeAlias = Literal["gdpr", "appi"]


def deadlines(regimes: Sequence[Regime], aware_at: datetime) -> list[dict[str, str]]:
    """Return the deadlines of the laws, earliest first: `at` and `at_ja`, and the duty in `en` and `ja`.

    The duties are data, with source and the day on which the entry was checked: `duties/`.
    """
    found = [(due(duty.within, aware_at), duty) for duty in duties_in_force() if duty.within and duty.law in regimes]
    return [
        {
            "at": due_text(end),
            "at_ja": rendered(due_text(end), "ja"),
            "en": f"{duty.name.en} ({duty.basis.en})",
            "ja": f"{duty.name.ja}（{duty.basis.ja}）",
        }
        for end, duty in sorted(found, key=lambda pair: pair[0].at)
    ]
