"""The operator's key in every form, at a real OpenSSH server, and a real agent that signs for one key alone."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote import Item, Unreachable, connect
from stopgap.orchestrator.remote.identity.key_file import recognise
from stopgap.orchestrator.secret.revealed import forget

from .security_key import TYPE, SecurityKey, holding
from .ssh_agent import Agent, agent
from .ssh_server import Server, make_key, needs_sshd, serving

pytestmark = needs_sshd
Convert = Callable[[Path], Path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    forget()


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    with agent(tmp_path) as running:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(running.address))
        yield running


def allow(server: Server, key: Path) -> Path:
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(Path(f"{key}.pub").read_text())
    return key


def refusal(host: Host) -> Unreachable:
    with pytest.raises(Unreachable) as raised:
        connect(host, {})
    return raised.value


def logs_in(host: Host) -> bool:
    session = connect(host, {})
    try:
        return session.exchange([Item("echo in")])[0].stdout.raw == b"in\n"
    finally:
        session.close()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
@pytest.mark.parametrize("passphrase", ["", "words that open it"])
def test_a_key_of_each_type_and_form_logs_in(
    kind: str, form: str, passphrase: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = allow(server, make_key(tmp_path / "key", "-t", kind, "-m", form, passphrase=passphrase))
    monkeypatch.setenv("WORDS", passphrase)
    assert logs_in(server.host(identity=key, identity_passphrase="env:WORDS" if passphrase else None))


def test_an_ed25519_key_of_openssl_logs_in(server: Server, tmp_path: Path):
    key = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    key.chmod(0o600)
    assert b"BEGIN PRIVATE KEY" in key.read_bytes()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    loaded = load_pem_private_key(key.read_bytes(), None)
    Path(f"{key}.pub").write_bytes(loaded.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n")
    assert logs_in(server.host(identity=allow(server, key)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen {key} -O private-openssh -o"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "ssh-keygen -t ed25519"),
        ("SSH PRIVATE KEY FILE FORMAT 1.1\n\0", "a key of SSH 1"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n", "no private key"),
    ],
    ids=["putty", "dsa", "ssh1", "x509", "nothing"],
)
def test_what_is_no_key_of_use_is_named_with_the_command_that_helps(content: str, said: str, tmp_path: Path):
    key = tmp_path / "key.ppk"
    key.write_text(content)
    failure = refusal(Host(name="web", address="127.0.0.1", port=1, identity=key, known_hosts=tmp_path / "none"))
    assert failure.kind == "identity"
    assert said.format(key=key) in failure.reason


def test_a_fido_key_is_told_that_its_device_signs_by_the_agent(tmp_path: Path):
    """The public half of a key of a device, as ssh-keygen writes it."""
    key = tmp_path / "id_sk"
    blob = "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIGHOPCRVhlnz6ZbUTz1pKoDHLUW1cRh9bM0vGZ3Sxu3XAAAABHNzaDo="
    key.write_text(f"sk-ssh-ed25519@openssh.com {blob} me\n")
    assert recognise(key.read_bytes()).is_fido
    failure = refusal(Host(name="web", address="127.0.0.1", port=1, identity=key, known_hosts=tmp_path / "none"))
    assert failure.kind == "identity"
    assert "a FIDO key" in failure.reason
    assert "ssh-add" in failure.reason


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_fido_key_logs_in_by_the_agent_with_one_touch(
    transport: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = SecurityKey()
    (tmp_path / "id_sk.pub").write_text(f"{TYPE.decode()} {base64.b64encode(key.public).decode()} me\n")
    allow(server, tmp_path / "id_sk")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    with holding(key, tmp_path / "agent"):
        assert logs_in(server.host(identity=tmp_path / "id_sk.pub", transport=transport))
    assert key.touched == 1


def test_a_certificate_beside_the_key_logs_in_where_the_key_alone_does_not(server: Server, tmp_path: Path):
    authority = make_key(tmp_path / "authority")
    key = make_key(tmp_path / "key")
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(f'cert-authority,principals="noc" {Path(f"{authority}.pub").read_text()}')
    assert refusal(server.host(identity=key)).kind == "auth"
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "noc", "-n", "noc"]
    subprocess.run([*sign, "-V", "-1d:+1d", f"{key}.pub"], check=True)
    assert logs_in(server.host(identity=key))
    assert logs_in(server.host(identity=tmp_path / "key-cert.pub"))
    subprocess.run([*sign, "-V", "20200101:20200102", f"{key}.pub"], check=True, capture_output=True)
    ended = refusal(server.host(identity=key))
    assert ended.kind == "auth"
    assert f"the certificate {key}-cert.pub ended at 2020-01-0" in ended.reason


def test_the_agent_signs_for_the_public_key_that_is_named_and_for_no_other(
    server: Server, tmp_path: Path, held: Agent
):
    key, other = allow(server, make_key(tmp_path / "key")), allow(server, make_key(tmp_path / "other"))
    stranger = make_key(tmp_path / "stranger")
    for each in (other, key):
        held.add(each)
        each.unlink()
    before = held.signatures
    assert logs_in(server.host(identity=Path(f"{key}.pub")))
    assert held.signatures == before + 1
    lacking = refusal(server.host(identity=Path(f"{stranger}.pub")))
    assert lacking.kind == "identity"
    assert f"the agent does not hold the key: ssh-add {stranger}, or name {stranger} instead" in lacking.reason
    assert held.signatures == before + 1


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_the_agent_signs_with_its_other_types_and_by_a_certificate(
    kind: str, server: Server, tmp_path: Path, held: Agent
):
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "key", "-t", kind)
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(f'cert-authority,principals="noc" {Path(f"{authority}.pub").read_text()}')
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "noc", "-n", "noc", f"{key}.pub"], check=True)
    held.add(key)
    key.unlink()
    assert logs_in(server.host(identity=tmp_path / "key-cert.pub"))
    assert logs_in(server.host(identity=tmp_path / "key.pub"))
    assert logs_in(server.host(identity=None, default_identities=True))


def test_an_encrypted_key_that_the_agent_holds_asks_nobody(server: Server, tmp_path: Path, held: Agent):
    key = allow(server, make_key(tmp_path / "key"))
    held.add(key)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "words", "-f", key], check=True, capture_output=True)
    assert logs_in(server.host(identity=key))


def test_no_agent_and_an_agent_that_is_gone_are_told_apart(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    public = Path(f"{make_key(tmp_path / 'key')}.pub")
    assert "no agent is there (SSH_AUTH_SOCK)" in refusal(server.host(identity=public)).reason
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert f"the agent at {tmp_path}/gone: No such file" in refusal(server.host(identity=public)).reason


def test_default_identities_are_the_agents_keys_and_then_those_at_home(server: Server, tmp_path: Path, held: Agent):
    host = server.host(identity=None, default_identities=True)
    nothing = refusal(host)
    assert (nothing.kind, "nor the agent nor ~/.ssh has a key" in nothing.reason) == ("identity", True)
    (tmp_path / ".ssh").mkdir()
    held.add(make_key(tmp_path / "stranger"))
    assert refusal(host).kind == "auth"
    make_key(tmp_path / ".ssh" / "id_ecdsa", "-t", "ecdsa", passphrase="nobody types it")
    make_key(tmp_path / ".ssh" / "id_ed25519")
    refused = refusal(host)
    assert "with the keys SHA256:" in refused.reason
    allow(server, make_key(tmp_path / ".ssh" / "id_rsa", "-t", "rsa"))
    assert logs_in(host)


def test_nobody_is_tried_where_the_inventory_names_no_key_at_all(server: Server):
    failure = refusal(server.host(identity=None))
    assert (failure.kind, "names no identity" in failure.reason) == ("identity", True)


def test_a_person_is_asked_once_for_an_encrypted_key_before_anything_is_sent(server: Server, tmp_path: Path):
    key = allow(server, make_key(tmp_path / "key", passphrase="typed words"))
    host = server.host(identity=key)
    code = (
        "import sys; from stopgap.orchestrator.host import Host; from stopgap.orchestrator.remote import connect\n"
        "host = Host.model_validate_json(sys.argv[1])\n"
        "for time in 'once', 'twice': connect(host, {}).close(); print('in', time)\n"
    )
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code, host.model_dump_json()])
    said = b""
    while f"passphrase of {key}: ".encode() not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"typed words\n")
    while b"in twice" not in said:
        said += os.read(terminal, 1000)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert said.count(b"passphrase of") == 1
    assert b"typed words" not in said
