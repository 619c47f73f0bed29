"""Sinks: where events go beside the terminal. Syslog, a file, webhooks, chat and pagers, Prometheus, plug-ins.

A sink has its events from the journal, from a place of its own on, in a thread of its own: a sink that hangs or fails
holds no run up, and what it did not take waits on disk for the next time.
"""

from stopgap.orchestrator.sinks.backlog import Undelivered, undelivered
from stopgap.orchestrator.sinks.config import SinkFile
from stopgap.orchestrator.sinks.delivery import Deliveries
from stopgap.orchestrator.sinks.loading import configured

__all__ = ["Deliveries", "SinkFile", "Undelivered", "configured", "undelivered"]
