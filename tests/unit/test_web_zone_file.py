"""Editing a zone file: whatever its form, the addresses of one name change, and nothing else but the serial."""

from __future__ import annotations

import pytest

from stopgap.tasks.web.zone_file import ZoneFileError, with_addresses

NEW = ["www.shop.example. 60 A 203.0.113.20"]
SOA = "@ IN SOA ns hostmaster (\n    2026112901 ; serial (of the day)\n    3600 600 86400 300 )\n"


def edited(text: str, name: str = "www.shop.example.", raised: int = 1) -> str:
    return with_addresses(text, "shop.example.", name, NEW, raised=raised)


@pytest.mark.parametrize(
    "line",
    [
        "www A 203.0.113.10\n",
        "WWW.Shop.Example. 300 IN A 203.0.113.10\n",
        "www IN 1h30m AAAA 2001:db8::10 ; its host\n",
        "www (\n  A ; the old one\n  203.0.113.10 )\n",
        "$ORIGIN www.shop.example.\n@ A 203.0.113.10\n$ORIGIN shop.example.\n",
    ],
)
def test_a_record_in_any_form_is_replaced_and_the_serial_raised(line: str) -> None:
    rest = 'ns A 203.0.113.53\ntext TXT "a;b ( c" "www A 1.2.3.4"\n'
    after = edited(SOA + line + rest)
    kept = [each for each in line.splitlines(keepends=True) if each.startswith("$")]
    lines = [*kept[:1], NEW[0] + "\n", *kept[1:]]
    assert after == SOA.replace("2026112901", "2026112902") + "".join(lines) + rest


def test_what_inherits_the_owner_of_a_replaced_record_keeps_it() -> None:
    after = edited(SOA + "www A 203.0.113.10\n    A 203.0.113.11\n    MX 10 mail\nmail A 203.0.113.25\n")
    assert after.endswith(f"300 )\n{NEW[0]}\n    MX 10 mail\nmail A 203.0.113.25\n")


def test_a_name_without_records_gets_its_own_at_the_end() -> None:
    assert edited(SOA + "* A 203.0.113.10").endswith(f"* A 203.0.113.10\n{NEW[0]}\n")


def test_a_serial_at_its_end_goes_on_from_the_start() -> None:
    assert "( 1 " in edited("@ SOA a b ( 4294967295 1 1 1 1 )\n", raised=2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SOA + "$INCLUDE hosts\n", "INCLUDE"),
        (SOA + "$GENERATE 1-9 h$ A 203.0.113.$\n", "GENERATE"),
        (SOA + "www RRSIG A 13 3 60 x\n", "signed"),
        ("www A 203.0.113.10\n", "SOA"),
        (SOA + "www ( A 203.0.113.10\n", "parenthesis"),
    ],
)
def test_what_cannot_be_edited_with_certainty_is_refused(text: str, why: str) -> None:
    with pytest.raises(ZoneFileError, match=why):
        edited(text)
