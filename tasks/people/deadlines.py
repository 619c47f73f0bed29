"""Until when an authority has to hear of a breach of personal data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from stopgap.tasks.people.correspondence import moment

Regime: TypeAlias = Literal["gdpr", "appi"]

_DEADLINES: dict[Regime, tuple[tuple[timedelta, str, str], ...]] = {
    "gdpr": (
        (
            timedelta(hours=72),
            "notification to the supervisory authority (GDPR, Article 33(1))",
            "監督機関への通知（GDPR 第33条第1項）",
        ),
    ),
    "appi": (
        (
            timedelta(days=3),
            "preliminary report, promptly: within 3 to 5 days (APPI, Article 26; Enforcement Rules, Article 8(1))",
            "速報：速やかに、おおむね3～5日以内（個人情報保護法第26条、施行規則第8条第1項）",
        ),
        (
            timedelta(days=30),
            "final report, within 30 days (Enforcement Rules, Article 8(2))",
            "確報：30日以内（施行規則第8条第2項）",
        ),
        (
            timedelta(days=60),
            "final report where it was done with a wrongful purpose, as an intrusion is: within 60 days (the same)",
            "確報：不正の目的によるおそれがある場合（不正アクセスなど）は60日以内（同項）",
        ),
    ),
}


def deadlines(regime: Regime, aware_at: datetime) -> list[dict[str, str]]:
    """Return the deadlines, earliest first: `at`, and the duty in `en` and `ja`.

    Sources: Regulation (EU) 2016/679, Article 33; Japan's Act on the Protection of Personal Information, Article 26,
    its Enforcement Rules, Article 8, and for the 3 to 5 days the guidelines of the Personal Information Protection
    Commission.
    """
    return [{"at": moment(aware_at + after), "en": en, "ja": ja} for after, en, ja in _DEADLINES[regime]]
