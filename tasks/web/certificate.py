"""web.certificate: a key of the spare's own, and a certificate for it, before the page is needed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from stopgap.orchestrator.change import RunCommands, command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import Glob, Program, ProgramFact, System, SystemFact
from stopgap.orchestrator.host import CheckVantage, Scene
from stopgap.orchestrator.task import Facts, Note, Parameters, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.web import certificates
from stopgap.tasks.web.params import FilePath, Names

_MAKE = """\
# Arguments: the key, the request, the first name, all names as subjectAltName.
umask 077
exec openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1" -out "$2" -subj "/CN=$3" \\
    -addext "subjectAltName=$4"
"""
_FITS = """\
# Arguments: the certificate and the key. Fails unless they belong together.
[ -s "$1" ] || { echo "the command has left no certificate at $1" >&2; exit 1; }
[ "$(openssl x509 -noout -pubkey -in "$1")" = "$(openssl pkey -pubout -in "$2")" ] ||
    { echo "the certificate is not for the key $2" >&2; exit 1; }
"""


def _argv(given: object) -> object:
    return tuple(shlex.split(given)) if isinstance(given, str) else given


class CertificateParams(Parameters):
    """Names of the sites, and the operator's way to a certificate."""

    names: Names = Field(min_length=1, max_length=20, description="Names of the sites. A text may hold several.")
    folder: FilePath = Field(certificates.FOLDER, description="Folder on the spare for key, request and certificate.")
    issue: (
        Annotated[
            tuple[Annotated[str, StringConstraints(min_length=1, max_length=1000)], ...], BeforeValidator(_argv)
        ]
        | None
    ) = Field(
        None,
        description="The operator's command that has the certificate issued, run on the spare as root, such as an "
        "ACME client. `{csr}` and `{certificate}` are the request, and where the certificate has to be, with its "
        "chain. Default: the request is left for a person.",
    )
    renew: Duration = Field(
        timedelta(days=14),
        le=timedelta(days=365),
        description="A certificate that ends within this time is issued again.",
    )


class CertificateFacts(Facts):
    """The files that are there, by name alone: a key is not read."""

    system: SystemFact = SystemFact()
    there: tuple[str, ...] = ()
    certificate: ProgramFact = ProgramFact(status=127)
    lasting: ProgramFact = ProgramFact(status=127)
    """The same, failing if the certificate ends within the time of `renew`."""


class Certified(Check):
    """The certificate is for the names, has not ended, and was signed by another key than its own."""

    kind: Literal["certified"] = "certified"
    vantage: CheckVantage = "spare"
    path: str
    names: tuple[str, ...]
    trusts_target: ClassVar[bool] = False

    def describe(self) -> str:
        """Return the expected state."""
        return tr("{path} is a certificate for {names}", path=self.path, names=", ".join(self.names))

    def reader(self) -> Program:
        """Read the fields."""
        return certificates.reader(self.path)

    def judge(self, fact: Any) -> Judgement:  # noqa: ANN401
        """Name what browsers would warn of."""
        if not certificates.is_one(fact):
            return Judgement(False, tr("no certificate"))
        found = list(certificates.faults_of(fact, self.names))
        return Judgement(not found, joined("; ", found) if found else tr("as asked"))


class WebCertificate(Task[CertificateParams, CertificateFacts]):
    """Make a key on the spare and have a certificate issued for it, so that the page can be shown by https.

    The key never leaves the spare, and is never the host's: whoever had root there has that one. The key is made
    once; the certificate is issued by a command of the operator's (`issue`), and again before it ends. Without
    `issue`, a request is left for the certificate authority.
    """

    name = "web.certificate"
    vantages = ("spare",)

    def root_programs(self) -> frozenset[str]:
        """Return the programs for files of the administrator."""
        return frozenset({"install", "rm", "sh"})

    def probe(self, params: CertificateParams, scene: Scene) -> Probe:
        """Read which files there are, and the certificate's fields."""
        path = _paths(params)[2]
        return {
            "system": System(("openssl",)),
            "there": Glob(f"{params.folder}/*"),
            "certificate": certificates.reader(path),
            "lasting": certificates.reader(path, within=params.renew),
        }

    def plan(self, params: CertificateParams, facts: CertificateFacts, scene: Scene) -> Iterator[Planned]:
        """Yield key and request if missing, then the certificate if missing, ending or for other names."""
        if "openssl" not in facts.system.programs:
            raise Unplannable(tr("{host} has no openssl to make a key with", host=scene.on.name))
        key, csr, path = _paths(params)
        names = ", ".join(params.names)
        if key not in facts.there:
            yield RunCommands(
                about=tr("make a key, and a request for {names}", names=names),
                do=(
                    command("install", "-d", "-m", "0700", params.folder),
                    command("sh", "-s", "--", key, csr, params.names[0], _alternatives(params), stdin=_MAKE),
                ),
                undo=(
                    command("rm", "-f", key, csr),
                    command("rmdir", "--ignore-fail-on-non-empty", params.folder, ok=(0, 1)),
                ),
                undo_about=tr("remove key and request"),
            )
        elif csr not in facts.there:
            raise Unplannable(tr("{key} is there without {csr}: remove the key, or make a request", key=key, csr=csr))
        good = certificates.is_one(facts.certificate) and not list(
            certificates.faults_of(facts.lasting, params.names)
        )
        if good and key in facts.there:
            return
        if params.issue is None:
            yield Note(
                text=tr(
                    "have {csr} signed by your certificate authority, and put the certificate with its chain to "
                    "{certificate}; the page then takes `certificate` {certificate} and `key` {key}",
                    csr=csr,
                    certificate=path,
                    key=key,
                )
            )
            return
        argv = [word.replace("{csr}", csr).replace("{certificate}", path) for word in params.issue]
        new = path not in facts.there
        yield RunCommands(
            about=tr("have a certificate issued for {names}", names=names),
            do=(command(*argv), command("sh", "-s", "--", path, key, stdin=_FITS)),
            undo=(command("rm", "-f", path),) if new else (),
            undo_about=tr("remove the certificate") if new else tr("nothing: the newer certificate stays"),
        )
        yield Note(
            text=tr(
                "issued again by a run within {time} of its end: have one every week",
                time=format_duration(params.renew),
            )
        )

    def checks(self, params: CertificateParams, facts: CertificateFacts, scene: Scene) -> Iterator[Check]:
        """Look at the certificate, if one was to be issued."""
        if params.issue is not None:
            yield Certified(path=_paths(params)[2], names=params.names)


def _paths(params: CertificateParams) -> tuple[str, str, str]:
    """Return key, request and certificate; HAProxy finds a key as `CERTIFICATE.key`."""
    stem = f"{params.folder}/{params.names[0]}"
    return f"{stem}.pem.key", f"{stem}.csr", f"{stem}.pem"


def _alternatives(params: CertificateParams) -> str:
    return ",".join(f"DNS:{name}" for name in params.names)
