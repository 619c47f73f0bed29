"""The tables, a module for each subject."""

from orchestrator.findings.tables import (
    accounts,
    codes,
    files,
    histories,
    kernel,
    loading,
    logs,
    mail,
    network,
    packages,
    processes,
    requests,
    starting,
)

MODULES = (
    accounts,
    codes,
    files,
    histories,
    kernel,
    loading,
    logs,
    mail,
    network,
    packages,
    processes,
    requests,
    starting,
)
