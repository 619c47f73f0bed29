# Prints the processes of each control group behind the group's path.
find /sys/fs/cgroup -name cgroup.procs -exec grep -H . {} + 2>/dev/null
