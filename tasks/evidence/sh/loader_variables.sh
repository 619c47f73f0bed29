# Prints the processes whose environment tells the dynamic loader what to load first (ld.so(8)).
needs tr grep && strings /proc/[0-9]*/environ | grep -a ':LD_[A-Z_]*='
