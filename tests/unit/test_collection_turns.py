"""How much evidence arrives at once."""

import threading
from pathlib import Path

from stopgap.orchestrator.run.collect import COLLECTIONS_AT_ONCE, Vault
from stopgap.orchestrator.run.interruption import Interruption


def test_a_collection_beyond_the_bound_waits_for_one_to_end_or_for_the_run_to_be_stopped(tmp_path: Path) -> None:
    vault, interruption = Vault(tmp_path, "kei"), Interruption()
    under_way, leave = threading.Semaphore(0), threading.Event()

    def collect() -> None:
        with vault.turn(interruption):
            under_way.release()
            leave.wait(180)

    threads = [threading.Thread(target=collect) for _ in range(COLLECTIONS_AT_ONCE + 1)]
    for thread in threads:
        thread.start()
    for _ in range(COLLECTIONS_AT_ONCE):
        assert under_way.acquire(timeout=180)
    assert not under_way.acquire(timeout=0.2)
    interruption.request()
    assert under_way.acquire(timeout=180)
    leave.set()
    for thread in threads:
        thread.join()
    with vault.turn(Interruption()):
        pass
