"""Purposes of the command lines in histories; most purposes count only beside other lines of an intrusion."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.provenance.mechanisms import SETTINGS, mechanisms_of

PUBLIC = (
    r"([1-9]|1[1-9]|[2-9]\d|1[01]\d|12[0-689]|1[3-5]\d|16[0-8]|17[013-9]|18\d|19[013-9]|2\d\d)\.(\d{1,3}\.){2}\d{1,3}"
)
"""An address of no private network: its first number is none of 10, 127, 169, 172 and 192."""
_URL_ADDRESS = rf"(https?|ftp)://{PUBLIC}"
_LOGS = r"(rsyslog\w*|syslog(-ng)?|auditd|systemd-journald\S*|osqueryd|falcon-sensor|wazuh\S*|ossec\S*|crowdsec|aegis|aliyun\S*|qcloud\S*|clamav\S*|sysmon\S*|mdatp|falco)"


class Purpose(NamedTuple):
    """What a line is for."""

    act: str
    weight: int
    """1: usual for administrators as well; 2: seldom; 3: hardly ever; 4: never."""


_LINES: tuple[tuple[str, int, str], ...] = (
    ("shell", 4, r"/dev/(tcp|udp)/[\w.$-]+/|\b(nc|ncat|netcat)(\.\w+)?\b.*\s-\w*[ec]\s|\bsocat\b.*\bexec:|\bmkfifo\b.*\b(nc|telnet|openssl)\b|(python[0-9.]*|perl|ruby|php)\s+-\w*[cer]\b.*(socket|fsockopen|TCPSocket)|\bgsocket\.io|\bgs-netcat\b"),
    ("shell", 3, r"\bpty\.spawn\b|\bscript\s+(-\w+\s+)*/dev/null\s+-c|\bstty\s+raw\s+-echo|\bsocat\b.*TCP-LISTEN.*(EXEC|SYSTEM)"),
    ("fetch", 3, rf"\b(wget|curl|fetch|ftp|tftp|ftpget|lwp-download)\b.*({_URL_ADDRESS}|\s{PUBLIC}([/:\s]|$))|\b(wget|curl)\b.*(-O|-o|>)\s*[\"']?/(tmp|var/tmp|dev/shm)/\S*.*(chmod|sh\b)"),
    ("fetch", 2, r"\b(wget|curl|fetch)\b[^|;]*[|]\s*(sudo\s+)?(-E\s+)?(\S*/)?(ba|da|z)?sh\b|\b(ba|z|da)?sh\s+(-c\s+)?[\"']?(<\(|\$\()\s*(curl|wget)|\b(wget|curl)\b.*(pastebin\.com|paste\.ee|transfer\.sh|ix\.io|termbin|discord(app)?\.com|t\.me/|ngrok|trycloudflare|githubusercontent\.com/\S+\.(elf|bin|x86_64))"),
    ("fetch", 1, r"\b(wget|curl|ftp|tftp)\b.*(https?|ftp)://(\d{1,3}\.){3}\d{1,3}"),
    ("encoded", 3, r"\b(base64|base32|xxd|openssl\s+(enc|base64))\b.*[|]\s*(sudo\s+)?(\S*/)?((ba|da|z)?sh|python[0-9.]*|perl|php)\b|\beval\b.*\bbase64\b|\bpython[0-9.]*\s+-c\b.*(b64decode|exec\()"),
    ("traces", 4, r"(>|\b(rm|shred|truncate|unlink|cp\s+/dev/null|cat\s+/dev/null\s*>)\b[^;|]*)\s*(/var/log/(\S*/)?|/run/|/var/run/)(wtmp|btmp|lastlog|utmp|auth\.log|secure|audit\.log|audit)\b|\b(utmpdump|zap2|wipe(log)?|logwiper|vanish2|hidemyass)\b.*(wtmp|utmp|log)|\bsed\s+-\w*i\b.*/var/log/"),
    ("traces", 3, r"\bhistory\s+-\w*[cwd]|\bunset\s+HIST(FILE|SIZE|FILESIZE)\b|\bexport\s+HISTFILE\s*($|;|=\s*($|;|/dev/))|HISTFILE=/dev/null|HIST(FILE)?SIZE=0|\bset\s+\+o\s+history|\b(rm|shred|unlink|truncate|ln|cp)\b.*\S*_history|>\s*~?\S*_history|\b(rm|shred)\b.*/var/log/(\*|\s|$|syslog(\s|$)|messages(\s|$)|cron(\s|$))|\bshopt\s+-ou\s+history"),
    ("tools", 4, r">>?\s*/etc/ld\.so\.preload|\b(vi|vim|nano|tee)\b.*/etc/ld\.so\.preload"),
    ("tools", 3, r"\b(mv|cp|ln|install|dd)\b[^;&|]*\s/?(usr/)?(local/)?s?bin/(ps|ls|ss|netstat|ifconfig|top|find|lsof|login|sshd?|su|sudo|passwd|crond?|kill|who|w|last|du|df|md5sum|dir|pstree|killall)\b|\bmv\s+(/usr)?/s?bin/(ps|ls|ss|netstat|ifconfig|top|find|lsof|login|sshd?|su|sudo|passwd|crond?)\b|\b(insmod|modprobe)\s+\S*(/tmp|/var/tmp|/dev/shm|\./)|\binsmod\s|\bchmod\s+(\S+\s+)*(\+s|[u]\+s|[2467][0-7]{3})\s+\S*(/(ba|da|z)?sh|/tmp/\S*|/dev/shm/\S*|/python\S*|/find|/vim?|/perl|/nmap|/cp)\b|\binstall\s[^;&|]*?(-\w*m\s*|--mode[= ])=?[\"']?[2467][0-7]{3}\s[^;&|]*/(ba|da|z)?sh\s|\bsetcap\s+\S*cap_(setuid|sys_admin|dac_override)|\b(sshd|ssh|pam)\S*\.(tgz|tar\.gz)\b.*(backdoor|patch)"),
    ("tools", 1, r"\bchmod\s+(\S+\s+)*(\+s|u\+s|[246][0-7]{3})\s"),
    ("stay", 4, r"\b(useradd|adduser|usermod)\b.*\s(-o\s+)?(-u|--uid)[= ]?0+\b|\becho\b.*:0+:0+:.*>>?\s*/etc/passwd"),
    ("stay", 3, r"(echo|printf|cat)\b.*>>?\s*(/etc/(cron|rc\.local|passwd|shadow|sudoers|inittab|init\.d|ld\.so|pam\.d)|/var/spool/cron)|\|\s*(sudo\s+)?tee\s+(-a\s+)?/etc/(passwd|shadow|pam\.d|ld\.so)|\bopenssl\s+passwd\b.*/etc/(passwd|shadow)"),
    ("stay", 2, r"\|\s*(sudo\s+)?crontab\s+(-u\s+\S+\s+)?-|\|\s*(sudo\s+)?tee\s+(-a\s+)?/etc/(cron|rc\.local|sudoers)|(echo|printf)\b.*(ssh-(rsa|ed25519|dss)|ecdsa-)\S*.*>>?\s*\S*authorized_keys|\bchpasswd\b|\becho\b.*\|\s*passwd\b"),
    ("stay", 1, r"\buseradd\b.*\s-\w*[gG]\w*\s*\S*(sudo|wheel|root)\b|\busermod\b.*\b(sudo|wheel|root)\b|>>?\s*\S*authorized_keys|\bcrontab\s+-r|\bssh-copy-id\b"),
    ("immutable", 2, r"\bchattr\s+(-\w+\s+)*[+=]\w*[ia]"),
    ("immutable", 1, r"\bchattr\s+(-\w+\s+)*-\w*[ia]"),
    ("hidden place", 3, r"\bcd\s+[\"']?/(tmp|var/tmp|dev/shm|usr|etc|var|lib|opt)/?(\S*/)?\.[^./\s]|\bmkdir\s+(-p\s+)?[\"']?(/(tmp|var/tmp|dev/shm|usr|lib|etc)\S*/\.|\.\.\. |\.\.\\ |[\"']\.\. )"),
    ("hidden place", 2, r"(^|[;&|]\s*)(sudo\s+|nohup\s+|setsid\s+)*(/tmp|/var/tmp|/dev/shm)/\S+|(^|[;&|]\s*)(nohup|setsid)\s+\./\S+|\bchmod\s+(\+x|[0-7]?7[0-7]{2})\s+(/tmp|/var/tmp|/dev/shm)/"),
    ("miner", 3, r"\b(xmrig|xmr-stak|minerd|cpuminer|stratum\+tcp|stratum\+ssl|masscan|zmap|zgrab2?|pnscan|hydra|medusa|ncrack|crowbar|sqlmap|linpeas|linenum|les\.sh|linux-exploit-suggester|pspy\d*|kinsing|kdevtmpfsi|nanominer|lolminer|phoenixminer|ethminer|traitor|deepce|cdk)\b|\bnr_hugepages="),
    ("miner", 1, r"\bnmap\b|\brustscan\b|\bnikto\b|\bgobuster\b|\barp-scan\b"),
    ("removed", 3, r"(^|[;&]\s*)(nohup\s+|setsid\s+)?\./[^\s;&]+[^;&]*&+\s*rm\s+"),
    ("onward", 2, r"\bsshpass\b|\bfor\b.*\b(ssh|scp)\b.*\bdone\b|\bssh\b.*BatchMode=yes.*StrictHostKeyChecking=no|\bproxychains4?\b|\b(impacket|psexec|crackmapexec|netexec|evil-winrm)\b"),
    ("onward", 1, r"\b(ssh|scp|rsync)\b.*\broot@\S+"),
    ("upload", 3, r"(/etc/(shadow|passwd)|id_rsa|\.ssh/|\.aws/|wallet|\.kdbx).*[|].*\b(curl|nc|ncat|wget)\b|\b(curl|wget|nc)\b.*(/etc/(shadow|passwd)|id_rsa|\.aws/credentials)|\bmysqldump\b.*[|].*\b(curl|nc|ssh)\b|\btar\b.*[|].*\b(curl|nc|ncat|openssl\s+s_client)\b"),
    ("upload", 2, r"\bcurl\b.*\s(-T|--upload-file)\b|\bcurl\b.*\s(-F|--form|--data-binary|--data|-d)[\s=]*\S*@|\b(wget)\b.*--post-file|\brclone\s+(copy|sync|move)\b|\b(nc|ncat)\b\s+\S+\s+\d+\s*<|\bmegaput\b|\bgsutil\s+cp\b|\b(aws\s+s3\s+(cp|mv|sync)|s3cmd\s+put|azcopy\s+copy)\b.*(--no-sign-request|--endpoint-url|\b(dump|backups?|db|passwd|shadow)\b\S*\s+(s3|https):)|\bdnscat|\bcroc\s+send"),
    ("search", 2, r"\bfind\b.*-perm\s+(-|/|\+)?(u=s|g=s|[-/]?[2467]000|-?4000|-?6000|-?2000|-?[ou]?[+=]?w)|\bgetcap\s+-r|\bfind\b.*-writable|\bfind\b.*(-i?name\s+[\"']?\S*(id_rsa|id_ed25519|\.pem|password|credential|wallet|\.kdbx|shadow|\.env|wp-config))|\bgrep\b\s+-\w*[rR]\w*.*(passw|secret|api_?key|token|BEGIN .*PRIVATE)"),
    ("defences", 3, rf"\b(systemctl|service|initctl|rc-service)\b\s+(\S+\s+)*?(stop|disable|mask|kill)\b.*\b{_LOGS}|\bservice\s+{_LOGS}\s+stop|\b(pkill|killall|kill)\b.*\b{_LOGS}|\bauditctl\s+(-e\s*0|-D)|\b(apt|apt-get|yum|dnf|rpm)\b.*\b(remove|purge|erase|-e)\b.*\b({_LOGS}|fail2ban|rkhunter|chkrootkit|aide|tripwire)"),
    ("defences", 2, r"\bsetenforce\s+(0|permissive)|\b(iptables|ip6tables)\s+(-F|--flush)|\bnft\s+flush\s+ruleset|\baa-(teardown|disable)|\becho\s+0\s*>\s*/proc/sys/kernel/(randomize|nmi|yama)|SELINUX=(disabled|permissive)|\bsysctl\s+-w\s+kernel\.(yama|randomize|kptr)|\bswapoff\b.*&&.*\bdd\b"),
    ("defences", 1, r"\bufw\s+disable|\b(systemctl|service)\b.*(stop|disable)\b.*\b(fail2ban|ufw|firewalld|apparmor|nftables|iptables|cron)|\b(iptables|ufw)\b.*(ACCEPT|allow)\b.*(0\.0\.0\.0/0|any)"),
    ("secrets", 3, r"\b(cat|less|more|head|tail|cp|grep|strings|vi|vim|nano|tar|xxd|base64|scp|john|awk|cut)\b.*/etc/g?shadow\b|\bunshadow\b|(^|[;&|]\s*|sudo\s+|/)john\s+(--|\S*(hash|shadow|pass))|\bhashcat\b|(169\.254\.169\.254|metadata\.google\.internal|100\.100\.100\.200)\S*(iam|credential|user-?data|token|identity|service-accounts)|\b(mimipenguin|lazagne|swapdigger|3snake)\b|\bgcore\b.*|\bcat\b.*/proc/\d+/(environ|mem|maps)\b|/var/run/secrets/kubernetes\.io"),
    ("secrets", 2, r"\b(cat|less|more|cp|scp|tar|base64|head)\b.*(\.ssh/id_\w+(\s|$)|id_(rsa|ed25519|ecdsa)(\s|$)|\.aws/credentials|\.kube/config|\.docker/config\.json|\.git-credentials|\.pgpass|\.netrc|\.bash_history|/etc/krb5\.keytab|\.vault-token|\.config/gcloud)"),
    ("secrets", 2, r"\bkubectl\b.*\bget\s+secrets?\b.*(-A\b|--all-namespaces|-o\s*=?\s*(ya?ml|json)(\s|$|[|;&>]))|\bvault\s+(kv\s+)?(get|read)\b|\baws\s+(secretsmanager\s+get-secret-value|iam\s+create-access-key|ssm\s+get-parameters?\b.*--with-decryption)|\bgcloud\s+secrets\s+versions\s+access\b|\baz\s+keyvault\s+secret\s+(show|download)\b"),
    ("secrets", 1, r"\bcat\b.*(wp-config\.php|/\.env\b|settings\.php|database\.yml|LocalSettings\.php)|169\.254\.169\.254"),
    ("tunnel", 3, r"\b(chisel|frpc|frps|ngrok|iodine|dnscat2?|ligolo\S*|gost|earthworm|nps|npc|revsocks|rpivot|ptunnel|localtonet|bore\s+local|sliver|cloudflared\s+tunnel|tailscale\s+up|stowaway)\b|\bssh\b.*\s-\w*R\s*(\S+:)?\d+:\S+:\d+"),
    ("tunnel", 2, r"\b(iptables|nft)\b.*(PREROUTING|prerouting).*(REDIRECT|redirect|DNAT|dnat)|\bsocat\b.*TCP\d?-LISTEN|\bssh\b.*\s-\w*D\s*(\S+:)?\d+\b|\btcpdump\b.*-w\s"),
    ("escape", 3, r"\b(docker|podman|nerdctl|ctr)\b.*(-v|--volume|--mount)[= ]?\S*(^|[\s=:,])/:/|\b(docker|podman)\b\s+run\b.*--privileged|\b(docker|podman)\b.*\s-v\s*/:|\bnsenter\b.*(-t|--target)[= ]?1\b|\bchroot\s+/(mnt|host|hostfs)\b|release_agent|\bcore_pattern\b.*>|\bunshare\b.*-\w*r\w*\b.*(-m|mount)|\bkubectl\b.*(--privileged|hostPID)"),
    ("stamp", 3, r"\btouch\s+(-\w+\s+)*(-\w*r\w*|--reference)[= ]\S+\s+/(usr|bin|sbin|lib|etc|var|dev)\S*|\btouch\b.*-\w*[acm]*[dt]\w*\s+\S+.*\s/(usr|bin|sbin|lib|etc|var)\S*|\bdebugfs\b.*\bset_inode"),
    ("stamp", 2, r"\btouch\s+(-\w+\s+)*(-\w*r\w*|--reference)[= ]\S+"),
    ("wiped", 3, r"\b(shred|wipe)\b.*/dev/(sd|vd|nvme|xvd)|\bdd\b.*\bof=/dev/(sd|vd|nvme|xvd|mapper)|\brm\s+-\w*r\w*f?\w*\s+(--no-preserve-root\s+)?/(\s|\*|$)|\bmkfs\S*\s+/dev/(sd|vd|nvme)\w*.*-F|\bfind\b.*-exec\s+(openssl\s+enc|gpg\s+(-c|--symmetric))|\bopenssl\s+enc\b.*-aes.*\brm\b"),
    ("shell", 4, r"\btelnet\b.*\|\s*(/\S*/)?(ba|da|z)?sh\b|\bsocat\b.*\b(EXEC|SYSTEM|system):"),
    ("shell", 3, r"\b(vim?|view|less|more|man|ed|gdb|ftp|psql|mysql)\b.*[:!]\s*!?/(usr/)?bin/(ba|da|z)?sh\b|\bfind\b.*-exec\s+(/(usr/)?bin/)?(ba|da|z)?sh\s+(-p\s+)?(\\;|';'|\+)|\b[gmn]?awk\b.*\bsystem\s*\(\s*[\"'](/(usr/)?bin/)?(ba|da|z)?sh[\"']|\b(perl|ruby|lua[0-9.]*|python[0-9.]*|php[0-9.]*|node)\s+-\w*[eErc]\w*\s.*\b(exec|system|spawn|execl?|passthru)\b[^;]*[\"'](/(usr/)?bin/)?(ba|da|z)?sh\b|\btar\b.*--checkpoint-action=exec"),
    ("shell", 2, r"\b(nc|ncat|netcat)(\.\w+)?\s+(-\w+\s+)*-\w*l\w*(\s+-\w+)*\s+(-p\s*)?\d+"),
    ("fetch", 1, r"\b(wget|curl)\b.*(;|&&)\s*tar\s.*(;|&&)\s*(sudo\s+)?(\./\S+|make\b|(ba|da)?sh\s)"),
    ("tools", 3, r"\bexport\s+LD_(PRELOAD|AUDIT)=/(tmp|var|dev|home|root)/|(^|[\s;])LD_(PRELOAD|AUDIT)=/(tmp|var/tmp|dev/shm)/"),
    ("tools", 2, r"(^|[\s/;])(\w*exploit\w*|cve[-_]?\d{4}[-_]\d+|dirty_?(cow|pipe)|pwnkit|\w*rootkit\w*|diamorphine|reptile)(\.\w+)?(\s|;|$)"),
    ("tools", 1, r"\b(gcc|cc|g\+\+|clang)\b.*(;|&&)\s*(sudo\s+)?\./\S+"),
    ("stay", 3, r"(?i)\binto\s+(out|dump)file\s+[\"']\S*(/www/|/html/|/cron|/plugin|authorized_keys|\.(php\d?|jspx?|so)\b)|\bcreate\s+(or\s+replace\s+)?function\b.*\b(soname|language\s+'?(c|plpython3?u|plperlu))\b|\bcopy\b.*\bfrom\s+program\s|\bselect\b.*\bsys_(exec|eval)\s*\("),
    ("encoded", 2, r"\b(base64|base32|xxd|openssl\s+(enc|base64))\b.*\s(-\w*[dDr]\b|--decode)[^|;]*>\s*/(usr|lib|lib64|bin|sbin|etc|opt|tmp|var/tmp|dev/shm)/"),
    ("secrets", 2, r"(?i)\bselect\b.*\bload_file\s*\(|\bpg_read_file\s*\(|\bselect\b.*\bfrom\s+(mysql\.user|pg_shadow|pg_authid)\b"),
    ("stay", 3, r"(?i)(\bredis-cli\b.*|^\s*)\bconfig\s+set\s+(dir|dbfilename)\b|\b(echo|printf)\b.*<\?(php|=).*>>?\s*\S+\.ph\w+"),
    ("stay", 2, r"\b(PermitRootLogin|PasswordAuthentication|PermitEmptyPasswords)\s+yes[/gI\"'|#]*\s+(>>\s*)?\S*sshd_config|\becho\b.*\bAuthorizedKeys(File|Command)\s.*>>\s*\S*sshd_config|\bwp\s+user\s+create\b.*administrator|\b(mv|cp)\s+\S+\.(php\d?|phtml|jsp|aspx)\s+\S*/(uploads?|images?|img|tmp|cache)(/|\s|$)|\bkubectl\b.*\bcreate\s+(cluster)?rolebinding\b.*cluster-admin|\baws\s+iam\s+(create-(user|login-profile)|attach-\w+-policy|put-\w+-policy)"),
    ("stay", 1, r"(^|[;&|]\s*)at\s+now\b"),
    ("traces", 3, r"\bjournalctl\b.*--vacuum-time=\d{1,3}\s*(s|sec|m|min)\b|\bkill\s+-9\s+\$\$"),
    ("hidden place", 1, r"\bscreen\s+(-\w+\s+)*-\w*dm\w*\s+(\S+\s+)?\./\S+"),
    ("miner", 3, r"\bgrep\b\s+\S*(xmr|kinsing|kdevtmp|minerd|cryptonight|stratum)\S*.*\b(kill|xargs)\b"),
    ("miner", 2, r"\bfor\b.*(\bseq\b|\{1\.\.25\d\}).*\b(ping|nc)\b"),
    ("miner", 1, r"\bps\b.*\|.*\bgrep\b.*\|\s*xargs\s+(-\w+\s+)*kill\b"),
    ("upload", 3, r"\b(dd|tar|cat|gzip|mysqldump|pg_dump)\b.*\|\s*(nc|ncat)\s"),
    ("upload", 2, rf"\b(scp|rsync|sftp)\b.*[\s@]{PUBLIC}:|\b(tar|zip|7z|rar)\b.*\s/(tmp|var/tmp|dev/shm)/\S+\.(tgz|zip|7z|rar|tar\S*)\s+/(home|var/www|etc|root|srv)\b"),
    ("upload", 1, r"\b(mysqldump|pg_dump)\b.*>\s*/(tmp|var/tmp|dev/shm|var/www)/"),
    ("search", 2, r"((^|;|&&|\|\|)\s*(id|whoami|who|w|last|uname\s+-\w+|hostname|ifconfig|ip\s+a\w*|netstat\s+-\w+|cat\s+/etc/(issue|os-release|passwd|\*release\*))\s*){3,}"),
    ("search", 1, r"(^|[;&|]\s*)sudo\s+-l\b|\bcat\s+/etc/(passwd|sudoers|group)\b"),
    ("defences", 2, rf"\b(iptables|ip6tables)\s+-[IA]\s+INPUT\b.*-s\s+{PUBLIC}\S*\s.*ACCEPT"),
    ("secrets", 3, r"\bgetent\s+g?shadow\b|\bstrace\b.*-p\s*\S+.*-e\s*(trace=)?(read|write)\b|\bstrace\b.*-e\s*(trace=)?(read|write)\b.*-p\b"),
    ("secrets", 2, r"\benv\b.*\|\s*grep\b.*(?i:aws|key|token|secret|passw)|(cookies\.sqlite|logins\.json|key4\.db|Login\s?Data)\b|\bdebugfs\s+(-\w+\s+)*/dev/|\bcurl\b.*/api/v1/(namespaces/\S+/)?secrets\b"),
    ("secrets", 1, r"\b(cat|less|head|grep)\b.*[\s/]\.env(\.\w+)?\b|\bselect\b.*\bfrom\s+\S*(users|admin_user|members)\b"),
    ("escape", 1, r"\bcapsh\s+--print\b|\bcat\s+/proc/1/(cgroup|sched|mounts)\b|\bmount\s+/dev/(sd|vd|xvd|nvme)\S+\s+/(mnt|tmp)\b"),
    ("stamp", 1, r"\btouch\s+(-\w+\s+)*(-\w*[dt]\w*|--date)[= ]?[\"']?[\w-]+"),
    ("wiped", 1, r"\bopenssl\s+enc\b.*\s-in\s"),
)  # fmt: skip


_STOPPED = re.compile(
    r"\b(?:systemctl|service)\s+(?:--?\S+\s+)*(?:(?:stop|disable|mask)\s+([^\s;&|]+)|([^\s;&|]+)\s+stop\b)"
)
_STARTED = re.compile(
    r"\b(?:systemctl|service)\s+(?:--?\S+\s+)*(?:(?:start|restart|enable|unmask)\s+(?:--now\s+)?([^\s;&|]+)|([^\s;&|]+)\s+(?:start|restart)\b)"
)
_LOCKS = re.compile(r"\bchattr\s+(?:-R\s+)?([+-])\w*[ia]\w*\s+(\S+)\s*$")
_PLAIN_SETTING = re.compile(r"/etc/(?!(?:passwd|g?shadow|group)-?$)(?:[\w-][\w.-]*/)*[\w-][\w.-]*")


def undoes(text: str, earlier: str) -> bool:
    """Tell whether a line undoes what an earlier one did: starts the unit that was stopped, locks the file again.

    >>> undoes("systemctl start clamav-freshclam", "systemctl stop clamav-freshclam")
    True
    """
    stopped, started = _STOPPED.search(earlier), _STARTED.search(text)
    if stopped and started:
        return (stopped[1] or stopped[2]) == (started[1] or started[2])
    locked, again = _LOCKS.search(earlier), _LOCKS.search(text)
    return bool(locked and again and locked[2] == again[2] and locked[1] != again[1])


def undone_within(text: str) -> bool:
    """Tell whether a line starts again, behind the last stop, each unit that it stops.

    >>> undone_within("systemctl stop x; freshclam; systemctl start x"), undone_within("systemctl stop x y; systemctl start x")
    (True, False)
    """
    stopped: set[str] = set()
    ends = False
    for command in _COMMANDS.split(text.partition(" #")[0]):
        called = _SERVICE.match(command)
        if called is None:
            continue
        words = [word for word in called[1].split() if not word.startswith("-")]
        if _ENDS.intersection(words):
            stopped |= {word for word in words if word not in _ENDS}
            ends = True
        elif _BEGINS.intersection(words):
            stopped -= {*words}
    return ends and not stopped


_COMMANDS = re.compile(r"[;&|\n]+")
_SERVICE = re.compile(r"^\s*(?:sudo\s+)?(?:systemctl|service)\s+(.*)$")
_ENDS, _BEGINS = frozenset({"stop", "disable", "mask", "kill"}), frozenset({"start", "restart", "enable", "unmask"})


def _locks_a_setting(text: str) -> bool:
    """Tell whether a line locks a file below /etc that starts and loads nothing, names no account, and is not hidden."""
    locked = _LOCKS.search(text)
    if locked is None or not _PLAIN_SETTING.fullmatch(locked[2]):
        return False
    return all(mechanism is SETTINGS for mechanism in mechanisms_of(locked[2]))


_compiled = partial(automaton, captures=False, memory=64 << 20)

_COMPILED = tuple((Purpose(act, weight), _compiled(pattern)) for act, weight, pattern in _LINES)
_ANY = _compiled("|".join(f"(?:{pattern})" for _, _, pattern in _LINES))


def purposes(text: str) -> tuple[Purpose, ...]:
    """Return what a line of a history is for, each act once with its highest weight; linear in the text.

    >>> purposes("find / -perm -4000 -type f")
    (Purpose(act='search', weight=2),)
    """
    content = text.encode("utf-8", "surrogatepass").replace(b"chkrootkit", b"")  # a scanner, and no rootkit
    if not _ANY.search(content):
        return ()
    found: dict[str, Purpose] = {}
    for purpose, pattern in _COMPILED:
        if purpose.act not in found and pattern.search(content):
            found[purpose.act] = purpose
    if "immutable" in found and _locks_a_setting(text):
        found["immutable"] = Purpose("immutable", 1)
    return tuple(found.values())
