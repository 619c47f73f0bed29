# Lets the host's own work go first, here and in all that the exchange's shell runs afterwards: nice(1), ionice(1).
read -r me rest </proc/self/stat
renice -n "$nice" -p "$me" "${exchange:-$$}" >/dev/null 2>&1
if command -v ionice >/dev/null 2>&1; then ionice -c 2 -n 7 -p "$me" "${exchange:-$$}" >/dev/null 2>&1; fi
