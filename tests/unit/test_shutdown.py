"""Which commands would bring a host down, and which only look like it."""

import pytest

from stopgap.orchestrator.shutdown import service_shuts_down, shuts_down

DOWN = [
    ["reboot"],
    ["/sbin/reboot", "-f"],
    ["shutdown", "-h", "now"],
    ["/usr/sbin/halt"],
    ["poweroff"],
    ["init", "0"],
    ["telinit", "6"],
    ["/sbin/init", "s"],
    ["systemctl", "poweroff"],
    ["systemctl", "--no-wall", "-i", "reboot"],
    ["/usr/bin/systemctl", "isolate", "multi-user.target"],
    ["systemctl", "rescue"],
    ["systemctl", "start", "reboot.target"],
    ["systemctl", "stop", "multi-user.target"],
    ["loginctl", "suspend"],
    ["kexec", "-e"],
    ["sudo", "-n", "reboot"],
    ["sudo", "-u", "root", "--", "/sbin/poweroff"],
    ["nohup", "env", "-i", "A=b", "shutdown", "-r", "+1"],
    ["timeout", "-s", "KILL", "5", "halt"],
    ["busybox", "reboot"],
    ["sh", "-c", "reboot"],
    ["bash", "-lc", "sleep 1; reboot"],
    ["sh", "-c", "sync && /sbin/reboot -f &"],
    ["sh", "-ec", "if true\nthen\nreboot\nfi"],
    ["sh", "-c", "(sleep 5; poweroff) >/dev/null 2>&1 &"],
    ["sh", "-c", 'x="$(reboot)"'],
    ["sh", "-c", "echo `reboot`"],
    ["sh", "-c", "A=b reboot"],
    ["sh", "-c", "echo a#b; reboot"],
    ["sh", "-c", "sudo sh -c 'reboot'"],
    ["sh", "-c", "eval reboot"],
    ["sh", "-c", "echo reboot | at now"],
    ["sh", "-c", "echo 'init 0' | sh"],
    ["sh", "-c", "echo b > /proc/sysrq-trigger"],
    ["sh", "-c", "echo b >/proc/sysrq-trigger"],
    ["sh", "-c", "echo b | tee /proc/sysrq-trigger"],
    ["su", "-", "root", "-c", "reboot"],
    ["rtcwake", "-m", "mem", "-s", "60"],
]
UP = [
    [],
    ["uptime"],
    ["shutdown", "-c"],
    ["shutdown", "-k", "now"],
    ["reboot", "--help"],
    ["init", "q"],
    ["telinit", "u"],
    ["last", "reboot"],
    ["echo", "reboot"],
    ["sudo", "last", "reboot"],
    ["timeout", "5", "last", "reboot"],
    ["grep", "-r", "shutdown", "/var/log"],
    ["systemctl", "status", "reboot.target"],
    ["systemctl", "mask", "reboot.target"],
    ["systemctl", "restart", "apache2"],
    ["systemctl", "stop", "postfix"],
    ["kexec", "-l", "/vmlinuz"],
    ["sh", "-c", "last reboot; who -r"],
    ["sh", "-c", "echo 'do not reboot'"],
    ["sh", "-c", "# reboot\ntrue"],
    ["sh", "-c", "cat </proc/sysrq-trigger"],
    ["sh", "-c", 'echo "open'],
    ["sh", "/root/reboot.sh.old"],
    ["/opt/reboot/run"],
]


@pytest.mark.parametrize("argv", DOWN, ids=" ".join)
def test_a_command_that_brings_the_host_down_is_recognised(argv: list[str]):
    assert shuts_down(argv)


@pytest.mark.parametrize("argv", UP, ids=" ".join)
def test_a_command_that_leaves_it_up_is_let_through(argv: list[str]):
    assert not shuts_down(argv)


@pytest.mark.parametrize("argv", [["sh"], ["bash", "-s"], ["at", "now"], ["sudo", "sh"]])
def test_what_a_shell_reads_from_its_standard_input_counts(argv: list[str]):
    assert shuts_down(argv, "sync\nreboot\n")
    assert not shuts_down(argv, "sync\n")


def test_shells_inside_shells_are_not_followed_for_ever():
    assert shuts_down([*["sudo"] * 1000, "true"])


def test_units_that_end_the_host_are_known():
    assert service_shuts_down("reboot.target", "started")
    assert service_shuts_down("multi-user.target", "stopped")
    assert not service_shuts_down("reboot.target", None)
    assert not service_shuts_down("postfix.service", "stopped")
