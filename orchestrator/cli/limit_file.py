"""A file of targets: one name or pattern a line."""

from __future__ import annotations

from pathlib import Path

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.text import tr

_MOST_BYTES = 16 << 20


def limit_file(path: Path) -> tuple[str, ...]:
    """Return the names and patterns of a file; empty lines, and lines that begin with `#`, do not count.

    Raises UsageError for a file that cannot be read, is too large, or names nothing.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(tr("--limit-file {path}: {strerror}", path=path, strerror=error.strerror)) from None
    if len(content) > _MOST_BYTES:
        raise UsageError(
            tr("--limit-file {path}: larger than {most_bytes} MiB", path=path, most_bytes=_MOST_BYTES >> 20)
        )
    lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
    names = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not names:
        raise UsageError(tr("--limit-file {path}: names no host", path=path))
    return names
