"""The run: connect, plan, ask for consent, apply, prove, record; and the rollback of a run."""
