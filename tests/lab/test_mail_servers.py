"""Two of the mail servers that `scripts/mail_servers` tries: stopped, kept stopped while guards run, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .mailers.table import arrangements
from .mailers.trial import Trial

if TYPE_CHECKING:
    from .conftest import Lab


@pytest.mark.parametrize("name", ["Python daemon by a unit", "Exim under inetd"])
def test_a_mail_server_is_found_stopped_stays_stopped_and_comes_back(lab: Lab, tmp_path: Path, name: str) -> None:
    (given,) = arrangements([name])
    result = Trial(lab, tmp_path).of(given)
    assert result.columns == ("", "", "", "", "", ""), result.said
