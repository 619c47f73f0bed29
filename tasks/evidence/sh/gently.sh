# Lets the host's own work go first, here and in all that the exchange's shell runs afterwards: nice(1), ionice(1).
# The nineteenth word of stat is how nice a process is by now (proc(5)); the second, its name, holds no blank.
read -r me rest </proc/self/stat
set -- $rest
if [ "${18}" != "$nice" ]; then
    renice -n "$nice" -p "$me" "${exchange:-$$}" >/dev/null 2>&1
    if command -v ionice >/dev/null 2>&1; then ionice -c 2 -n 7 -p "$me" "${exchange:-$$}" >/dev/null 2>&1; fi
fi
set --
