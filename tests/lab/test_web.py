"""web.maintenance against the real Apache of the lab's spare and web, looked at from where visitors are."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from stopgap.orchestrator.change import Activate, Change
from stopgap.orchestrator.check import Check
from stopgap.orchestrator.facts import Output, Reader
from stopgap.orchestrator.host import CheckVantage, Host, Scene
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import Note, Planned, Unplannable
from stopgap.tasks.web.layout import Facts
from stopgap.tasks.web.maintenance import WebMaintenance
from stopgap.tasks.web.params import Params

if TYPE_CHECKING:
    from tests.lab.conftest import Lab


def host(name: str, number: int) -> Host:
    address = f"203.0.113.{number}"
    return Host.model_validate({"name": name, "address": address, "addresses": [address, f"2001:db8:113::{number}"]})


WEB, SPARE = host("web", 10), host("spare", 20)
INTERNET = Host(name="internet", address="198.51.100.2", vantage="outside")
NAMESPACES: dict[CheckVantage, str] = {"controller": "operator", "outside": "internet"}
TASK = WebMaintenance()
STATE = "systemctl show -p ActiveState,UnitFileState apache2.service; apache2ctl -M 2>/dev/null | sort"


class Site:
    """One host, through the task's own interface."""

    def __init__(self, lab: Lab, on: Host, **params: object) -> None:
        self.lab, self.on, self.name = lab, on, on.name
        self.scene = Scene(target=WEB, on=on, spare=SPARE, outside=(INTERNET,))
        self.params = Params.model_validate({"contact": "noc@example.jp", "visitors": "own", **params})

    def facts(self) -> Facts:
        probe = {name: r for name, r in TASK.probe(self.params, self.scene).items() if isinstance(r, Reader)}
        outputs = self._run([reader.script() for reader in probe.values()])
        found = zip(probe.items(), outputs, strict=True)
        return Facts.of({name: reader.parse(output) for (name, reader), output in found})

    def plan(self) -> list[Planned]:
        return list(TASK.plan(self.params, self.facts(), self.scene))

    def changes(self) -> list[Change]:
        """In the order in which they are made: activations last."""
        found = [p for p in self.plan() if isinstance(p, Change)]
        return sorted(found, key=lambda c: isinstance(c, Activate))

    def do(self, changes: Sequence[Change]) -> list[int | None]:
        return [output.status for output in self._run([change.do_script() for change in changes])]

    def undo(self, changes: Sequence[Change]) -> list[int | None]:
        ordered = [*reversed(changes)]
        ordered.sort(key=lambda c: isinstance(c, Activate))
        return [output.status for output in self._run([change.undo_script() for change in ordered])]

    def judged(self) -> list[tuple[CheckVantage, str, bool | None]]:
        """What each of the task's checks shows, from its own eye."""
        checks = TASK.checks(self.params, Facts(), self.scene)
        return [(check.vantage, check.describe(), self._holds(check)) for check in checks]

    def _holds(self, check: Check) -> bool | None:
        deadline = time.monotonic() + check.patience
        while True:
            done = self.lab.exec(NAMESPACES[check.vantage], "sh", "-c", check.reader().script())
            fact = check.reader().parse(Output(_text(done.stdout), _text(done.stderr), done.returncode))
            holds = check.judge(fact).holds
            if holds or time.monotonic() > deadline:
                return holds
            time.sleep(0.2)

    def _run(self, scripts: Sequence[str]) -> list[Output]:
        """Run every script on the host, in order, over one connection."""
        lines = ["d=$(mktemp -d)"]
        for script in scripts:
            lines.append(f"sh -c {quote(script)} >$d/o 2>$d/e")
            lines.append('echo "$?,$(base64 -w0 <$d/o),$(base64 -w0 <$d/e)"')
        lines.append("rm -r $d")
        rows = self.lab.read(self.name, f"sh -c {quote(chr(10).join(lines))}").splitlines()
        assert len(rows) == len(scripts)
        parts = [row.split(",") for row in rows]
        return [Output(HostText(b64decode(out)), HostText(b64decode(err)), int(status)) for status, out, err in parts]

    def answers(self, *curl: str) -> str:
        return self.lab.exec("internet", "curl", "-gsi", "-m", "5", *curl).stdout


