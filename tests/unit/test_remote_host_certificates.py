"""Host certificates at a real sshd: names, times, authorities and revocation, as ssh(1) has them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.remote import Item, Unreachable, connect

from .ssh_server import Server, make_key, needs_sshd, serving

pytestmark = needs_sshd


@pytest.fixture(params=["ed25519", "ecdsa", "rsa"])
def certified(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Path, Path]]:
    """A server whose host key has a certificate, the key of the authority, and the file of known hosts."""
    authority = make_key(tmp_path / "authority", "-t", request.param)
    key = make_key(tmp_path / "certified", "-t", request.param)
    (tmp_path / "certified-cert.pub").touch()
    sign(authority, key, "-n", "127.0.0.1,web.example")
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", f"HostKey {key}", f"HostCertificate {key}-cert.pub") as server:
        yield server, authority, server.folder / "known_hosts"


def sign(authority: Path, key: Path, *words: str, valid: str = "-1d:+1d", host: bool = True) -> None:
    kind = ["-h"] if host else []
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "web", *kind, "-V", valid, *words, f"{key}.pub"]
    subprocess.run(sign, check=True, capture_output=True)


def line(marker: str, public: Path, names: str = "[127.0.0.1]:*") -> str:
    return f"{marker} {names} {' '.join(Path(f'{public}.pub').read_text().split()[:2])}\n"


def refusal(server: Server, **changes: object) -> str:
    with pytest.raises(Unreachable) as raised:
        connect(server.host(**changes), {})
    assert raised.value.kind == "host-key"
    return raised.value.reason


def test_an_authority_vouches_for_a_host_that_no_line_pins(certified: tuple[Server, Path, Path]):
    server, authority, known = certified
    known.write_text(line("@cert-authority", authority))
    session = connect(server.host(), {})
    assert session.exchange([Item("echo in")])[0].stdout.raw == b"in\n"
    shown = subprocess.run(
        ["ssh-keygen", "-lf", f"{server.folder.parent}/certified.pub"], capture_output=True, text=True, check=True
    )
    assert session.fingerprint == shown.stdout.split()[1]
    session.close()


def test_what_is_wrong_with_a_certificate_is_named(certified: tuple[Server, Path, Path], tmp_path: Path):
    server, authority, known = certified
    known.write_text(line("@cert-authority", make_key(tmp_path / "another")))
    assert "is signed by another authority than known_hosts names" in refusal(server)
    known.write_text(line("@cert-authority", authority) + line("@revoked", authority, "*"))
    assert "is signed by an authority that is revoked" in refusal(server)
    known.write_text(line("@cert-authority", authority) + line("@revoked", tmp_path / "certified", "*"))
    assert "is revoked (@revoked)" in refusal(server)
    known.write_text(line("@cert-authority", authority, "[localhost]:*"))
    assert "is for 127.0.0.1, web.example, and not for localhost" in refusal(server, address="localhost")


def test_a_server_without_a_certificate_is_not_vouched_for(tmp_path: Path):
    authority = make_key(tmp_path / "authority")
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server") as server:
        pinned = (server.folder / "known_hosts").read_text()
        (server.folder / "known_hosts").write_text(line("@cert-authority", authority))
        assert "without a certificate of the authority" in refusal(server)
        (server.folder / "known_hosts").write_text(line("@cert-authority", authority) + pinned)
        connect(server.host(), {}).close()


@pytest.mark.parametrize(
    ("words", "valid", "host", "said"),
    [
        (["-n", "127.0.0.1"], "20200101:20200102", True, "ended at 2020-01-0"),
        (["-n", "127.0.0.1"], "20990101:20990102", True, "is not valid before 20"),
        ([], "-1d:+1d", True, "is for no name, and not for 127.0.0.1"),
        (["-n", "127.0.0.?"], "-1d:+1d", True, ""),
    ],
    ids=["ended", "early", "nobody's", "pattern"],
)
def test_a_certificate_holds_for_its_names_within_its_time(
    words: list[str], valid: str, host: bool, said: str, tmp_path: Path
):
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "certified")
    sign(authority, key, *words, valid=valid, host=host)
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", f"HostKey {key}", f"HostCertificate {key}-cert.pub") as server:
        (server.folder / "known_hosts").write_text(line("@cert-authority", authority))
        if said:
            assert said in refusal(server)
        else:
            connect(server.host(), {}).close()


def test_a_hashed_or_negated_name_picks_the_authority(certified: tuple[Server, Path, Path]):
    server, authority, known = certified
    known.write_text(line("@cert-authority", authority, f"[127.0.0.1]:{server.port}"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    connect(server.host(), {}).close()
    known.write_text(line("@cert-authority", authority, f"*,![127.0.0.1]:{server.port}"))
    assert "unknown host key" in refusal(server)
