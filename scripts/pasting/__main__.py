"""Command line: contain on one lab, and carry the manual of it out on a second one."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pasting.blocks import LAB, ROOT, Block, Failed, Terminal, blocks, by_hand

WEB = "http://203.0.113.10/"
DETAILS = ("reporter=Kei Tanaka", "phone=+81 3 0000 0000", "call=Provider NOC +81 3 1111 1111", "timezone=Asia/Tokyo")
CONTAIN = Path("runbooks/contain.yaml")
WORDS = ("-i", "inventories/lab.yaml", "-t", "web", "-p", "contact=noc@example.jp")


def main() -> int:
    """Carry it out; exit status 1 where a block did not do what the manual says."""
    argparse.ArgumentParser(prog="paste_manual", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manual = Path(folder) / "manual.html"
        try:
            made(Path(folder) / "first", manual)
            subprocess.run([LAB, "down"], check=True, capture_output=True)
            subprocess.run([LAB, "up"], check=True, capture_output=True)
            carry_out(blocks(manual.read_text()), Path(folder) / "second")
        except Failed as error:
            print(f"paste_manual: {error}", file=sys.stderr)
            return 1
    return 0


def made(home: Path, manual: Path, runbook: Path = CONTAIN) -> None:
    """Contain the lab's web server by a runbook, and write the manual of it. Raises Failed."""
    words = [word for detail in DETAILS for word in ("--set", detail)]
    operator(home, "incident", "open", "first", *words)
    operator(home, "run", str(runbook), *WORDS, "--incident", "first", "--yes")
    operator(home, "report", "--incident", "first", "--manual", "-o", str(manual))
    operator(home, "undo", "last", "--yes")


def carry_out(found: list[Block], home: Path) -> None:
    """Paste every block: first those of the operator, then, after their undo, those by hand. Raises Failed."""
    terminal = Terminal({"STOPGAP_HOME": str(home)})
    try:
        for block in (each for each in found if not each.host and "recover " not in each.lines):
            terminal.paste(block)
            tell(block)
    finally:
        terminal.close()
    expect(visit() == 503, "visitors get the maintenance page after the operator's blocks")
    expect("web is contained" in terminal.said, "the terminal says that web is contained")
    operator(home, "undo", "last", "--yes")
    expect(visit() == 200, "the site is back after the undo")
    for block in by_hand(found, "by-hand"):
        tell(block)
    expect(visit() == 503, "visitors get the maintenance page after the blocks by hand")
    expect(not answers(22), "web's port 22 is silent to the internet after the blocks by hand")
    for block in by_hand(found, "undo"):
        tell(block)
    expect(visit() == 200, "the site is back after the undo by hand")
    expect(answers(22), "web's port 22 answers the internet again")


def operator(home: Path, *argv: str) -> str:
    """Run a command of the operator's. Raises Failed."""
    command = [LAB, "exec", "operator", "env", f"STOPGAP_HOME={home}", "stopgap", *argv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"stopgap {' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def visit() -> int:
    """Return the HTTP status that a visitor on the internet gets; 0 without an answer."""
    argv = [LAB, "exec", "internet", "curl", "-gsm", "5", "-o", "/dev/null", "-w", "%{http_code}", WEB]
    return int(subprocess.run(argv, capture_output=True, text=True).stdout or 0)


def answers(port: int) -> bool:
    """Return True if the web server's port answers the internet."""
    probe = f"import socket; socket.create_connection(('203.0.113.10', {port}), 3)"
    argv = [LAB, "exec", "internet", sys.executable, "-c", probe]
    return subprocess.run(argv, capture_output=True).returncode == 0


def expect(holds: bool, what: str) -> None:
    """Say what was seen. Raises Failed where it does not hold."""
    if not holds:
        raise Failed(f"not so: {what}")
    print(f"  yes  {what}", flush=True)


def tell(block: Block) -> None:
    """Say which block was pasted."""
    print(f"  pasted  {block.host or 'operator':<9} {block.kind:<8} {block.lines.splitlines()[0][:80]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