def _text(text: str) -> HostText:
    return HostText(text.encode("utf-8", "surrogateescape"))


@pytest.fixture(params=[SPARE, WEB], ids=lambda h: h.name)
def place(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Host]:
    """A host whose Apache answers 200; afterwards it is as it was, files and modules and state."""
    on: Host = request.param
    before = lab.services(on.name), lab.read(on.name, STATE)
    assert lab.http(f"http://{on.address}/") == 200
    lab.read(on.name, "systemctl reset-failed apache2.service")  # systemd stops at five starts in ten seconds
    yield on
    assert (lab.services(on.name), lab.read(on.name, STATE)) == before
    assert lab.http(f"http://{on.address}/") == 200


only_on_the_spare = pytest.mark.parametrize("place", [SPARE], indirect=True, ids=["spare"])


def test_visitors_see_the_page_with_503_on_both_protocols_and_the_undo_leaves_no_trace(lab: Lab, place: Host):
    site = Site(lab, place)
    changes = site.changes()
    try:
        assert set(site.do(changes)) == {0}
        looks = site.judged()
        assert {(vantage, holds) for vantage, _, holds in looks} >= {("outside", True)}
        assert all(holds for *_, holds in looks), looks
        for path in ("/", "/index.html", "/uploads/logo.php", "/nothing"):
            answer = site.answers("-H", "Host: anything.example", f"http://{place.address}{path}")
            assert answer.startswith("HTTP/1.1 503 "), answer
            assert "Retry-After: 3600" in answer
        assert '<html lang="ja">' in site.answers("-H", "Accept-Language: ja", f"http://[{place.addresses[1]}]/")
        assert site.changes() == []
        assert set(site.do(changes)) == {0}
    finally:
        assert set(site.undo(changes)) == {0}
    assert set(site.undo(changes)) == {0}


@pytest.mark.parametrize("place", [WEB], indirect=True, ids=["web"])
def test_on_the_broken_into_host_the_old_parent_process_does_not_survive(lab: Lab, place: Host):
    site, parent = Site(lab, place), "systemctl show -p MainPID --value apache2.service"
    before = lab.read("web", parent)
    changes = site.changes()
    try:
        assert set(site.do(changes)) == {0}
        assert lab.read("web", parent) != before
    finally:
        assert set(site.undo(changes)) == {0}


@only_on_the_spare
def test_a_stopped_apache_is_started_and_the_undo_stops_it_again(lab: Lab, place: Host):
    lab.read("spare", "systemctl stop apache2.service")
    try:
        before = lab.services("spare"), lab.read("spare", STATE)
        site = Site(lab, place)
        changes = site.changes()
        assert set(site.do(changes)) == {0}
        assert all(holds for *_, holds in site.judged())
        assert site.changes() == []
        assert set(site.undo(changes)) == {0}
        assert (lab.services("spare"), lab.read("spare", STATE)) == before
    finally:
        lab.read("spare", "systemctl start apache2.service")


@only_on_the_spare
def test_in_the_letters_form_only_what_is_missing_shows_the_page(lab: Lab, place: Host):
    site = Site(lab, place, mode="letter")
    changes = site.changes()
    try:
        assert set(site.do(changes)) == {0}
        assert all(holds for *_, holds in site.judged())
        assert lab.http(f"http://{place.address}/") == 200
    finally:
        assert set(site.undo(changes)) == {0}


@only_on_the_spare
def test_in_the_letters_form_with_a_url_visitors_are_sent_there(lab: Lab, place: Host):
    site = Site(lab, place, mode="letter", error_document_url="http://198.51.100.2/info.html")
    assert any("302" in p.text for p in site.plan() if isinstance(p, Note))
    changes = site.changes()
    try:
        assert set(site.do(changes)) == {0}
        assert all(holds for *_, holds in site.judged())
        assert "Location: http://198.51.100.2/info.html" in site.answers(f"http://{place.address}/nothing")
    finally:
        assert set(site.undo(changes)) == {0}


