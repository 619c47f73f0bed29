# Prints the processes of each control group behind the group's path.
needs find grep || exit 127
{ find /sys/fs/cgroup -name cgroup.procs -exec grep -H . {} + 2>&1 >&5 5>&- | lost; } 5>&1
