"""The timeline over a collection: what it holds, in order, and within bounds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stopgap.orchestrator.findings.timeline import Window, Work, timeline

from .collection import collected

LINE = '198.51.100.2 - - [23/Nov/2026:03:14:46 +0100] "GET / HTTP/1.1" 200 2 "-" "-"\n'


def test_the_timeline_is_in_order_and_marks_what_is_ours(tmp_path: Path) -> None:
    collection = collected(
        tmp_path,
        {
            "bodyfile": "0|/tmp/x|5|-rw-r--r--|0|0|9|1795399000.5|1795300000.0|1795300000.0|0.0\n",
            "logs": {
                "/var/log/auth.log": "Nov 23 02:14:49 web sshd[1]: Accepted publickey for root from ::1 port 1\n",
                "/var/log/wtmp": {"records": [1795390000]},
                "/var/log/dpkg.log": "2026-11-20 10:00:00 install x <none> 1\n2026-11-20 10:00:00 startup x\n",
                "/var/log/apache2/access.log": LINE,
            },
            "histories": {"/root/.bash_history": "#1795380000\nid\nw\n"},
        },
    )
    work = Work(1795400080.0, 1795400100.0, ((1795400085.0, "web", "step Evidence"),))
    lines = [json.loads(line) for line in timeline([collection], work)]
    assert [line["datetime"] for line in lines] == sorted(line["datetime"] for line in lines)
    told = {line["message"]: line for line in lines}
    assert told["Stopgap: step Evidence"]["ours"] is True
    login = next(line for line in lines if "Accepted" in line["message"])
    assert login["datetime"] == "2026-11-23T02:14:49.000000+00:00"
    assert (login["ours"], login["during_run"]) == (False, True)
    assert told["/root/.bash_history: id"]["datetime"].startswith("2026-11-22T20:40:00")
    changed = next(line for line in lines if line["timestamp_desc"].startswith("Content Modification Time;"))
    assert changed["timestamp_desc"] == "Content Modification Time; Metadata Modification Time"
    assert sum("install x" in line["message"] for line in lines) == 1
    assert next(line for line in lines if line["data_type"] == "apache:access")["datetime"].startswith(
        "2026-11-23T02:14:46"
    )
    assert len(lines) == 9


def test_a_timeline_is_of_the_time_of_the_incident_by_a_clock_that_is_right(tmp_path: Path) -> None:
    body = "".join(f"0|/x{n}|5|-rw-r--r--|0|0|9|{1795300000 + n}.0|0|0|0\n" for n in range(10))
    plain = collected(tmp_path, {"bodyfile": body})
    ahead = replace(plain, manifest=plain.manifest.model_copy(update={"clock_skew": 3.0}))
    work = Work(1795300000.0, 1795300001.0, ((1795300001.0, "web", "step"), (1795300005.0, "web", "later")))
    for one, names in ((plain, ["/x1", "/x2"]), (ahead, ["/x4", "/x5"])):
        lines = [json.loads(line) for line in timeline([one], work, Window(1795300001, 1795300002))]
        assert [line["message"].split()[0] for line in lines if not line["ours"]] == names
        assert [line["message"] for line in lines if line["ours"]] == ["Stopgap: step"]


def test_a_timeline_longer_than_memory_goes_through_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopgap.orchestrator.findings.timeline.AT_ONCE", 7)
    body = "".join(f"0|/x{n}|5|-rw-r--r--|0|0|9|{(n * 7919) % 1000 + 1}.0|0|0|0\n" for n in range(100))
    times = [json.loads(line)["datetime"] for line in timeline([collected(tmp_path, {"bodyfile": body})])]
    assert times == sorted(times)
    assert len(times) == 100
