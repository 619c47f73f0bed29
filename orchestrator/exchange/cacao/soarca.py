"""A playbook for SOARCA: what SOARCA carries out as it is meant, and the names of what is lost.

SOARCA ends a branch at the first failure, skips parallel steps, ignores `command_b64` and host keys, takes the first
IPv4 address of a target, splits a command at the word `ssh `, and chooses what carries a command out by the agent's
name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.exchange.cacao import visible
from stopgap.orchestrator.exchange.cacao.identity import identifier
from stopgap.orchestrator.text import Text, tr

AGENTS = {"individual": "soarca-manual", "security-category": "soarca-ssh"}
"""Names of SOARCA's capabilities, by the kind of agent of an export."""
_A_DAY = 24 * 60 * 60 * 1000
"""Milliseconds for a person; without a timeout SOARCA waits for a minute."""


def for_soarca(playbook: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """Return the playbook as SOARCA reads it, and what is lost."""
    losses: list[Text] = []
    agents = {
        agent_id: identifier("soarca", str(playbook["id"]), AGENTS[agent_id.partition("--")[0]])
        for agent_id in playbook.get("agent_definitions", {})
    }
    targets = {
        target_id: {**target, "address": {"ipv4": target["address"]["ipv4"][:1]}}
        for target_id, target in playbook.get("target_definitions", {}).items()
        if target["address"].get("ipv4")
    }
    person = identifier("soarca", str(playbook["id"]), AGENTS["individual"])
    workflow = {}
    for step_id, step in playbook["workflow"].items():
        made = _step(step, agents, targets, person, losses)
        following = playbook["workflow"].get(step.get("on_completion"), {"type": "end"})
        if step["type"] == "action" and following["type"] != "end":
            losses.append(tr("{step}: a failure ends the playbook: SOARCA does not go on", step=step["name"]))
        workflow[step_id] = made
    used = {step["agent"] for step in workflow.values() if "agent" in step}
    definitions = {
        agent_id: {"type": "soarca", "name": name}
        for name in AGENTS.values()
        if (agent_id := identifier("soarca", str(playbook["id"]), name)) in used
    }
    made = {**playbook, "workflow": workflow, "agent_definitions": definitions}
    reached = {target for step in workflow.values() for target in step.get("targets", ())}
    if kept := {target_id: target for target_id, target in targets.items() if target_id in reached}:
        made["target_definitions"] = kept
        losses.append(tr("SOARCA checks no host keys, and logs in with authentication that you add to each target"))
    else:
        made.pop("target_definitions", None)
    return made, tuple(dict.fromkeys(losses))


def _step(
    step: Mapping[str, Any],
    agents: Mapping[str, str],
    targets: Mapping[str, Any],
    person: str,
    losses: list[Text],
) -> dict[str, Any]:
    if step["type"] != "action":
        return dict(step)
    made = {**step, "agent": agents[step["agent"]], "commands": [_plain(each) for each in step["commands"]]}
    if all(each["type"] != "ssh" for each in made["commands"]):
        return {"timeout": _A_DAY, **made}
    texts = [str(each.get("command", "")) for each in made["commands"]]
    reachable = all(target in targets for target in step["targets"])
    as_it_is = not any("ssh " in text or not text for text in texts)
    if reachable and as_it_is:
        return made
    if reachable:
        losses.append(tr("{step}: SOARCA would not send this command as it is; a person runs it", step=step["name"]))
    else:
        losses.append(tr("{step}: no IPv4 address is known; a person runs the command", step=step["name"]))
    del made["targets"]
    return (
        {"timeout": _A_DAY}
        | made
        | {"agent": person, "commands": [visible.manual(f"Run on the host:\n{text}") for text in texts]}
    )


def _plain(command: Mapping[str, Any]) -> dict[str, Any]:
    if "command_b64" not in command:
        return dict(command)
    try:
        text = base64.b64decode(command["command_b64"]).decode("utf-8")
    except UnicodeDecodeError:
        return dict(command)
    return {**{key: each for key, each in command.items() if key != "command_b64"}, "command": text}
