"""What can be read of a host: a closed set of readers that change nothing, and the typed facts they give."""

from orchestrator.facts.file import ABSENT, Content, File, FileFact, Glob
from orchestrator.facts.network import ConnectFact, HttpFact, HttpGet, SshOrigin, TcpConnect
from orchestrator.facts.process import ListenerFact, Listeners, Processes, ProcessFact
from orchestrator.facts.program import Program, ProgramFact, System, SystemFact
from orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from orchestrator.facts.service import InitScript, InitScriptFact, UnitFact, Units

__all__ = [
    "ABSENT",
    "ConnectFact",
    "Content",
    "Fact",
    "File",
    "FileFact",
    "Glob",
    "HttpFact",
    "HttpGet",
    "InitScript",
    "InitScriptFact",
    "ListenerFact",
    "Listeners",
    "Output",
    "ProcessFact",
    "Processes",
    "Program",
    "ProgramFact",
    "Reader",
    "SshOrigin",
    "System",
    "SystemFact",
    "TcpConnect",
    "UnitFact",
    "Units",
    "UnreadableError",
]
