"""A secret is a reference: where its value may come from, where it may stand, and that nothing shows it."""

import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, ValidationError

from stopgap.orchestrator.change import command
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.secret import Secret, SecretError, carried_by, redact, redact_tree
from stopgap.orchestrator.secret.agreement import agree
from stopgap.orchestrator.secret.revealed import forget
from stopgap.orchestrator.source import InvalidInput, Unfit
from stopgap.orchestrator.template import render_file

from .bench import Bench

VALUE = "zq7 'kü\"€/+?canary"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("CANARY", VALUE)
    secret = Secret("env:CANARY")
    assert secret.reveal() == VALUE
    return secret


def test_no_form_of_the_object_holds_the_value(token: Secret) -> None:
    class Holder(BaseModel):
        token: Secret

    holder = Holder(token=token)
    forms = [str(token), repr(token), f"{token:>40}", f"{token!r}", repr(holder), holder.model_dump_json()]
    forms += [json.dumps(holder.model_dump(mode="json")), repr(pickle.dumps(token)), repr(copy.deepcopy([token]))]
    assert not [form for form in forms if "canary" in form.replace("CANARY", "")]
    assert Holder.model_validate_json(holder.model_dump_json()) == holder
    assert pickle.loads(pickle.dumps(token)) == token == Secret("env:CANARY") != Secret("env:OTHER")
    assert copy.deepcopy(token).reveal() == VALUE


@pytest.mark.parametrize(
    "reference",
    ["hunter2", "", "env:", "env:A-B", "file:relative", "file:", "keyring:service", "keyring:/x", "command:", "ask: ",
     "command:'open", "env:A\nB", "vault:x", "Env:A"],
)  # fmt: skip
def test_what_is_no_reference_is_refused_and_never_repeated(reference: str) -> None:
    with pytest.raises(Unfit) as caught:
        Secret(reference)
    assert "hunter2" not in f"{caught.value.message} {caught.value.expected} {caught.value.hint}"


def test_a_model_refuses_a_value_without_repeating_it() -> None:
    class Holder(BaseModel, hide_input_in_errors=True):
        token: Secret

    with pytest.raises(ValidationError) as caught:
        Holder.model_validate({"token": "hunter2"})
    assert "hunter2" not in str(caught.value)


def agreed(reference: str) -> Secret:
    """A secret whose command, if it has one, a person has agreed to."""
    agree([reference])
    return Secret(reference)


def test_a_file_and_a_command_lose_one_newline_at_their_end(tmp_path: Path) -> None:
    file = tmp_path / "a token"
    file.write_text("two words \n\n")
    assert Secret(f"file:{file}").reveal() == "two words \n"
    assert agreed(f"command:cat '{file}'").reveal() == "two words \n"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("env:NOT_SET_AT_ALL", "not set"),
        ("file:/nowhere/at/all", "No such file"),
        ("command:false", "exit status 1"),
        ("command:/nowhere/at/all", "No such file"),
        ("command:true", "empty"),
        ("command:head -c 100000 /dev/zero", "longer than"),
        ("keyring:mail/stopgap", "pip install stopgap[keyring]"),
    ],
)
def test_what_cannot_be_had_is_named_with_its_reason(reference: str, reason: str) -> None:
    with pytest.raises(SecretError) as caught:
        agreed(reference).reveal()
    assert str(caught.value).startswith(reference)
    assert reason in str(caught.value)


def test_a_commands_words_pass_no_shell(tmp_path: Path) -> None:
    assert agreed(f"command:echo $HOME; touch {tmp_path}/x").reveal() == f"$HOME; touch {tmp_path}/x"
    assert not list(tmp_path.iterdir())


def test_a_command_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("stopgap.orchestrator.secret.sources.COMMAND_DEADLINE", 0.3)
    pid = tmp_path / "pid"
    with pytest.raises(SecretError, match="no answer"):
        agreed(f"command:sh -c 'echo $$ > {pid}; sleep 60 & wait'").reveal()
    assert (
        subprocess.run(["pgrep", "-r", "R,S,D", "-s", pid.read_text().strip()], stdout=subprocess.DEVNULL).returncode
        == 1
    )


def test_a_keyring_is_asked_for_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text("def get_password(service, user): return f'{service}|{user}'")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    assert Secret("keyring:https://mail/stopgap").reveal() == "https://mail|stopgap"
    sys.modules.pop("keyring", None)


def test_without_a_terminal_nobody_is_asked() -> None:
    code = "from stopgap.orchestrator.secret import Secret; Secret('ask:a word').reveal()"
    done = subprocess.run([sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True)
    assert "no terminal to ask on" in done.stderr


def test_a_person_is_asked_on_the_terminal_and_what_they_type_is_not_shown() -> None:
    code = "from stopgap.orchestrator.secret import Secret; print(len(Secret('ask:a word').reveal()))"
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])
    said = b""
    while b"a word: " not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"typed-canary\n")
    while b"12" not in said:
        said += os.read(terminal, 1000)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"typed-canary" not in said


