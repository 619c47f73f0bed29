"""Signatures with the operator's SSH key, made and verified by `ssh-keygen -Y` (ssh-keygen(1))."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.text import tr

NAMESPACE = "stopgap"
"""Purpose of a signature; a signature for git or for a file is no signature of a run."""
_TIMEOUT = 20.0


class SignatureError(Error):
    """Signing failed, or a signature is invalid; the message gives the reason."""


def sign(content: bytes, key: Path, namespace: str = NAMESPACE) -> bytes:
    """Sign with a private key, or by the public key with an agent; return the signature.

    No passphrase is asked for. Raises SignatureError.
    """
    done = _ssh_keygen("sign", "-f", str(key), "-n", namespace, stdin=content)
    if done.returncode:
        raise SignatureError(
            tr(
                "{key}: {done}; for a key with a passphrase, add it to an agent and name its .pub",
                key=key,
                done=_reason(done),
            )
        )
    return done.stdout


def check(content: bytes, signature: Path, signers: Path | None = None, namespace: str = NAMESPACE) -> str:
    """Verify a signature of the content; return the signer: `kei@noc` of `signers`, or the key's fingerprint.

    `signers` is a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS). Without the file, any key is accepted:
    the caller must compare the fingerprint. Raises SignatureError.
    """
    rest = ("-s", str(signature), "-n", namespace)
    if signers is None:
        done = _ssh_keygen("check-novalidate", *rest, stdin=content)
        if done.returncode:
            raise SignatureError(
                tr("{signature}: does not match: {done}", signature=signature.name, done=_reason(done))
            )
        return done.stdout.decode(errors="replace").split(" key ")[-1].strip()
    found = _ssh_keygen("find-principals", "-s", str(signature), "-f", str(signers), stdin=b"")
    who = found.stdout.decode(errors="replace").strip().splitlines()
    if found.returncode or not who:
        raise SignatureError(
            tr("{signature}: by nobody whom {signers} allows", signature=signature.name, signers=signers)
        )
    done = _ssh_keygen("verify", *rest, "-f", str(signers), "-I", who[0], stdin=content)
    if done.returncode:
        raise SignatureError(tr("{signature}: does not match: {done}", signature=signature.name, done=_reason(done)))
    return who[0]


def _ssh_keygen(what: str, *words: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        # A new POSIX session has no terminal to ask for a passphrase.
        return subprocess.run(
            ["ssh-keygen", "-Y", what, *words],
            input=stdin,
            capture_output=True,
            timeout=_TIMEOUT,
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError:
        raise SignatureError(tr("ssh-keygen is not installed")) from None
    except subprocess.TimeoutExpired:
        raise SignatureError(tr("ssh-keygen gave no answer within {timeout} s", timeout=f"{_TIMEOUT:.0f}")) from None


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else tr("ssh-keygen gave {returncode}", returncode=done.returncode)
