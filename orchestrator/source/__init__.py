"""What an operator wrote: YAML with positions, and every problem in it with file, line, column and a hint."""

from stopgap.orchestrator.source.document import INVENTORY, Bounds, Loc, Located, parse, read
from stopgap.orchestrator.source.problem import InvalidInput, Position, Problem, Unfit, did_you_mean, quoted
from stopgap.orchestrator.source.validation import problems_of, validate

__all__ = [
    "INVENTORY",
    "Bounds",
    "InvalidInput",
    "Loc",
    "Located",
    "Position",
    "Problem",
    "Unfit",
    "did_you_mean",
    "parse",
    "problems_of",
    "quoted",
    "read",
    "validate",
]
