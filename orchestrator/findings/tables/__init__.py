"""The tables, a module for each subject."""

from stopgap.orchestrator.findings.tables import (
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
    php,
    processes,
    requests,
    sending,
    sessions,
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
    php,
    processes,
    requests,
    sending,
    sessions,
    starting,
)
