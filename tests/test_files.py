"""Atomic writes."""

import threading

from nnunet_slice_attention.files import write_text


def test_concurrent_writers_of_one_file_do_not_interfere_and_leave_no_partial_files(tmp_path):
    path, failed = tmp_path / "note.json", []
    texts = [str(i) * 20_000 for i in range(4)]

    def write(text: str) -> None:
        try:
            for _ in range(200):
                write_text(path, text)
        except OSError as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed and path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]
