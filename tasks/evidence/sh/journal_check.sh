# Has journalctl check its files; what it finds it tells on standard error.
if command -v journalctl >/dev/null 2>&1; then
    printf '$ journalctl --verify\n'
    journalctl --verify --no-pager --quiet 2>&1 || :
fi
