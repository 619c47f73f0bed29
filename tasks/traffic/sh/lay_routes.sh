# Argument: IP version. In $routes: the blackhole routes that come, a line each; all of them or none.
# A route of somebody else's to the very same address makes it fail; it is never replaced.
all() { printf %s "$routes" | sed "s/^/route $1 blackhole /"; }
all del | ip -"$1" -force -batch - 2>/dev/null
all add | ip -"$1" -batch - && exit
all del | ip -"$1" -force -batch - 2>/dev/null
exit 1
