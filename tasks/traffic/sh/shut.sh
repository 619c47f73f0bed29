# Arguments: what to do (shut, lift, show), the scheduled undo's name, the kind of interface (function, virsh, pve), and two
# words that name it: card and number of a virtual function; UUID of the guest and link-layer address; number of the guest
# and `netN`. In $before: how it was by the plan, used where nothing is kept beside the timer, as after a reboot.
what=$1 kind=$3 who=$4 which=$5
kept=/run/stopgap/$2.$4.$5.before

interface() { # Argument: none, or --inactive: the XML of the guest's interface
    LC_ALL=C virsh -q dumpxml $1 "$who" | awk -v mac="$which" '
        /^ *<interface / { text = ""; inside = 1 }
        inside { text = text $0 "\n" }
        /^ *<\/interface>/ { if (inside && index(tolower(text), "\047" mac "\047")) printf "%s", text; inside = 0 }'
}
link() { sed -n "s/^ *<link state='\([a-z]*\)'\/>.*/\1/p" | head -n 1; }
configured() { virsh -q dominfo "$who" | grep -q '^Persistent: *yes'; }
config() { sed -n -e '/^\[/q' -e "s/^$which: *//p" "/etc/pve/qemu-server/$who.conf"; }
digest() { sha1sum <"/etc/pve/qemu-server/$who.conf" | cut -d ' ' -f 1; }
show() {
    case $kind in
        function) LC_ALL=C ip link show dev "$who" | sed -n "s/^ *vf $which .*link-state \([a-z]*\).*/\1/p" ;;
        virsh)
            live=$(interface) || return
            echo "$(printf '%s\n' "$live" | link):$(! configured || interface --inactive | link)"
            ;;
        pve) config ;;
    esac
}
put() { # Arguments: state of the link as virsh has it, or none; then --live or --config.
    case $2 in --live) text=$(interface) ;; *) text=$(interface --inactive) ;; esac
    [ -n "$text" ] || { echo "$who has no interface $which" >&2; return 1; }
    [ "$(printf '%s\n' "$text" | link)" != "$1" ] || return 0
    file=$(mktemp) || return
    printf '%s\n' "$text" | sed '/^ *<link state=/d' |
        sed "${1:+/<mac address=/a <link state='$1'/>}" >"$file"
    virsh -q update-device "$who" "$file" $2 >/dev/null
    failed=$?
    rm -f "$file"
    return $failed
}
shut() {
    if [ ! -e "$kept" ]; then
        now=$(show) || return
        [ -n "$now" ] || { echo "$who $which is not there" >&2; return 1; }
        printf '%s\n' "$now" >"$kept" || return
    fi
    case $kind in
        function) ip link set dev "$who" vf "$which" state disable && [ "$(show)" = disable ] ;;
        virsh)
            virsh -q domif-setlink "$who" "$which" down >/dev/null || return
            ! configured || virsh -q domif-setlink "$who" "$which" down --config >/dev/null
            ;;
        pve)
            case ,$(config), in *,link_down=1,*) return ;; esac
            qm set "$who" "--$which" "$(config | sed 's/,link_down=0//'),link_down=1" --digest "$(digest)" >/dev/null
            ;;
    esac
}
lift() {
    [ ! -e "$kept" ] || before=$(cat "$kept")
    case $kind in
        function)
            [ -e "/sys/class/net/$who" ] || { rm -f "$kept"; return 0; }
            ip link set dev "$who" vf "$which" state "${before:-auto}" && [ "$(show)" = "${before:-auto}" ]
            ;;
        virsh)
            ! virsh -q domstate "$who" | grep -q '^running\|^paused' || put "${before%%:*}" --live || return
            ! configured || put "${before#*:}" --config
            ;;
        pve)
            now=$(config)
            case ,$now, in *,link_down=1,*) ;; *) rm -f "$kept"; return 0 ;; esac
            # Options that somebody has changed since stay; the link alone goes back.
            opened=$(printf '%s\n' "$now" | sed 's/,link_down=1//')
            [ "$(printf '%s\n' "$before" | sed 's/,link_down=[01]//')" != "$opened" ] || opened=$before
            qm set "$who" "--$which" "$opened" --digest "$(digest)" >/dev/null
            ;;
    esac || return
    rm -f "$kept"
}
$what </dev/null
