"""Facts of a host: a closed set of readers without side effects, and the typed facts of each reader."""

from stopgap.orchestrator.facts.attributes import Attributes, AttributesFact, LockedFact
from stopgap.orchestrator.facts.clock import Clock
from stopgap.orchestrator.facts.containers import ContainerFact, Containers
from stopgap.orchestrator.facts.device import DeviceOrigin, Shown, ShownFact
from stopgap.orchestrator.facts.extended import Extended, ExtendedFact
from stopgap.orchestrator.facts.file import ABSENT, Content, File, FileFact
from stopgap.orchestrator.facts.files import FilesBelow, FilesFact, Glob
from stopgap.orchestrator.facts.flows import Flows, FlowsFact, flow_program, wanted_flows
from stopgap.orchestrator.facts.forwarding import Forwarding, ForwardingFact
from stopgap.orchestrator.facts.guest_disks import GuestDiskFact, GuestDisks
from stopgap.orchestrator.facts.guest_tools import GuestPortFact, GuestTool
from stopgap.orchestrator.facts.guests import Guests
from stopgap.orchestrator.facts.heads import FileHeads, HeadsFact
from stopgap.orchestrator.facts.joint import joint
from stopgap.orchestrator.facts.links import BRIDGES, Cards, FunctionFact, LinkFact, Links, LinksFact
from stopgap.orchestrator.facts.listing import Listing
from stopgap.orchestrator.facts.memory import Memory, MemoryFact
from stopgap.orchestrator.facts.nat_rules import TranslationFact, TranslationsFact
from stopgap.orchestrator.facts.network import ConnectFact, HttpFact, HttpGet, SshOrigin, TcpConnect, TcpConnects
from stopgap.orchestrator.facts.nft_table import NftTable
from stopgap.orchestrator.facts.outbound import Arrival, Listen, ListeningFact, PacketKind, Send, SentFact
from stopgap.orchestrator.facts.owners import Owners, OwnersFact
from stopgap.orchestrator.facts.placed import MAIL_PORTS, SUPERVISES, Placed, PlacedFact, PlacedProcess, Talk
from stopgap.orchestrator.facts.process import ListenerFact, Listeners, Processes, ProcessFact
from stopgap.orchestrator.facts.program import ANY, Program, ProgramFact, ReadOnly, System, SystemFact
from stopgap.orchestrator.facts.provider import Provider, ProviderFact, ProviderStatus
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError
from stopgap.orchestrator.facts.redundancy import Redundancy, RedundancyFact
from stopgap.orchestrator.facts.routing import (
    Gateways,
    InterfaceFact,
    Interfaces,
    NeighbourFact,
    Neighbours,
    RoutedBy,
    RouteFact,
    Routes,
)
from stopgap.orchestrator.facts.running import Running, RunningFact, RunningProcess
from stopgap.orchestrator.facts.scheduled import Scheduled, ScheduledFact
from stopgap.orchestrator.facts.service import InitScriptFact, InitScripts, UnitFact, Units
from stopgap.orchestrator.facts.switches import COOKIES, Switches, SwitchFact, SwitchPortFact
from stopgap.orchestrator.facts.texts import Texts, TextsFact
from stopgap.orchestrator.facts.toolkit import Machine, ToolkitFact, ToolkitFile
from stopgap.orchestrator.facts.translations import Translations
from stopgap.orchestrator.facts.writable import Writable, WritableFact

__all__ = [
    "ABSENT",
    "ANY",
    "BRIDGES",
    "COOKIES",
    "MAIL_PORTS",
    "SUPERVISES",
    "Arrival",
    "Attributes",
    "AttributesFact",
    "Cards",
    "Clock",
    "ConnectFact",
    "ContainerFact",
    "Containers",
    "Content",
    "DeviceOrigin",
    "Extended",
    "ExtendedFact",
    "Fact",
    "File",
    "FileFact",
    "FileHeads",
    "FilesBelow",
    "FilesFact",
    "Flows",
    "FlowsFact",
    "Forwarding",
    "ForwardingFact",
    "FunctionFact",
    "Gateways",
    "Glob",
    "GuestDiskFact",
    "GuestDisks",
    "GuestPortFact",
    "GuestTool",
    "Guests",
    "HeadsFact",
    "HttpFact",
    "HttpGet",
    "InitScriptFact",
    "InitScripts",
    "InterfaceFact",
    "Interfaces",
    "LinkFact",
    "Links",
    "LinksFact",
    "Listen",
    "ListenerFact",
    "Listeners",
    "ListeningFact",
    "Listing",
    "LockedFact",
    "Machine",
    "Memory",
    "MemoryFact",
    "NeighbourFact",
    "Neighbours",
    "NftTable",
    "Output",
    "Owners",
    "OwnersFact",
    "PacketKind",
    "Placed",
    "PlacedFact",
    "PlacedProcess",
    "ProcessFact",
    "Processes",
    "Program",
    "ProgramFact",
    "Provider",
    "ProviderFact",
    "ProviderStatus",
    "ReadOnly",
    "Reader",
    "Redundancy",
    "RedundancyFact",
    "RouteFact",
    "RoutedBy",
    "Routes",
    "Running",
    "RunningFact",
    "RunningProcess",
    "Scheduled",
    "ScheduledFact",
    "Send",
    "SentFact",
    "Shown",
    "ShownFact",
    "SshOrigin",
    "SwitchFact",
    "SwitchPortFact",
    "Switches",
    "System",
    "SystemFact",
    "Talk",
    "TcpConnect",
    "TcpConnects",
    "Texts",
    "TextsFact",
    "ToolkitFact",
    "ToolkitFile",
    "TranslationFact",
    "Translations",
    "TranslationsFact",
    "UnitFact",
    "Units",
    "UnreadableError",
    "Writable",
    "WritableFact",
    "flow_program",
    "joint",
    "wanted_flows",
]
