"""What each address shows: read from the journal, of what the person may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from stopgap.orchestrator.errors import Error, RefusedError, UsageError
from stopgap.orchestrator.findings.cards import command
from stopgap.orchestrator.journal import History, Journal, open_journal, state_home
from stopgap.orchestrator.journal.answering import read_answers, record_answers
from stopgap.orchestrator.journal.incidents import Incident, find_incident
from stopgap.orchestrator.journal.listing import RunSummary
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.roles import Roles, roles_here, signer_here
from stopgap.orchestrator.run.approval import approve, needed_roles, run_to_approve
from stopgap.orchestrator.run.gate import answers_on_page, authorized_answers
from stopgap.orchestrator.run.own_names import names_in, rule_names
from stopgap.orchestrator.run.papers import incident_report, run_report
from stopgap.orchestrator.run.sinks import tell_written
from stopgap.orchestrator.run.standing import hosts_stand, phase_text
from stopgap.orchestrator.run.standing import open_text as open_host_text
from stopgap.orchestrator.serve.approving import Lacks, lacking, lacks_approval
from stopgap.orchestrator.serve.asking import Waits, answered_before, asked_before, questions_of, typed
from stopgap.orchestrator.serve.cards import SIGHTINGS, card_page
from stopgap.orchestrator.serve.live import Part, Streams
from stopgap.orchestrator.serve.login import ProxyLogin
from stopgap.orchestrator.serve.overview import Overview, overview, standing
from stopgap.orchestrator.serve.permission import About, Action
from stopgap.orchestrator.serve.reading import DAMAGE, Reading, histories, known_incidents
from stopgap.orchestrator.serve.run_view import heard, moves, steps_ahead
from stopgap.orchestrator.serve.searching import DEEP, MOST, search
from stopgap.orchestrator.serve.settings import Settings
from stopgap.orchestrator.serve.showing import Frame, show
from stopgap.orchestrator.serve.timeline import timeline_page
from stopgap.orchestrator.serve.visit import Visit
from stopgap.orchestrator.severity import SEVERITIES, severity_text
from stopgap.orchestrator.sinks.metrics import Metrics
from stopgap.orchestrator.text import tr, trn

RUNS_ON_A_PAGE = 50
TOGETHER = 20
"""Latest runs in the timeline of everything."""
PAPER_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""Of the report, which is one file with its style in it: no script, no form, no other address, no cookie."""
_WORDS = {"word_of": word_of, "severity_text": severity_text, "severities": SEVERITIES}


def _untold(_line: str) -> None:
    """Say nothing: `status` and the overview show what a sink has not taken."""


class ForbiddenError(Error):
    """The person may not do this."""