@only_on_the_spare
def test_other_words_show_without_a_reload(lab: Lab, place: Host):
    site = Site(lab, place)
    changes = site.changes()
    try:
        assert set(site.do(changes)) == {0}
        other = Site(lab, place, message={"en": "Back at noon."})
        again = other.changes()
        assert not any(isinstance(change, Activate) for change in again)
        assert set(other.do(again)) == {0}
        assert "Back at noon." in other.answers(f"http://{place.address}/")
        assert set(other.undo(again)) == {0}
    finally:
        assert set(site.undo(changes)) == {0}


@only_on_the_spare
def test_a_configuration_that_was_broken_already_is_named_and_left_alone(lab: Lab, place: Host):
    broken = "/etc/apache2/sites-enabled/broken.conf"
    lab.read("spare", f"echo Nonsense >{broken}")
    try:
        with pytest.raises(Unplannable, match=f"line 1 of {broken}: Invalid command 'Nonsense'"):
            Site(lab, place).plan()
    finally:
        lab.read("spare", f"rm {broken}")


@only_on_the_spare
def test_what_apache_would_refuse_never_reaches_it(lab: Lab, place: Host):
    site = Site(lab, place)
    *files, activation = site.changes()
    broken = "/etc/apache2/conf-enabled/zz-broken.conf"
    try:
        assert set(site.do(files)) == {0}
        lab.read("spare", f"echo Nonsense >{broken}")
        assert site.do([activation]) != [0]
        assert lab.http(f"http://{place.address}/") == 200
    finally:
        lab.read("spare", f"rm -f {broken}")
        assert set(site.undo([*files, activation])) == {0}


UNKNOWN = r"""
cat >/usr/local/bin/shop <<'END'
#!/usr/bin/python3
import socket
listening = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    visitor = listening.accept()[0]
    visitor.recv(4096)
    visitor.sendall(b"HTTP/1.0 200 OK\r\n\r\nthe shop")
    visitor.close()
END
chmod +x /usr/local/bin/shop
printf '[Service]\nExecStart=/usr/local/bin/shop\n' >/etc/systemd/system/shop.service
systemctl daemon-reload
systemctl start shop.service
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1/ && exit; sleep 0.1; done; exit 1
"""
"""Starts a server of no known kind, in a unit of its own."""
GONE = "systemctl stop shop; rm /etc/systemd/system/shop.service /usr/local/bin/shop; systemctl daemon-reload"


def test_in_place_of_an_unknown_server_a_small_one_of_stopgap_s_own_shows_the_page(lab: Lab):
    hidden, url = "/usr/sbin/apache2ctl", f"http://{SPARE.address}/"
    before = lab.services("spare")
    lab.read("spare", f"systemctl stop apache2.service; mv {hidden} {hidden}.hidden")
    try:
        lab.read("spare", UNKNOWN)
        assert lab.http(url) == 200
        site = Site(lab, SPARE)
        changes = site.changes()
        try:
            assert site.do(changes) == [0] * len(changes)
            looks = site.judged()
            assert all(holds for *_, holds in looks), looks
            answer = site.answers("-X", "POST", "-H", "Accept: application/json", f"{url}api")
            assert answer.startswith("HTTP/1.1 503 "), answer
            assert '"status": 503' in answer
            who = "systemctl show -p MainPID --value stopgap-page.service"
            assert lab.read("spare", f"stat -c %u /proc/$({who})").strip() != "0"
            again = lab.ssh("spare", "systemctl start shop.service; systemctl is-active shop.service")
            assert again.stdout == "inactive\n"
            assert site.changes() == []
        finally:
            assert set(site.undo(changes)) == {0}
        assert lab.read("spare", "systemctl is-active shop; ls -d /etc/systemd/system/shop*").split() == [
            *("active", "/etc/systemd/system/shop.service")
        ]
    finally:
        lab.read("spare", f"{GONE}; mv {hidden}.hidden {hidden}; systemctl start apache2.service")
    assert lab.services("spare") == before
