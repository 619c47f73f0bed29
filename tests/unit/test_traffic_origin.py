"""From where the operator comes, as a host sees it: also past sudo, which takes SSH_CONNECTION away."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address

import pytest

from stopgap.orchestrator.facts import Output, SshOrigin, UnreadableError
from stopgap.orchestrator.hosttext import HostText


def origin(before: str, environment: dict[str, str]) -> object:
    done = subprocess.run(
        ["sh", "-c", f'{before} sh -c "$0"; :', SshOrigin().script()],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        capture_output=True,
        check=True,
    )
    return SshOrigin().parse(Output(HostText(done.stdout), HostText(done.stderr), 0))


@pytest.mark.parametrize("before", ["", "env -u SSH_CONNECTION", 'env -i PATH=$PATH sh -c \'sh -c "$0"; :\' "$0"; :'])
def test_the_variable_is_found_where_it_is_or_above(before: str) -> None:
    assert origin(before, {"SSH_CONNECTION": "10.9.0.2 35088 10.9.0.1 22"}) == ip_address("10.9.0.2")


def test_an_address_of_ipv4_in_ipv6_is_one_of_ipv4() -> None:
    assert origin("", {"SSH_CONNECTION": "::ffff:10.9.0.2 35088 ::ffff:10.9.0.1 22"}) == ip_address("10.9.0.2")


def test_what_is_no_address_is_not_believed() -> None:
    with pytest.raises(UnreadableError):
        origin("", {"SSH_CONNECTION": "$(reboot) 1 2 3"})
