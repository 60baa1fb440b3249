"""What a stack writes beside its data can be read by its owner only: keys, settings, and logs."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pandapack.local.private import make_private_folder, open_private, write_private
from pandapack.local.running import NOTE_FILE, PID_FILE, RunningLock, write_note


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_stack_writes_beside_its_data_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with RunningLock(folder):
        write_note(folder, {"addresses": {}})
        with open_private(folder / "service.log", "ab") as log:
            log.write(b"who sent what")
        write_private(folder / "site.json", "{}")
        assert mode_of(folder) == 0o700
        for name in (NOTE_FILE, PID_FILE, "service.log", "site.json"):
            assert mode_of(folder / name) == 0o600, name


def test_a_log_that_others_could_read_is_theirs_no_more_and_keeps_what_it_has(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("before\n")
    log.chmod(0o644)
    with open_private(log, "a") as opened:
        opened.write("behind\n")
    assert (mode_of(log), log.read_text()) == (0o600, "before\nbehind\n")


def test_a_folder_that_somebody_chose_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "chosen"
    folder.mkdir(mode=0o755)
    make_private_folder(folder)
    assert mode_of(folder) == 0o755


def test_threads_that_write_the_same_file_at_once_each_write_it_whole(tmp_path: Path) -> None:
    file, texts = tmp_path / "keys.json", [str(number) * 1_000 for number in range(8)]
    with ThreadPoolExecutor(len(texts)) as pool:
        for written in [pool.submit(write_private, file, text) for text in texts * 10]:
            written.result()
    assert file.read_text() in texts and list(tmp_path.iterdir()) == [file]
