"""A choice that can't be right is refused with one sentence, before anything is made of it."""

from pathlib import Path

import pytest

from infra.stage import Stage, StageError, read
from tests.infra.conftest import ROOT


def test_the_stages_that_come_with_the_project_can_be_read() -> None:
    stages = read(ROOT / "infra" / "stages.toml")
    assert set(stages) == {"dev", "production"}
    assert stages["production"] == Stage(name="production")
    assert not stages["dev"].protect


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Dev]", "name of the stage 'Dev' is 'Dev': write up to 15 small letters"),
        ("[a_b]", "name of the stage 'a_b'"),
        ("[a-]", "name of the stage 'a-'"),
        ("[dev]\nbastian = true", "has no choice 'bastian': there are protect, prefix"),
        ("[dev]\nname = 'x'", "has no choice 'name'"),
        ("[dev]\nprotect = 1", "protect of the stage 'dev' is 1: write true or false."),
        ("[dev]\nwriters = true", "writers of the stage 'dev' is True: write a whole number."),
        ("[dev]\nwriters = 1", "writers of the stage 'dev' is 1: write a whole number from 2 to 1,000."),
        ("[dev]\nprefix = 'data'", "prefix of the stage 'dev' is 'data': write a folder that ends with a slash"),
        ("[dev]\nprefix = '/data/'", "prefix of the stage 'dev'"),
        ("[dev]\nprefix = '*/'", "prefix of the stage 'dev'"),
        ("[dev]\nadmin_origin = '*'", "admin_origin of the stage 'dev' is '*': write scheme and host alone"),
        ("[dev]\nadmin_origin = 'https://a.b/c'", "admin_origin of the stage 'dev'"),
        ("[dev]\nalarm_email = 'me'", "alarm_email of the stage 'dev' is 'me': write one address."),
        ("[dev]\ndatabase_version = '18'", "with its minor version, as in 18.6."),
        ("[dev]\ndatabase_version = '16.4'", "PostgreSQL 17 or newer"),
        ("[dev]\ndatabase_class = 'db.t4g.micro'", "a class without its db., as in t4g.micro."),
        ("[dev]\nlog_days = 91", "log_days of the stage 'dev' is 91: write one of 1, 3, 5"),
        ("[dev]\ndatabase_storage_gib = 100", "at least a tenth more than database_storage_gib"),
        ("[dev]\nbackup_days = 0", "backup_days of the stage 'dev' is 0: write a whole number from 1 to 35."),
        ("[dev]\nsecrets = 'a'", "secrets of the stage 'dev' is 'a': write a list of texts in quotes."),
        ("[dev]\nsecrets = [1]", "write a list of texts in quotes."),
        ("[dev]\nprotect = ['a']", "write true or false."),
        ("[dev]\nsecrets = ['arn:aws:secretsmanager:*']", "write whole ARNs of secrets"),
        ("protect = true", "protect stands outside of a stage"),
        ("[dev", "can't be read"),
    ],
)
def test_a_choice_that_cannot_be_right_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "stages.toml"
    file.write_text(text)
    with pytest.raises(StageError) as refused:
        read(file)
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="can't be read"):
        read(tmp_path / "none.toml")


@pytest.mark.parametrize("prefix", ["", "data/", "a/b/", "ä ö/"])
def test_a_prefix_is_nothing_or_a_folder(prefix: str) -> None:
    assert Stage(name="dev", prefix=prefix).prefix == prefix
