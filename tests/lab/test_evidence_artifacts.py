"""Evidence of the broken-into host: everything that was planted is in it, and the host stays as it was."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from pathlib import Path

import pytest

from stopgap.tasks.evidence.catalogue import shipped

from .conftest import ROOT, STATE, Lab
from .operator import Operator

DRIVER = """
import sys
from pathlib import Path
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.connect import connect
from stopgap.orchestrator.remote.session import Item
from stopgap.tasks.evidence.catalogue import shipped

lab, folder = map(Path, sys.argv[1:])
web = Host(name="web", address="203.0.113.10", identity=lab / "id_ed25519", known_hosts=lab / "known_hosts")
session = connect(web, {})
for profile, own in shipped().profiles.items():
    artifacts = [definition.artifact() for definition in shipped().chosen(own.artifacts)]
    outputs = session.exchange([Item(a.script, a.deadline, a.cap) for a in artifacts])
    for artifact, output in zip(artifacts, outputs, strict=True):
        (folder / f"{profile}.{artifact.id}").write_bytes(output.stdout.raw)
        (folder / f"{profile}.{artifact.id}.err").write_bytes(output.stderr.raw)
        if output.status != 0 and not output.truncated:
            sys.exit(f"{artifact.id}: {output.status} {output.stderr} {session.trouble}")
