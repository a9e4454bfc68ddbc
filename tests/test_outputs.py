"""Where may be written: regular files, new or old, through links, never over an input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cosim.errors import FeederError, InputError
from cosim.outputs import output_file


def test_new_and_old_files_and_where_links_lead(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("")
    link, dangling = tmp_path / "link", tmp_path / "dangling"
    link.symlink_to(old)
    dangling.symlink_to(tmp_path / "new")
    assert output_file(old) == old
    assert output_file(tmp_path / "new") == tmp_path / "new"
    assert output_file(link) == old
    assert output_file(dangling) == tmp_path / "new"


def test_what_is_no_output_is_named_with_the_remedy(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("")
    (tmp_path / "hard").hardlink_to(old)
    (tmp_path / "soft").symlink_to(old)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, said in {
        "": "is a directory",
        "pipe": "is not a regular file",
        "old": "is read by this command",
        "hard": "is read by this command",
        "soft": "is read by this command",
        "none/new": "folder does not exist; create",
        "old/new": "choose another",
        "loop": "choose another",
        "n" * 300: "choose another",
    }.items():
        with pytest.raises(FeederError, match=said) as error:
            output_file(tmp_path / name, [old], FeederError)
        assert error.value.problems[0].file == str(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes anywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="read-only"):
        output_file(tmp_path / "new")
