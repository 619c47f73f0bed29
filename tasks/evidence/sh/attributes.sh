# Lists what is immutable or append-only (chattr(1)), files and directories, the directory itself too, once each: by the
# kernel's own call where perl or python3 is there, and by lsattr(1). What the one shows and the other does not is listed,
# and said. A newline in a name becomes a vertical tab; lsattr prints names as they are, so such names go one by one.
needs awk tr || exit 127
kernel=
[ "$fl_way" = tools ] || kernel=yes
if [ "$fl_lister" ] && command -v find >/dev/null 2>&1 && command -v sed >/dev/null 2>&1; then :
elif [ "$kernel" ]; then fl_lister=
else needs find sed || exit 127; fi
{
    if [ "$kernel" ]; then fl walk "$@" | tr '\0\n' '\n\013'; fi
    if [ "$fl_lister" ]; then
        find "$@" -xdev \( -type f -o -type d \) ! -path "*$nl*" -exec $fl_lister -d -- {} + 2>/dev/null |
            sed -n '/^[^ ]*[ia][^ ]* /p'
        find "$@" -xdev \( -type f -o -type d \) -path "*$nl*" -exec sh -c '
            nl=$1 lister=$2
            shift 2
            for file; do
                flags=$($lister -d -- "$file" 2>/dev/null)
                case ${flags%%[ "$nl"]*} in
                    *[ia]*) printf "%s %s\n" "${flags%% *}" "$(printf %s "$file" | tr "\n" "\013")" ;;
                esac
            done' sh "$nl" "$fl_lister" {} +
    fi
} | awk -v both="$kernel$fl_lister" -v lister="$fl_lister" '
    { path = substr($0, length($1) + 2) }
    /^unread [0-9]/ { print $2 " could not be looked at, such as " substr($0, length($2) + 9) | "cat 1>&2"; next }
    /^kernel:/ {
        kernel[path]
        print "----" ($1 ~ /:i/ ? "i" : "-") ($1 ~ /:i?a/ ? "a" : "-") "-------- " path
        next
    }
    { listed[path] }
    !(path in kernel) { print; alone++; other = path }
    END {
        if (lister == "" || both == lister) exit
        for (path in kernel) if (!(path in listed)) { hidden++; one = path }
        if (hidden) print lister " does not show " hidden " that the kernel does, such as " one | "cat 1>&2"
        if (alone) print lister " shows " alone " that the kernel does not, such as " other | "cat 1>&2"
    }' || s=$?
