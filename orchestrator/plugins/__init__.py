"""Plug-ins: what others add to Stopgap, from installed distributions and from the operator's project.

An installed distribution names a plug-in by an entry point of the group `stopgap.KIND`. The operator's project, the
current folder after `stopgap init`, holds plug-ins in folders named by kind. A plug-in that fails costs itself alone:
`failures` lists it with the reason. Nothing is looked up before somebody asks for a kind.
"""

from stopgap.orchestrator.plugins.discovery import classes, code, files
from stopgap.orchestrator.plugins.failures import Failure, fail, failures, guarded
from stopgap.orchestrator.plugins.model import KINDS, Code, DataFile, Kind, Plugin
from stopgap.orchestrator.plugins.used import used

__all__ = [
    "KINDS",
    "Code",
    "DataFile",
    "Failure",
    "Kind",
    "Plugin",
    "classes",
    "code",
    "fail",
    "failures",
    "files",
    "guarded",
    "used",
]
