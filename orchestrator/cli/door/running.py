"""Commands that act on hosts, or look at one that does: check, run, cut, undo and what goes with them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, limit_of, path_of


def check(args: Namespace) -> Call[Any]:
    """Read `stopgap check`."""
    from stopgap.orchestrator.cli.check import CheckOptions, check

    return Call(
        check,
        CheckOptions(
            runbooks=tuple(args.runbook),
            inventories=tuple(args.inventory),
            targets=tuple(args.target),
            limit=limit_of(args.limit_file),
            params=tuple(args.param),
            format=args.format,
        ),
    )


def run(args: Namespace) -> Call[Any]:
    """Read `stopgap run`. Raises InvalidInput for a parameter that is no KEY=VALUE, UsageError for a key."""
    from stopgap.orchestrator.cli.pairs import pairs
    from stopgap.orchestrator.cli.run import RunCommand, run
    from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested, recipients, sign_key

    given = pairs(args.param)
    requested = RunRequested(
        runbook=args.runbook,
        inventories=tuple(args.inventory),
        targets=tuple(args.target),
        limit=limit_of(args.limit_file),
        params=given,
        typed=given,
        dry_run=args.dry_run,
        incident=args.incident,
        save_plan=path_of(args.save_plan),
        plan=path_of(args.plan),
        site=args.site,
        request=path_of(args.request),
        customers=path_of(args.customers),
    )
    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        full=args.full,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
        recipients=recipients(args.age),
        emergency=args.emergency,
    )
    return Call(run, RunCommand(requested, options))


def cut(args: Namespace) -> Call[Any]:
    """Read `stopgap cut`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.cut import CutCommand, cut
    from stopgap.orchestrator.cli.run_options import RunOptions, sign_key
    from stopgap.orchestrator.cut.draft import CutAsked

    asked = CutAsked(
        hosts=tuple(args.host),
        at=tuple(args.at),
        expires=args.expires,
        spare=args.spare,
        contact=args.contact,
        outside=tuple(args.outside),
        allow=tuple(args.allow),
    )
    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        full=args.full,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
        emergency=args.emergency,
    )
    return Call(cut, CutCommand(asked, options, dry_run=args.dry_run, save=path_of(args.save)))


def resume(args: Namespace) -> Call[Any]:
    """Read `stopgap resume`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.resume import ResumeCommand, resume
    from stopgap.orchestrator.cli.run_options import RunOptions, recipients, sign_key

    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        detach=args.detach,
        anyway=args.anyway,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
        recipients=recipients(args.age),
    )
    return Call(resume, ResumeCommand(args.run, options, args.again_from, at_site=args.site))


def recover(args: Namespace) -> Call[Any]:
    """Read `stopgap recover`."""
    from stopgap.orchestrator.cli.recover import RecoverOptions, recover

    return Call(recover, RecoverOptions(incident=args.incident, json=args.json))


def answer(args: Namespace) -> Call[Any]:
    """Read `stopgap answer`."""
    from stopgap.orchestrator.cli.answer import AnswerOptions, answer

    return Call(
        answer,
        AnswerOptions(run=args.run, step=args.step, value=args.value, target=args.target, json=args.json),
    )


def runner(args: Namespace) -> Call[Any]:
    """Read `stopgap runner`."""
    from stopgap.orchestrator.cli.runner import RunnerOptions, runner
    from stopgap.orchestrator.sites.rate import Rate

    return Call(
        runner,
        RunnerOptions(
            site=args.site,
            inventories=tuple(args.inventory),
            slots=args.slots,
            rate=Rate.read(args.rate) if args.rate else None,
            until_idle=args.until_idle,
        ),
    )


def approve(args: Namespace) -> Call[Any]:
    """Read `stopgap approve`."""
    from stopgap.orchestrator.cli.approve import ApproveOptions, approval

    return Call(approval, ApproveOptions(what=args.what, yes=args.yes, json=args.json))


def undo(args: Namespace) -> Call[Any]:
    """Read `stopgap undo`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.run_options import sign_key
    from stopgap.orchestrator.cli.undo import UndoOptions, undo

    return Call(
        undo,
        UndoOptions(
            run=args.run,
            step=args.step,
            yes=args.yes,
            force=args.force,
            anyway=args.anyway,
            take_over=args.take_over,
            sign_key=sign_key(args.sign_key),
            here=args.here,
            json=args.json,
        ),
    )


def request(args: Namespace) -> Call[Any]:
    """Read `stopgap request`."""
    from stopgap.orchestrator.cli.request import RequestOptions, request

    return Call(
        request,
        RequestOptions(
            inventories=tuple(args.inventory),
            targets=tuple(args.target),
            limit=limit_of(args.limit_file),
            addresses=tuple(args.address),
            reason=args.reason,
            contact=args.contact,
            expires=args.expires,
            run=args.run,
            sign_key=Path(args.sign_key),
            output=Path(args.output),
            json=args.json,
        ),
    )


def ready(args: Namespace) -> Call[Any]:
    """Read `stopgap ready`."""
    from stopgap.orchestrator.cli.ready import ReadyOptions, ready

    options = ReadyOptions(
        inventories=tuple(args.inventory),
        targets=tuple(args.target),
        limit=limit_of(args.limit_file),
        sudoers=args.sudoers,
        json=args.json,
    )
    return Call(ready, options)


def watch(args: Namespace) -> Call[Any]:
    """Read `stopgap watch`."""
    from stopgap.orchestrator.cli.watch import WatchOptions, watch

    return Call(watch, WatchOptions(run=args.run, json=args.json))