session.close()
"""
# The records of logins lie in /var/log and /run.
LOOK = "find / /tmp /dev/shm -xdev ! -path '/var/log/*' ! -path /run -printf '%p %i %M %U %s %T@ %C@\\n' | sort"


READ = (
    "/etc/hostname",
    "/root/.bash_history",
    "/etc/cron.d/kswap",
    "/var/www/html/uploads/logo.php",
    "/var/log/dpkg.log",
)
OLD = 1_500_000_000


class Evidence:
    """What was collected, by `profile.artifact`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str) -> str:
        """An artifact's output."""
        return (self.folder / name).read_text(errors="surrogateescape")

    def files(self, name: str) -> dict[str, bytes]:
        """The regular files of an archive, even if it is cut."""
        found = {}
        with tarfile.open(fileobj=io.BytesIO((self.folder / name).read_bytes())) as tar:
            try:
                for member in tar:
                    if member.isfile() and (stream := tar.extractfile(member)):
                        found[member.name] = stream.read()
            except tarfile.ReadError:
                pass
        return found

    def size(self, profile: str) -> int:
        """Bytes of a profile's artifacts."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{profile}.*"))


@pytest.fixture(scope="module")
def states() -> list[str]:
    return []


@pytest.fixture(scope="module")
def evidence(lab: Lab, tmp_path_factory: pytest.TempPathFactory, states: list[str]) -> Evidence:
    folder = tmp_path_factory.mktemp("evidence")
    # Postfix makes the lock of its showq, pid/unix.showq, when its queue is asked for the first time since boot.
    lab.read("web", "postqueue -p")
    # Under relatime a read of one of these would set its access time to now.
    lab.read("web", f"touch -a -d @{OLD} {' '.join(READ)}")
    states.append(lab.read("web", LOOK))
    done = lab.exec("operator", sys.executable, "-c", DRIVER, str(STATE), str(folder), env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    states.append(lab.read("web", LOOK))
    return Evidence(folder)


def test_every_artifact_arrives_and_all_together_stay_small(evidence: Evidence) -> None:
    for profile, own in shipped().profiles.items():
        assert all((evidence.folder / f"{profile}.{name}").exists() for name in own.artifacts)
    assert evidence.size("volatile") + evidence.size("triage") < 100 << 20


def test_the_host_is_as_it_was(evidence: Evidence, states: list[str]) -> None:
    before, after = states
    assert set(before.splitlines()) ^ set(after.splitlines()) == set()


def test_reading_files_leaves_their_access_times_alone(lab: Lab, evidence: Evidence) -> None:
    carried = {f".{path}" for path in READ}
    assert carried <= {
        *evidence.files("triage.configuration"),
        *evidence.files("triage.histories"),
        *evidence.files("triage.web-code"),
        *evidence.files("triage.logs"),
    }
    read_by_us_alone = [path for path in READ if not path.startswith("/etc/cron.d/")]  # cron(8) looks each minute
    assert set(lab.read("web", f"stat -c %X {' '.join(read_by_us_alone)}").split()) == {str(OLD)}


def test_the_mounts_say_how_access_times_are_kept(evidence: Evidence) -> None:
    root = next(line for line in evidence.text("volatile.mounts").splitlines() if line.split()[1:2] == ["/"])
    assert "atime" in root


def test_the_history_tells_the_story(evidence: Evidence) -> None:
    assert b"kit.tgz" in evidence.files("triage.histories")["./root/.bash_history"]


def test_the_cron_entry_and_the_key_that_nobody_knows_are_there(evidence: Evidence) -> None:
    assert b"kswapd1" in evidence.files("triage.cron")["./etc/cron.d/kswap"]
    assert b"admin@localhost" in evidence.files("triage.ssh")["./root/.ssh/authorized_keys"]


def test_the_web_shell_is_a_suspect(evidence: Evidence) -> None:
    assert b"passthru" in evidence.files("triage.web-suspects")["./var/www/html/uploads/logo.php"]


def test_the_immutable_directory_is_named_itself(evidence: Evidence) -> None:
    immutable = [line.split(" ", 1)[1] for line in evidence.text("triage.attributes").splitlines()]
    assert {"/usr/sbin", "/usr/sbin/sshd", "/usr/sbin/cron"} <= set(immutable)
    assert any(path.endswith("/sbin/ifconfig") for path in immutable)


def test_the_deleted_executable_is_recovered(evidence: Evidence) -> None:
    assert "sshd-net (deleted)" in evidence.text("volatile.deleted-executables.err")
    contents = evidence.files("volatile.deleted-executables").values()
    assert any(content.startswith(b"\x7fELF") for content in contents)


def test_the_beacon_shows_though_ps_hides_it(evidence: Evidence) -> None:
    assert "kswapd1" in evidence.text("volatile.process-arguments")
    assert "kswapd1" not in evidence.text("volatile.process-list")


def test_the_dotted_directory_is_there_with_what_is_in_it(evidence: Evidence) -> None:
    assert "0|/tmp/.. |" in evidence.text("triage.bodyfile")
    assert b"198.51.100.2" in evidence.files("triage.temporary-files")["./tmp/.. /targets"]


def test_the_changed_tools_are_noticed_and_carried(evidence: Evidence) -> None:
    verification = evidence.text("triage.package-verification")
    assert "/bin/ps" in verification
    assert "/sbin/ifconfig" in verification
    tools = evidence.files("triage.system-tools")
    assert any(b"kswapd1" in content for path, content in tools.items() if path.endswith("/bin/ps"))


def test_the_hidden_kit_comes_first_among_what_changed(evidence: Evidence) -> None:
    first = list(evidence.files("triage.changed-files"))[:60]
    assert "./usr/share/.fonts/kswapd1" in first


def test_what_packages_run_is_in_the_triage_and_their_records_are_in_the_full_profile(evidence: Evidence) -> None:
    records = evidence.files("full.package-records")
    assert b"Package: apache2" in records["./var/lib/dpkg/status"]
    assert any(name.endswith(".postinst") for name in records)
    assert any(name.startswith("./usr/lib/udev/rules.d/") for name in evidence.files("triage.system-rules"))
    assert "sshd-net" in evidence.text("full.process-maps")
    assert "./usr/share/.fonts/kswapd1" in evidence.files("full.changed-month")


def test_what_runs_is_hashed_through_the_process_that_runs_it(evidence: Evidence) -> None:
    lines = [line.split(" ", 2) for line in evidence.text("volatile.running-hashes").splitlines()]
    hashed = {path: sha256 for _, sha256, path in lines}
    assert re.fullmatch("[0-9a-f]{64}", hashed["/usr/sbin/sshd"])
    assert "/tmp/.. /sshd-net (deleted)" in hashed


def test_no_private_key_and_no_password_hash_is_carried(evidence: Evidence) -> None:
    for path in evidence.folder.iterdir():
        content = path.read_bytes()
        assert b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl" not in content, path.name
    for name in ("triage.configuration", "full.changed-month", "full.backups"):
        assert not [path for path in evidence.files(name) if "/shadow" in path]


JOIN = (
    "useradd -m noc && install -d -m 700 -o noc ~noc/.ssh && "
    "install -m 600 -o noc /root/.ssh/authorized_keys ~noc/.ssh/authorized_keys"
)


def test_an_account_without_rights_collects_all_profiles_and_says_what_it_could_not(lab: Lab, tmp_path: Path) -> None:
    web = {"address": "203.0.113.10", "user": "noc", "identity": str(STATE / "id_ed25519")}
    inventory = {"defaults": {"known_hosts": str(STATE / "known_hosts")}, "hosts": {"web": web}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    steps = [{"id": "look", "task": "evidence.collect", "with": {"profile": "full"}}]
    (tmp_path / "look.json").write_text(json.dumps({"name": "Look", "steps": steps}))
    operator = Operator(lab, tmp_path / "state", str(tmp_path / "inventory.json"))
    lab.read("web", JOIN)
    try:
        done = operator.run(str(tmp_path / "look.json"), "-t", "web", "--yes", timeout=300)
    finally:
        lab.read("web", "userdel -r noc 2>/dev/null || true")
    assert done.status == 0, done.out + done.err
    assert "Collected without root's rights" in operator.stopgap("report", "last", "--format", "md").out
    (path,) = tmp_path.glob("state/runs/*/evidence/web/look/manifest.json")
    items = {item["id"]: item for item in json.loads(path.read_text())["items"]}
    assert set(items) == {definition.id for definition in shipped().profile("full")}
    assert not [item["id"] for item in items.values() if not item["ran"]]
    assert "/etc/shadow" in items["password-states"]["stderr"]
    assert "Permission denied" in items["logs"]["stderr"]
    found = json.loads((path.parent / "findings.json").read_text())
    unlooked = {missed["id"]: missed["reason"] for missed in found["not_looked"]}
    assert "password-states could not be looked at" in unlooked["account-empty-password"]
    assert operator.stopgap("verify", "last").status == 0
