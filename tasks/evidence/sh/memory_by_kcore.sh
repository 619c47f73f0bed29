# Streams the memory that /proc/kcore (proc(5)) maps, in LiME's format: before each range of physical addresses 32
# bytes that say which it is. The other ranges of that file are terabytes of addresses behind which there is nothing.
kcore=/proc/kcore
number() { set -- $(od -A n -v -j "$1" -N "$2" -t "u$2" <"$kcore" 2>/dev/null); echo "$1"; }
hex() { set -- $(od -A n -v -j "$1" -N 8 -t x8 <"$kcore" 2>/dev/null); echo "$1"; }
little() {
    set -- "$1" "$2" ''
    while [ "$2" -gt 0 ]; do set -- $(($1 / 256)) $(($2 - 1)) "$3\\$(printf %03o $(($1 % 256)))"; done
    printf "$3"
}
[ -e "$kcore" ] || { echo "this kernel has no $kcore (CONFIG_PROC_KCORE)" >&2; exit 1; }
if ! (: <"$kcore") 2>/dev/null; then
    state=
    { read -r state </sys/kernel/security/lockdown; } 2>/dev/null
    echo "$kcore does not open: it needs root, CAP_SYS_RAWIO, and no lockdown of the kernel${state:+ ($state)}" >&2
    exit 1
fi
for tool in od dd; do command -v "$tool" >/dev/null || { echo "not installed: $tool" >&2; exit 127; }; done
class=$(od -A n -j 4 -N 1 -t u1 <"$kcore")
[ "$((class))" = 2 ] || { echo "$kcore is of a kernel of 32 bits, which is not read" >&2; exit 1; }
at=$(number 32 8) size=$(number 54 2) count=$(number 56 2) taken=0
while [ "${count:-0}" -gt 0 ]; do
    kind=$(number "$at" 4) virtual=$(hex $((at + 16))) physical=$(hex $((at + 24)))
    offset=$(number $((at + 8)) 8) length=$(number $((at + 32)) 8)
    at=$((at + size)) count=$((count - 1))
    # Physical -1: no memory, but addresses. At the top of the addresses the kernel's own code is there once more.
    case $kind:$physical:$virtual in 1:f*|*:ffffffff[89a-f]*) continue ;; 1:*) ;; *) continue ;; esac
    physical=$((0x$physical)) block=1048576
    while [ $((offset % block)) -ne 0 ] || [ $((length % block)) -ne 0 ]; do block=$((block / 2)); done
    printf 'EMiL'; little 1 4; little "$physical" 8; little $((physical + length - 1)) 8; little 0 8
    dd if="$kcore" bs="$block" skip=$((offset / block)) count=$((length / block)) 2>/dev/null || s=$?
    printf 'physical %s to %s\n' "$physical" $((physical + length - 1)) >&2
    taken=$((taken + 1))
done
[ "$taken" -gt 0 ] || { echo "$kcore does not say which of its ranges are memory" >&2; exit 1; }
