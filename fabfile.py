"""Makes Stopgap's tasks known to fabric: `fab --list`."""

from stopgap.orchestrator.cli.fabric_tasks import namespace as tasks_of_stopgap

namespace = tasks_of_stopgap()
