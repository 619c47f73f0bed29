# Argument: IP version. In $routes: the blackhole routes that go, a line each.
printf %s "$routes" | sed 's/^/route del blackhole /' | ip -"$1" -force -batch - 2>/dev/null
true
