# Archives the files of web sites that are named as something else and hold code of PHP, up to 1 MB each.
needs find grep || exit 127
set --
IFS=$nl
set -f
for place in $places; do set -- "$@" "$place"; done
set +f
unset IFS
found_in() {
    { find "$@" -xdev -type f -size -2048 ! -name '*.ph[pt]*' ! -name '*.inc' ! -name '*.phar' ! -name '*.js' ! -name '*.html' \
        ! -name '*.po' ! -name '*.md' ! -path '*/node_modules/*' -exec grep -l -a -F -e '<?php' -e '<?=' -- {} + 2>&1 >&5 5>&- | lost; } 5>&1
}
if [ $# -gt 0 ]; then
    listed=$(found_in "$@")
    set --
    IFS=$nl
    set -f
    for file in $listed; do set -- "$@" "$file"; done
    set +f
    unset IFS
fi
each=1048576 tests=
[ $# -eq 0 ] || archive "$@"
