"""Makes Stopgap's tasks known to fabric: `fab --list`."""

from stopgap.fabric import namespace as tasks_of_stopgap

namespace = tasks_of_stopgap()
