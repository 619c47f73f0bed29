"""The options of commands that act or prepare an act: check, run, resume, answer, undo, request."""

from __future__ import annotations

from argparse import ArgumentParser

from stopgap.orchestrator.cli.arguments.words import (
    RUNBOOK_HELP,
    age_word,
    agreement_words,
    damage_word,
    emergency_word,
    format_words,
    inventory_word,
    lock_words,
    run_word,
    shown_words,
    target_and_param_words,
    target_words,
)


def check_words(check: ArgumentParser) -> None:
    """Add the options of `check`."""
    check.add_argument("runbook", nargs="+", metavar="RUNBOOK", help=RUNBOOK_HELP)
    inventory_word(check, required=False)
    target_and_param_words(check)
    format_words(check, "text", "json", "sarif")


def run_words(run: ArgumentParser) -> None:
    """Add the options of `run`."""
    run.add_argument("runbook", metavar="RUNBOOK", help=RUNBOOK_HELP)
    inventory_word(run)
    target_and_param_words(run)
    run.add_argument("--dry-run", action="store_true", help="show every step in full; nothing is written on any host")
    run.add_argument("--incident", metavar="NAME", help="add the run to this incident")
    run.add_argument(
        "--site",
        metavar="NAME|auto",
        help="have runners at this site carry it out; auto: at the `site` of each target",
    )
    run.add_argument("--full", action="store_true", help="show long new files whole")
    agreement_words(run)
    shown_words(run)
    plan = run.add_mutually_exclusive_group()
    plan.add_argument("--save-plan", metavar="FILE", help="save the plan, for a later run of exactly this plan")
    plan.add_argument("--plan", metavar="FILE", help="run only if the plan equals the saved plan")
    age_word(run, "arriving evidence")
    run.add_argument("--request", metavar="FILE", help="a customer's block request: gives addresses, expires, reason")
    run.add_argument(
        "--customers",
        metavar="FILE",
        help="permitted keys and networks; default: customers.yaml beside the inventory",
    )
    emergency_word(run)
    lock_words(run)


def cut_words(cut: ArgumentParser) -> None:
    """Add the options of `cut`."""
    cut.add_argument(
        "host", nargs="+", metavar="HOST", help="LOGIN@HOST, an alias of ~/.ssh/config, or an address without a login"
    )
    cut.add_argument(
        "--at",
        action="append",
        required=True,
        metavar="ROUTER",
        help="LOGIN@HOST of the router above it, which drops its packets; repeatable",
    )
    cut.add_argument("--for", dest="expires", default="72h", metavar="DURATION", help="how long; default: 72h")
    cut.add_argument(
        "--spare", metavar="HOST", help="LOGIN@HOST of a web server that shows visitors a maintenance page meanwhile"
    )
    cut.add_argument("--contact", metavar="MAIL", help="mail address on that page")
    cut.add_argument(
        "--outside",
        action="append",
        default=[],
        metavar="HOST",
        help="LOGIN@HOST that sees HOST as the world does, and proves the cut; repeatable",
    )
    cut.add_argument(
        "--allow", action="append", default=[], metavar="NET", help="may still reach HOST; repeatable; you always may"
    )
    cut.add_argument("--save", metavar="DIR", help="write the inventory and the runbook that the cut stands for")
    cut.add_argument("--dry-run", action="store_true", help="show the plan in full; nothing is written on any host")
    cut.add_argument("--full", action="store_true", help="show long new files whole")
    agreement_words(cut)
    shown_words(cut)
    emergency_word(cut)
    lock_words(cut)


def ready_words(ready: ArgumentParser) -> None:
    """Add the options of `ready`."""
    inventory_word(ready, required=False)
    target_words(ready)
    ready.add_argument(
        "--sudoers",
        action="store_true",
        help="print what sudoers(5) of the routers has to permit for a block and its undo, instead",
    )


def resume_words(resume: ArgumentParser) -> None:
    """Add the options of `resume`."""
    run_word(resume)
    agreement_words(resume)
    shown_words(resume).add_argument(
        "--detach", action="store_true", help="go on in the background; questions wait for `stopgap answer`"
    )
    resume.add_argument(
        "--site", action="store_true", help="put a run of a site into the site's queue again, for a runner there"
    )
    resume.add_argument(
        "--from",
        dest="again_from",
        metavar="STEP",
        help="go back to this step first; refused where a step since has changed something",
    )
    age_word(resume, "arriving evidence")
    lock_words(resume)
    damage_word(resume)


def answer_words(answer: ArgumentParser) -> None:
    """Add the options of `answer`."""
    run_word(answer)
    answer.add_argument(
        "step", nargs="?", metavar="STEP", help="step with the question; default: list the open questions"
    )
    answer.add_argument("value", nargs="?", metavar="VALUE", help="the answer; default: ask at the terminal")
    answer.add_argument("-t", "--target", metavar="HOST", help="only for this target")


def runner_words(runner: ArgumentParser) -> None:
    """Add the options of `runner`."""
    runner.add_argument("--site", required=True, metavar="NAME", help="take the runs of this site")
    inventory_word(runner, required=False)
    runner.add_argument("--slots", type=int, default=4, metavar="COUNT", help="runs at once; default: 4")
    runner.add_argument(
        "--rate",
        metavar="COUNT/TIME",
        help="runs, but cuts, that all runners of the site begin together: 30/min, 2/s, 100/h; default: no limit",
    )
    runner.add_argument("--until-idle", action="store_true", help="end once the queue is empty")


def approve_words(approve: ArgumentParser) -> None:
    """Add the options of `approve`."""
    approve.add_argument("what", metavar="RUN|PLAN", help="a run that waits, `last`, or a file of --save-plan")
    approve.add_argument("--yes", action="store_true", help="do not ask; what is approved is shown anyway")


def undo_words(undo: ArgumentParser) -> None:
    """Add the options of `undo`."""
    run_word(undo)
    undo.add_argument("--step", metavar="ID", help="undo only this step")
    undo.add_argument("--yes", action="store_true", help="do not ask")
    undo.add_argument("--force", action="store_true", help="also undo objects changed by another person since")
    undo.add_argument(
        "--here", action="store_true", help="from this machine, also where a runner at a site has carried it out"
    )
    lock_words(undo)
    damage_word(undo)


def request_words(request: ArgumentParser) -> None:
    """Add the options of `request`."""
    inventory_word(request)
    target_words(request)
    request.add_argument(
        "--address",
        action="append",
        default=[],
        metavar="NETWORK",
        help="block only this address of the target; repeatable",
    )
    request.add_argument("--reason", required=True, metavar="TEXT", help="reason of the request")
    request.add_argument("--contact", required=True, metavar="TEXT", help="contact for the provider")
    request.add_argument("--expires", default="24h", metavar="DURATION", help="how long to block, from now")
    request.add_argument("--run", metavar="RUN", help="run with evidence to reference by digest")
    request.add_argument("--sign-key", required=True, metavar="KEY", help="SSH key registered with the provider")
    request.add_argument("-o", "--output", required=True, metavar="FILE", help="write to this file")
