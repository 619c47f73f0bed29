"""Checks: observations after a change, each with its vantage and its value as proof."""

from stopgap.orchestrator.check.base import Check, Judgement
from stopgap.orchestrator.check.no_listener import NoListener
from stopgap.orchestrator.check.outbound import Outbound
from stopgap.orchestrator.check.page import Page, caches_in
from stopgap.orchestrator.check.port import Port

__all__ = ["Check", "Judgement", "NoListener", "Outbound", "Page", "Port", "caches_in"]
