# Lists what is immutable or append-only (chattr(1)), files and directories, the directory itself too.
# lsattr(1) prints names as they are, so names that hold a newline go one by one, escaped.
needs lsattr find grep || exit 127
find "$@" -xdev \( -type f -o -type d \) ! -path "*$nl*" -exec lsattr -d -- {} + 2>/dev/null | grep '^[^ ]*[ia][^ ]* '
find "$@" -xdev \( -type f -o -type d \) -path "*$nl*" -exec sh -c '
    nl=$1
    shift
    for file; do
        flags=$(lsattr -d -- "$file" 2>/dev/null)
        case ${flags%%[ "$nl"]*} in
            *[ia]*) printf "%s %s\n" "${flags%% *}" "$(printf "%s\n" "$file" | tr "\n" "\013")" ;;
        esac
    done' sh "$nl" {} +
