"""Files are loaded as Pollock's scorer wants them, and a question is answered and told."""

from pathlib import Path

import pytest

from tests.bench.pollock.__main__ import main
from tests.bench.pollock.ours import database, load_file


def test_a_folder_that_is_no_copy_of_the_benchmark_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "is no copy of" in capsys.readouterr().err


def test_a_table_is_written_as_the_scorer_wants_it(tmp_path: Path) -> None:
    contents = {
        "plain.csv": "id,Full name\n1,Ada\n2,\n3,x,y\n",
        "stacked.csv": "id,name\n" + "1,Ada\n" * 12 + "code,day,sold\n" + "A,x,1\n" * 12,
        "stray.csv": 'id,note\n1,a\n2,"starts\n3,b\n4,ends 12"\n',
        "empty.csv": "",
    }
    told = {}
    with database() as connection:
        for name, content in contents.items():
            path = tmp_path / name
            path.write_text(content)
            told[name] = load_file(connection, path)
    assert (told["plain.csv"].text, told["plain.csv"].rejected) == ("id,Full name\r\n1,Ada\n2,\n", 1)
    assert told["stacked.csv"].text == "id,name\r\n" + "1,Ada\n" * 12
    assert "two tables" in told["stacked.csv"].question
    assert "opens on line 3" in told["stray.csv"].question
    assert told["empty.csv"].text.startswith("Application Error\nThe file is empty")
