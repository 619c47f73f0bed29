"""What the host tasks accept, and what they refuse to misunderstand."""

import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.registry import tasks
from stopgap.tasks.host.command import HostCommandParams
from stopgap.tasks.host.file import HostFileParams
from stopgap.tasks.host.service import HostServiceParams

WRONG: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (HostCommandParams, {"argv": []}, "at least 1 item"),
    (HostCommandParams, {"argv": "ls -l"}, "valid tuple"),
    (HostCommandParams, {"argv": ["a\0b"]}, "NUL"),
    (HostCommandParams, {"argv": ["who"], "reads": True, "undo": ["true"]}, "not both"),
    (HostCommandParams, {"argv": ["who"], "undo": []}, "at least 1 item"),
    (HostCommandParams, {"argv": ["who"], "expect": [256]}, "less than or equal to 255"),
    (HostCommandParams, {"argv": ["who"], "creates": "relative"}, "match pattern"),
    (HostFileParams, {"path": "/x"}, "exactly one of"),
    (HostFileParams, {"path": "/x", "content": "", "absent": True}, "content and absent"),
    (HostFileParams, {"path": "x", "content": ""}, "match pattern"),
    (HostFileParams, {"path": "/x/", "directory": True}, "match pattern"),
    (HostFileParams, {"path": "/x", "content": "", "mode": 644}, "valid string"),
    (HostFileParams, {"path": "/x", "content": "", "mode": "rw"}, "match pattern"),
    (HostFileParams, {"path": "/x", "link_to": "/y", "mode": "0644"}, "`mode` is for"),
    (HostFileParams, {"path": "/x", "content": "", "values": {"a": 1}}, "`values` are for"),
    (HostServiceParams, {"name": "cron"}, "`state`, `enabled` or both"),
    (HostServiceParams, {"name": "cron", "state": "started", "enabled": "masked"}, "cannot be started"),
    (HostServiceParams, {"name": "cron", "enabled": "yes"}, "true, false or masked"),
    (HostServiceParams, {"name": "--root=/x", "state": "stopped"}, "match pattern"),
    (HostServiceParams, {"name": "../x", "state": "stopped"}, "match pattern"),
    (HostServiceParams, {"name": "cron", "state": "restarted"}, "'started' or 'stopped'"),
]


@pytest.mark.parametrize(("model", "given", "said"), WRONG)
def test_parameters_that_make_no_sense_are_refused_with_the_reason(
    model: type[BaseModel], given: dict[str, Any], said: str
):
    with pytest.raises(ValidationError, match=re.escape(said)):
        model.model_validate(given)


@pytest.mark.parametrize("name", ["mta.stop", "host.command", "host.file", "host.service", "checkpoint"])
def test_every_parameter_is_documented(name: str):
    task = tasks()[name]
    undocumented = [field for field, info in task.Params.model_fields.items() if not info.description]
    assert not undocumented
    assert (task.__doc__ or "").splitlines()[0].endswith(".")
