"""Parser of operator input: YAML with positions; every problem has file, line, column and a hint."""

from stopgap.orchestrator.source import lookalikes
from stopgap.orchestrator.source.document import INVENTORY, Bounds, Loc, Located, parse, read, wrapped_quotes
from stopgap.orchestrator.source.kinds import kind_of, mistaken
from stopgap.orchestrator.source.lookalikes import structure_problems
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
    "kind_of",
    "lookalikes",
    "mistaken",
    "parse",
    "problems_of",
    "quoted",
    "read",
    "structure_problems",
    "validate",
    "wrapped_quotes",
]
