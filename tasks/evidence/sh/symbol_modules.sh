# Names the modules that own a symbol of the kernel (proc(5), kallsyms).
needs awk || exit 127
awk '$4 != "" && !seen[$4]++ { print "/proc/kallsyms:" $4 }' /proc/kallsyms || s=$?
