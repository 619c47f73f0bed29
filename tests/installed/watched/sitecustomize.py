"""Notes, in the file that IMPORTS_OF_THREADS names, every module that another thread than the main one imports."""

import os
import sys
import threading

_noted = os.environ.get("IMPORTS_OF_THREADS")
_main = threading.main_thread()


def _note(event: str, arguments: tuple[object, ...]) -> None:
    thread = threading.current_thread()
    if event != "import" or thread is _main:
        return
    descriptor = os.open(_noted or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{thread.name}: {arguments[0]}\n".encode())
    os.close(descriptor)


if _noted:
    sys.addaudithook(_note)
