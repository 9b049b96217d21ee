"""A choice that can't be right is refused with one sentence, before anything is made of it."""

from pathlib import Path

import pytest

from infra.stage import Stage, StageError, read
from tests.infra.conftest import ROOT


def test_the_stages_that_come_with_the_project_can_be_read() -> None:
    stages = read(ROOT / "infra" / "stages.toml")
    assert set(stages) == {"dev", "production"}
    assert not stages["dev"].protect
    assert stages["dev"].network == "ipv6"


def test_production_outlives_a_zone_and_a_mistake_and_what_dev_lives_with() -> None:
    stage = read(ROOT / "infra" / "stages.toml")["production"]
    assert (stage.protect, stage.multi_az, stage.network, stage.endpoint_zones) == (True, True, "endpoints", 2)
    assert stage.backup_days == 35
    assert min(stage.log_days, stage.old_version_days) >= 365
    assert stage.database_class != Stage(name="dev").database_class


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
        ("[dev]\nnetwork = 'nat'", "network of the stage 'dev' is 'nat': write either \"ipv6\" or \"endpoints\"."),
        ("[dev]\nallowed_cidrs = ['home']", "write address ranges such as 203.0.113.0/24"),
        ("[dev]\nallowed_cidrs = ['203.0.113.7/24']", "write address ranges such as 203.0.113.0/24"),
        ("[dev]\nallowed_cidrs = ['2001:db8::/32']", "write IPv4 ranges: the site's address has no IPv6."),
        (
            "[dev]\nscratch_mib = 20480",
            "scratch_mib of the stage 'dev' is 20480: write a whole number from 512 to 10,240.",
        ),
        ("[dev]\nrequests_burst = 0", "write a whole number from 1 to 5,000."),
        ("[dev]\nwriters = 5", "may open 82 database connections (2 for each of 5 writers, 40 + 20 for pages, 12 for"),
        ("[dev]\nrequests_per_second = 21", "and database_connections is 80: raise it, with a database_class that has"),
        ("[dev]\nkms_key = 'alias/mine'", "write the ARN of a key, as in arn:aws:kms:eu-west-1:123456789012:key/…"),
        ("[dev]\nbackup_region = 'eu-west-1'", "copies of an encrypted database need a key in the region they go to."),
        (
            "[dev]\nbackup_region = 'eu-west-1'\n"
            "backup_region_key = 'arn:aws:kms:us-east-1:123456789012:key/5f6a7b8c-1b2c-3d4e-5f60-718293a4b5c6'",
            "write the ARN of a key in eu-west-1.",
        ),
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


def test_as_many_connections_as_the_database_has_are_let_be() -> None:
    stage = Stage(name="dev", writers=4, requests_burst=40, requests_per_second=20)
    assert stage.connections == stage.database_connections == 80


def test_protected_data_whose_alarms_reach_nobody_is_warned_of() -> None:
    (warning,) = Stage(name="production").warnings
    assert warning.startswith("Nobody is told when the stage 'production' fails")
    assert 'Write alarm_email = "you@example.com" below [production]' in warning
    assert Stage(name="production", alarm_email="ops@example.com").warnings == []
    assert Stage(name="dev", protect=False).warnings == []
