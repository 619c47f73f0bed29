# Arguments: IP version, the name of the block's scheduled undo. In $routes: the blackhole routes that come, a line each;
# all of them or none. In $held: those that the block needs, its own and those that another block has made.
# A route of somebody else's to the very same address makes it fail; it is never replaced.
all() { printf %s "$routes" | sed "s/^/route $1 blackhole /"; }
printf %s "$held" >"/run/stopgap/$2.held$1" || exit
[ -n "$routes" ] || exit 0
all del | ip -"$1" -force -batch - 2>/dev/null
all add | ip -"$1" -batch - && exit
all del | ip -"$1" -force -batch - 2>/dev/null
exit 1