@pytest.mark.parametrize("encode", [
    str, repr, json.dumps, quote, lambda v: v.encode().hex(),
    *(lambda v, n=n: __import__("base64").b64encode(b"x" * n + v.encode() + b"tail").decode() for n in range(4)),
])  # fmt: skip
def test_a_known_value_is_found_however_it_is_written(token: Secret, encode: Any) -> None:
    text = f"before {encode(VALUE)} after"
    assert str(token) in redact(text)
    assert "canary" not in redact(text)
    assert carried_by(text) == token


def test_redaction_reaches_every_text_of_a_tree_and_leaves_the_rest(token: Secret) -> None:
    tree = {"a": [1, None, {"b": f"x{VALUE}"}], VALUE: True}
    assert redact_tree(tree) == {"a": [1, None, {"b": f"x{token}"}], str(token): True}


def test_a_key_of_many_lines_is_known_by_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n")
    secret = Secret(f"file:{tmp_path}/key")
    secret.reveal()
    assert redact("a line: hkiG9w0BAQEFAASC") == f"a line: {secret}"


def test_a_change_takes_no_secret() -> None:
    with pytest.raises(ValidationError):
        command("login", Secret("env:CANARY"))  # type: ignore[arg-type]


def test_a_template_takes_no_secret() -> None:
    with pytest.raises(TypeError, match="secret"):
        render_file("web/maintenance.txt", {"contact": [Secret("env:CANARY")]})


RUNBOOK = """\
name: A runbook of a test
params:
  token: {type: secret}
steps:
- task: host.file
  with:
    path: /tmp/x
    content: %s
"""


@pytest.mark.parametrize("content", [
    "'{{ params.token }}'", "'{{ params.token }}x'", "'{{ params.token | upper }}'", "'{{ params[\"token\"] }}'",
    "'{{ params.token.reveal() }}'", "'{% if params.token %}x{% endif %}'",
])  # fmt: skip
def test_a_secret_where_none_belongs_is_a_problem_at_its_place(content: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_runbook(RUNBOOK % content, "x.yaml")
    assert "x.yaml:8:14: the secret params.token cannot stand in `content` of host.file" in str(caught.value)


@pytest.mark.parametrize("content", [
    "{{ params['tok' ~ 'en'] }}", "{{ params['tok' ~ 'en'].reveal() }}", "{{ params['tok' ~ 'en'] | string }}",
    "{{ params['tok' ~ 'en'] | attr('reveal') }}",
    "x{{ params['tok' ~ 'en'] }}", "{{ '{0.reveal}'.format(params['tok' ~ 'en']) }}",
    "{{ [params['tok' ~ 'en']] | map(attribute='reference') | first }}", "{{ [params['tok' ~ 'en']] | tojson }}",
])  # fmt: skip
def test_a_secret_that_a_template_comes_by_in_a_roundabout_way_gives_nothing(
    bench: Bench, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", VALUE)
    step = {"id": "x", "task": "host.file", "with": {"path": str(bench.files / "x"), "content": content}}
    runbook = bench.runbook(step, params={"token": {"type": "secret"}})
    status, out, err = bench.stopgap(
        "run", runbook, "-i", str(bench.inventory), "-t", "a", "-p", "token=env:CANARY", "--yes"
    )
    assert status in {2, 4}, out + err
    assert not list(bench.files.iterdir())
    assert "canary" not in (out + err)


def test_a_value_on_the_command_line_is_refused_with_the_reason(bench: Bench) -> None:
    runbook = bench.runbook(
        {"task": "checkpoint", "with": {"ask": "x", "reason": "x"}}, params={"token": {"type": "secret"}}
    )
    for verb in ("check", "run"):
        status, out, err = bench.stopgap(verb, runbook, "-i", str(bench.inventory), "-t", "a", "-p", "token=hunter2")
        assert status == 2
        assert "process list" in err
        assert "hunter2" not in out + err


def test_check_does_not_fetch_and_run_does_before_anything_is_contacted(bench: Bench) -> None:
    step = {"id": "x", "task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}
    runbook = bench.runbook(step, params={"token": {"type": "secret"}})
    words = (runbook, "-i", str(bench.inventory), "-t", "gone", "-p", "token=env:NOT_SET_AT_ALL")
    assert bench.stopgap("check", *words)[0] == 0
    for more in ("--dry-run", "--yes"):
        status, _, err = bench.stopgap("run", *words, more)
        assert status == 2
        assert "the parameter token: env:NOT_SET_AT_ALL: this variable is not set" in err
