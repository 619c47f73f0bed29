"""A block request is followed once, for who signed it, for networks of theirs, until its end."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from stopgap.orchestrator.request import BlockRequest, RequestRefused, SignedRequest, accept, load_customers

from .bench import Bench

NOTE = {
    "id": "note",
    "task": "host.file",
    "with": {
        "path": "{{ params.path }}",
        "content": "{{ params.addresses | join(' ') }}\n{{ params.reason }}\n{{ params.expires }}\n",
    },
}
PARAMS = {
    "addresses": {"type": "networks"},
    "expires": {"type": "duration"},
    "reason": {"type": "string"},
    "path": {"type": "string"},
}


class Office:
    """A provider with the customer `example`, and everything that it takes to ask it for something."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.key, self.stranger = self._key("example"), self._key("stranger")
        public = self.key.with_suffix(".pub").read_text().strip()
        self.customers = bench.top / "customers.yaml"
        prefixes = ["127.0.0.0/24", "2001:db8:113::/64"]
        self.customers.write_text(json.dumps({"customers": {"example": {"keys": [public], "prefixes": prefixes}}}))
        self.runbook = bench.runbook(NOTE, params=PARAMS)
        self.file = bench.top / "web.request"
        self.written = bench.files / "note"

    def _key(self, name: str) -> Path:
        key = self.bench.top / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
        return key

    def ask(self, *words: str, key: Path | None = None) -> None:
        status, _, said = self.bench.stopgap(
            "request", "-i", str(self.bench.inventory), "-t", "a", "--reason", "sends spam",
            "--contact", "noc@example.jp", "--sign-key", str(key or self.key), "-o", str(self.file), *words,
        )  # fmt: skip
        assert status == 0, said

    def follow(self, *words: str) -> tuple[int, str]:
        path = f"path={self.written}"
        status, _, said = self.bench.stopgap(
            "run", self.runbook, "-i", str(self.bench.inventory), "-t", "a", "-p", path,
            "--request", str(self.file), *(words or ("--yes",)),
        )  # fmt: skip
        return status, said

    def forge(self, **change: object) -> None:
        content = json.loads(self.file.read_text())
        content["request"] |= change
        self.file.write_text(json.dumps(content))


@pytest.fixture
def office(bench: Bench) -> Office:
    return Office(bench)


def test_a_request_becomes_the_parameters_of_the_run(office: Office) -> None:
    office.ask("--expires", "2h")
    assert office.follow() == (0, "")
    addresses, reason, expires = office.written.read_text().splitlines()
    assert addresses == "127.0.0.2/32"
    assert reason.startswith("example: sends spam (contact noc@example.jp, request ")
    assert expires.startswith(("2h", "1h59m"))


def test_a_request_is_followed_once(office: Office) -> None:
    office.ask()
    assert office.follow("--dry-run")[0] == 0, "a dry run leaves it usable"
    assert office.follow()[0] == 0
    office.written.unlink()
    status, said = office.follow()
    assert status == 4
    assert "followed before" in said
    assert not office.written.exists()


def test_a_plan_that_nobody_agreed_to_leaves_the_request_usable(office: Office) -> None:
    office.ask()
    assert office.follow("--json")[0] == 4
    assert office.follow()[0] == 0


def test_a_strangers_request_is_refused(office: Office) -> None:
    office.ask(key=office.stranger)
    status, said = office.follow()
    assert status == 4
    assert "the signature does not hold" in said
    assert not office.written.exists()


@pytest.mark.parametrize("change", [{"addresses": ["127.0.0.3/32"]}, {"reason": "another"}, {"nonce": "0" * 32}])
def test_a_request_that_was_changed_after_it_was_signed_is_refused(office: Office, change: dict[str, object]) -> None:
    office.ask()
    office.forge(**change)
    status, said = office.follow()
    assert status == 4
    assert "the signature does not hold" in said


@pytest.mark.parametrize("address", ["198.51.100.7", "127.0.0.0/16", "2001:db8::/32"])
def test_a_request_for_what_is_not_the_customers_is_refused(office: Office, address: str) -> None:
    office.ask("--address", "127.0.0.2", "--address", address)
    status, said = office.follow()
    assert status == 4
    assert "is none of the networks of example" in said


@pytest.mark.parametrize(
    ("made", "ends", "why"),
    [
        (timedelta(hours=-3), timedelta(hours=-1), "has expired"),
        (timedelta(hours=1), timedelta(hours=2), "in the future"),
        (timedelta(), timedelta(days=400), "more than 365 days"),
    ],
)
def test_a_request_out_of_its_time_is_refused(office: Office, made: timedelta, ends: timedelta, why: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    asked = BlockRequest(
        addresses=(ip_network("127.0.0.2/32"),),
        reason="sends spam",
        contact="noc@example.jp",
        created=now + made,
        expires=now + ends,
        nonce="0" * 32,
    )
    with pytest.raises(RequestRefused, match=why):
        accept(SignedRequest.made(asked, office.key), load_customers(office.customers), now)


def test_a_signature_for_another_purpose_is_none_of_a_request(office: Office) -> None:
    office.ask()
    signed = SignedRequest.model_validate_json(office.file.read_text())
    for_git = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", office.key, "-n", "git"],
        input=signed.request.canonical(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    office.file.write_text(signed.model_copy(update={"signature": for_git}).text())
    assert office.follow()[0] == 4


def test_what_the_request_says_cannot_be_said_beside_it(office: Office) -> None:
    office.ask()
    status, said = office.follow("-p", "addresses=127.0.0.3", "--yes")
    assert status == 2
    assert "the request says it" in said


def test_a_file_that_is_no_request_is_invalid(office: Office) -> None:
    office.file.write_text('{"request": {"addresses": []}}')
    assert office.follow()[0] == 2
