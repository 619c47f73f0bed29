"""Command line of the drill."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from drill_play import acts, people, shift
from drill_play.stage import PLAY, ROOT, Failed, Stage, fresh


def main() -> int:
    """Play; exit status 1 where something was not as it should be."""
    parser = argparse.ArgumentParser(
        prog="drill",
        description="The letter of 2006 from the alarm to the manual, on the lab: the provider's mail, the visitors'"
        " page, the customers' mails with a kill -9 in the middle, the recovery, reports and manual.",
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".drill", help="what is left behind (default: .drill)")
    parser.add_argument(
        "--answers", type=Path, default=PLAY / "answers.json", help="step → answer; yes is taken for granted"
    )
    parser.add_argument(
        "--people", action="store_true", help="the way back with a careless operator, two at once, and a cautious one"
    )
    parser.add_argument(
        "--page", action="store_true", help="two people with a key each instead, and the page of `stopgap serve`"
    )
    parser.add_argument("--brief", action="store_true", help="without recovery and pictures, papers once")
    args = parser.parse_args()
    try:
        stage = fresh(args.out.resolve(), json.loads(args.answers.read_text()))
        with stage.mail_server():
            if args.page:
                shift.play(stage, brief=args.brief)
                return _told(stage)
            print("The alarm: the provider is told, and the host is cut off", flush=True)
            contained = acts.alarm(stage)
            print("What visitors see", flush=True)
            acts.visitors(stage)
            print("The customers are told", flush=True)
            acts.customers(stage)
            print("There is news", flush=True)
            acts.new_words(stage)
            if not args.brief:
                print("The way back", flush=True)
                (people.recovery if args.people else acts.recovery)(stage)
            print("The papers", flush=True)
            acts.papers(stage, contained, brief=args.brief)
            if not args.brief:
                acts.screenshots(stage)
    except (Failed, OSError, ValueError) as error:
        print(f"drill: {error}", file=sys.stderr)
        return 1
    return _told(stage)


def _told(stage: Stage) -> int:
    wrong = [what for what, holds in stage.seen if not holds]
    print(f"{len(stage.seen) - len(wrong)} of {len(stage.seen)} as it should be. All of it lies in {stage.out}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