class Pages:
    """The pages of one state folder."""

    def __init__(self, settings: Settings, frame: Callable[[Visit], Frame]) -> None:
        self._reading = Reading()
        self._may = settings.may
        self._login = settings.login
        self._zone = settings.zone
        self._frame = frame
        self._measured, self._measuring = Metrics(), Lock()
        self.streams = Streams()

    def damage(self) -> tuple[str, ...]:
        """Return what is wrong with the journal; raises JournalError."""
        return tuple(self._reading.damage())

    def overview(self, visit: Visit) -> Response:
        """Show questions, what is in force, incidents and runs."""
        return self._shown("overview", visit, **self._of_overview(visit))

    def runs(self, visit: Visit) -> Response:
        """List the runs, a page at a time."""
        with self._reading.journal() as journal:
            found = [run for run in journal.runs() if self._lists(visit, run)]
        pages = max(1, -(-len(found) // RUNS_ON_A_PAGE))
        page = min(visit.number("page"), pages)
        part = found[(page - 1) * RUNS_ON_A_PAGE : page * RUNS_ON_A_PAGE]
        return self._shown("runs", visit, runs=part, found=len(found), page=page, pages=pages)

    def run(self, visit: Visit) -> Response:
        """Show one run."""
        with self._reading.journal() as journal:
            history = self._history(visit, journal)
        return self._shown("run", visit, names_in([history], visit.lang), **self._of_run(visit, history))

    def findings(self, visit: Visit) -> Response:
        """Show the findings of a run as cards."""
        severity = next((each for each in SEVERITIES if each == visit.query("severity")), None)
        host = visit.query("host")
        with self._reading.journal() as journal:
            history = self._history(visit, journal)
            folder = journal.run_path(history.run)
        page = card_page(folder, history, page=visit.number("page"), severity=severity, host=host)
        return self._shown(
            "findings",
            visit,
            names_in([history], visit.lang) | rule_names(visit.lang),
            history=history,
            cards=page,
            severity=severity,
            host=host,
            most=SIGHTINGS,
            look=lambda seen: command(seen, history.run),
        )

    def run_report(self, visit: Visit) -> Response:
        """Show the report of a run."""
        with self._reading.journal() as journal:
            history = self._history(visit, journal)
            paper = run_report(journal, history.run, lang=visit.lang, format="html", zone=None)
        return HTMLResponse(paper.text, headers={"Content-Security-Policy": PAPER_POLICY})

    def incidents(self, visit: Visit) -> Response:
        """List the incidents, the latest first."""
        self._see(visit, "view", None)
        with self._reading.journal() as journal:
            found, trouble = known_incidents(journal)
        return self._shown("incidents", visit, incidents=found[::-1], trouble=trouble)

    def incident(self, visit: Visit) -> Response:
        """Show an incident: details, notes, actions, runs, hosts, what is in force."""
        with self._reading.journal() as journal:
            incident = self._incident(visit, journal)
            found, damage = histories(journal, incident.runs)
        seen = [each for each in found if self._sees(visit, each)]
        frame = self._frame(visit)
        return self._shown(
            "incident",
            visit,
            names_in(seen, visit.lang),
            incident=incident,
            histories=seen,
            unreadable=damage,
            hosts=list(hosts_stand(seen, incident.name)),
            standing=standing(seen, frame.now),
            phase_text=phase_text,
            may_report=len(seen) == len(incident.runs) > 0,
        )

    def incident_report(self, visit: Visit) -> Response:
        """Show the report of an incident."""
        with self._reading.journal() as journal:
            incident = self._incident(visit, journal)
            for run in incident.runs:
                self._see(visit, "view", journal.history(run))
            paper = incident_report(journal, incident.name, lang=visit.lang, format="html", zone=None)
        return HTMLResponse(paper.text, headers={"Content-Security-Policy": PAPER_POLICY})

    def questions(self, visit: Visit) -> Response:
        """List the questions that wait, with a form each."""
        return self._asked(visit)

    def answer(self, visit: Visit, fields: dict[str, str]) -> Response:
        """Record the answer that a form gives, and show the run; the loser of two is told who was first."""
        with self._renewing(), open_journal() as journal:
            history = journal.history(journal.resolve(fields.get("run", "")))
            self._see(visit, "answer", history)
            asked = asked_before(history, fields.get("question", ""))
            if asked is None or (history.state != "running" and not answered_before(history, asked)):
                raise RefusedError(tr("run {run} does not ask this now; nothing was recorded", run=history.run))
            try:
                given = read_answers([asked], typed(asked.question, fields), self._login.recorded(visit.person))
            except UsageError as error:
                name = fields.get("question", "")
                return self._asked(visit, history, asked_digest=name, error=error, fields=fields)
            if history.state == "running":  # otherwise nothing is put on record: who was first is told below
                by_proxy = isinstance(self._login, ProxyLogin)
                given = (
                    answers_on_page(journal, history, given, visit.person)
                    if by_proxy
                    else authorized_answers(journal, history, given)
                )
            record_answers(journal, history.run, given)
        return RedirectResponse(f"/runs/{history.run}?answered=1#main", 303)

    def approve(self, visit: Visit, fields: dict[str, str]) -> Response:
        """Record that the person approves the plan that a form shows, and show the run."""
        with self._renewing(), open_journal() as journal:
            history = journal.history(journal.resolve(fields.get("run", "")))
            self._see(visit, "approve", history)
            if not lacks_approval(history):
                raise RefusedError(tr("run {run} waits for no approval; nothing was recorded", run=history.run))
            roles = needed_roles()
            wanted = run_to_approve(history, roles)
            if fields.get("plan", "") != wanted.digest:
                raise RefusedError(tr("run {run} has another plan now; nothing was recorded", run=history.run))
            by_proxy = visit.person if isinstance(self._login, ProxyLogin) else None
            approve(journal, wanted, history, roles, on_page=by_proxy)
            written = {} if journal.claims.is_elsewhere(history.run) else dict(journal.written)
        # Sinks may take their time, and who approves does not wait for them.
        Thread(target=tell_written, args=(state_home(), written, _untold), daemon=True).start()
        return RedirectResponse(f"/runs/{history.run}?approved=1#main", 303)

    def metrics(self) -> str:
        """Return what the journal amounts to, as Prometheus reads it; raises JournalError."""
        self._reading.status(DAMAGE)  # remembers the runs of which nothing is in force, which are not read then
        with self._measuring, self._reading.journal() as journal:
            return self._measured.text(journal)

    def timeline(self, visit: Visit) -> Response:
        """Show what happened, of a run, of an incident, or of the latest runs and all incidents."""
        run, name = visit.query("run"), visit.query("incident")
        with self._reading.journal() as journal:
            if run:
                found, told = [self._seen_history(visit, journal, run)], []
            elif name:
                self._see(visit, "view", None)
                incident = find_incident(journal, name)
                found, told = histories(journal, incident.runs)[0], [incident]
            else:
                runs = [each.id for each in journal.runs()[:TOGETHER]]
                found, told = histories(journal, runs)[0], self._told(visit, journal)
        seen = [each for each in found if self._sees(visit, each)]
        host = visit.query("host")
        page = timeline_page(seen, told, page=visit.number("page"), host=host)
        return self._shown(
            "timeline",
            visit,
            names_in(seen, visit.lang),
            timeline=page,
            run=run,
            incident=name,
            host=host,
            together=TOGETHER,
        )

    def search(self, visit: Visit) -> Response:
        """Find words in runs, incidents and records."""
        words = visit.query("q")
        with self._reading.journal() as journal:
            runs = [run for run in journal.runs() if self._lists(visit, run)]
            found = []
            if words.strip():
                told = self._told(visit, journal)
                deep = (histories(journal, [run.id])[0] for run in runs[:DEEP])
                found = search(words, runs, told, (history for each in deep for history in each))
        return self._shown(
            "search", visit, rule_names(visit.lang), words_typed=words, hits=found, deep=DEEP, most=MOST
        )

    def live_overview(self, visit: Visit) -> Callable[[], Part]:
        """Return what looks at the moving part of the first page."""

        def look() -> Part:
            values = self._of_overview(visit)
            shown: Overview = values["overview"]
            said = trn("A question waits", "{count} questions wait", len(shown.questions)) if shown.questions else ""
            return Part(self._part("overview-live", visit, None, values), self._spoken(visit, said), over=False)

        return look

    def live_run(self, visit: Visit) -> Callable[[], Part]:
        """Return what looks at the moving part of a run's page."""
        with self._reading.journal() as journal:
            run = self._history(visit, journal).run

        def look() -> Part:
            with self._reading.journal() as journal:
                history = journal.history(run)
            names = names_in([history], visit.lang)
            html = self._part("run-live", visit, names, self._of_run(visit, history))
            return Part(html, self._spoken(visit, heard(history), names), over=not moves(history))

        return look

    def _of_overview(self, visit: Visit) -> dict[str, Any]:
        status = self._reading.status()
        with self._reading.journal() as journal:
            runs = journal.runs()
            told, trouble = known_incidents(journal)
        found = overview(
            status,
            [run for run in runs if self._lists(visit, run)],
            told,
            visit.lang,
            lambda history: self._sees(visit, history),
            whole=self._may(visit.person, "view", About()),
        )
        return {"overview": found, "trouble": trouble, "phase_text": phase_text, "open_text": open_host_text}

    def _of_run(self, visit: Visit, history: History) -> dict[str, Any]:
        return {
            "history": history,
            "questions": list(questions_of(history, visit.lang)),
            "ahead": steps_ahead(history),
            "moves": moves(history),
            "standing": standing([history], history.as_of),
            "may_answer": self._may(visit.person, "answer", _about(history)),
            "answered": visit.query("answered") == "1",
            "approved": visit.query("approved") == "1",
            "approvals": self._approvals(visit, [history]),
            "errors": {},
            "fields": {},
        }

    def _asked(
        self,
        visit: Visit,
        history: History | None = None,
        *,
        asked_digest: str = "",
        error: UsageError | None = None,
        fields: dict[str, str] | None = None,
    ) -> Response:
        """Show all open questions, or those of one run with what was wrong with an answer."""
        if history is not None:
            found = [history]
        else:
            status = self._reading.status()
            found = [run.history for run in status.runs if run.history is not None]
        seen = [each for each in found if self._sees(visit, each)]
        waiting: list[tuple[Waits, bool]] = [
            (each, self._may(visit.person, "answer", _about(run)))
            for run in seen
            for each in questions_of(run, visit.lang)
        ]
        return self._shown(
            "questions",
            visit,
            names_in([run for run in seen if run.waiting or run.approval], visit.lang),
            status=422 if error else 200,
            waiting=waiting,
            approvals=self._approvals(visit, seen),
            errors={asked_digest: str(error)} if error else {},
            fields=fields or {},
        )

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        """Have the next look read the journal anew, also where somebody else was first."""
        try:
            yield
        finally:
            self._reading.forget()

    def _approvals(self, visit: Visit, seen: Sequence[History]) -> list[Lacks]:
        """Return the runs that lack approvals."""
        if not any(map(lacks_approval, seen)):
            return []
        roles = roles_here()
        name = _approver(roles, visit.person if isinstance(self._login, ProxyLogin) else None)
        return list(lacking(seen, roles, name, lambda history: self._may(visit.person, "approve", _about(history))))

    def _shown(
        self,
        page: str,
        visit: Visit,
        names: dict[str, str] | None = None,
        /,
        *,
        status: int = 200,
        **values: Any,  # noqa: ANN401
    ) -> Response:
        return HTMLResponse(show(page, self._frame(visit), names, **_WORDS, **values), status)

    def _part(self, page: str, visit: Visit, names: dict[str, str] | None, values: dict[str, Any]) -> str:
        return show(page, self._frame(visit), names, **_WORDS, **values)

    def _spoken(self, visit: Visit, text: str, names: dict[str, str] | None = None) -> str:
        return self._part("said", visit, names, {"text": text}).strip()

    def _history(self, visit: Visit, journal: Journal) -> History:
        return self._seen_history(visit, journal, visit.request.path_params["run"])

    def _seen_history(self, visit: Visit, journal: Journal, name: str) -> History:
        history = journal.history(journal.resolve(name))
        self._see(visit, "view", history)
        return history

    def _told(self, visit: Visit, journal: Journal) -> list[Incident]:
        """Return the incidents; none for a person who may view certain runs alone."""
        return known_incidents(journal)[0] if self._may(visit.person, "view", About()) else []

    def _incident(self, visit: Visit, journal: Journal) -> Incident:
        self._see(visit, "view", None)
        return find_incident(journal, visit.request.path_params["incident"])

    def _sees(self, visit: Visit, history: History) -> bool:
        return self._may(visit.person, "view", _about(history))

    def _lists(self, visit: Visit, run: RunSummary) -> bool:
        return self._may(
            visit.person, "view", About(run.id, run.runbook, run.targets, lambda: self._reading.started(run.id))
        )

    def _see(self, visit: Visit, action: Action, history: History | None) -> None:
        """Raise ForbiddenError unless the person may do this with a run, or with what concerns no single run."""
        if not self._may(visit.person, action, _about(history) if history else About()):
            what: dict[Action, str] = {
                "view": tr("{person} may not see this", person=visit.person),
                "answer": tr(
                    "{person} may only look here; `stopgap answer` on the machine itself answers", person=visit.person
                ),
                "approve": tr("{person} may not approve this run here", person=visit.person),
            }
            raise ForbiddenError(what[action])


def _approver(roles: Roles | None, by_proxy: str | None) -> str:
    """Return who would approve, as the roles know people; empty for nobody whom they know."""
    with suppress(Error):
        if roles:
            return (signer_here(roles).person if by_proxy is None else roles.person_on_page(by_proxy)) or ""
    return ""


def _about(history: History) -> About:
    return About(history.run, history.started.runbook_name, history.started.targets, lambda: history.started)
