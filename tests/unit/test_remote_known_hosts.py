"""What a known_hosts file pins, as ssh-keygen writes it and OpenSSH reads it."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from stopgap.orchestrator.remote.known_hosts import fingerprint, host_names, key_type, pinned_keys

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is missing")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A public key as a known_hosts line carries it: type and base64."""
    file = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return " ".join(file.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def blob(key: str) -> bytes:
    return base64.b64decode(key.split()[1])


@pytest.mark.parametrize(
    ("line", "address", "port"),
    [
        ("203.0.113.10 {key} comment", "203.0.113.10", 22),
        ("other,203.0.113.10\t{key}", "203.0.113.10", 22),
        ("[203.0.113.10]:2222 {key}", "203.0.113.10", 2222),
        ("2001:db8::10 {key}", "2001:DB8:0::10", 22),
        ("[2001:db8::10]:2222 {key}", "2001:db8::10", 2222),
        ("Web.Example {key}", "web.example", 22),
        ("*.example,!web.example {key}", "mail.example", 22),
        ("w*.ex?mple {key}", "web.example", 22),
        ("** {key}", "web.example", 22),
    ],
)
def test_a_key_is_pinned_for_its_names(line: str, address: str, port: int, file: Path, key: str):
    file.write_text(f"# a comment\n\n{line.format(key=key)}\n")
    assert pinned_keys(file, host_names(address, port)).keys == (blob(key),)


@pytest.mark.parametrize(
    ("line", "address", "port"),
    [
        ("203.0.113.10 {key}", "203.0.113.1", 22),
        ("203.0.113.10 {key}", "203.0.113.10", 2222),
        ("[203.0.113.10]:2222 {key}", "203.0.113.10", 22),
        ("*.example,!web.example {key}", "web.example", 22),
        ("*a" * 100 + "b {key}", "a" * 200, 22),  # a pattern that backtracks would never end
        ("w?b.example {key}", "wb.example", 22),
        ("203x0.113.10 {key}", "203.0.113.10", 22),
        ("@cert-authority * {key}", "203.0.113.10", 22),
        ("#203.0.113.10 {key}", "203.0.113.10", 22),
        ("203.0.113.10 ssh-rsa AAAA", "203.0.113.10", 22),
        ("203.0.113.10 ssh-ed25519 not*base64", "203.0.113.10", 22),
        ("203.0.113.10 ssh-ed25519", "203.0.113.10", 22),
        ("|1|x|y {key}", "203.0.113.10", 22),
        ("|1|! {key}", "203.0.113.10", 22),
    ],
)
def test_and_for_no_others(line: str, address: str, port: int, file: Path, key: str):
    file.write_text(line.format(key=key) + "\n")
    assert pinned_keys(file, host_names(address, port)).keys == ()


def test_hashed_names_are_understood_as_ssh_keygen_writes_them(file: Path, key: str):
    file.write_text(f"203.0.113.10,[203.0.113.10]:2222 {key}\n2001:db8::10 {key}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "203" not in file.read_text().split()[0]
    for address, port in (("203.0.113.10", 22), ("203.0.113.10", 2222), ("2001:db8::10", 22)):
        assert pinned_keys(file, host_names(address, port)).keys == (blob(key),)
    assert pinned_keys(file, host_names("203.0.113.11", 22)).keys == ()


def test_a_revoked_key_is_told_apart(file: Path, key: str):
    file.write_text(f"@revoked * {key}\n")
    pinned = pinned_keys(file, host_names("203.0.113.10", 22))
    assert (pinned.keys, pinned.revoked) == ((), (blob(key),))


def test_fingerprints_are_those_of_ssh_keygen(file: Path, key: str):
    file.write_text(f"host {key}\n")
    printed = subprocess.run(["ssh-keygen", "-l", "-f", file], check=True, capture_output=True, text=True).stdout
    assert fingerprint(blob(key)) == printed.split()[1]
    assert key_type(blob(key)) == "ssh-ed25519"


def test_a_broken_key_has_no_type():
    assert [key_type(text) for text in (b"", b"\0\0\0\7ssh", b"\xff\xff\xff\xff")] == ["", "", ""]


def test_the_names_are_those_that_ssh_looks_up():
    assert host_names("203.0.113.10", 22) == ("203.0.113.10",)
    assert host_names("2001:db8::1", 2222) == ("[2001:db8::1]:2222",)
