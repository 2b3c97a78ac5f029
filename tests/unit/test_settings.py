"""Settings are read once, and what is wrong with them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime.settings import Settings, SettingsError

GOOD = 'bootstrap = "127.0.0.1:1"\nsecrets = "secrets"\nadministrator_public_key = "00"\n'


def _written(folder: Path, text: str) -> Path:
    path = folder / "slt.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    assert Settings.load(_written(tmp_path, GOOD)).secrets == tmp_path / "secrets"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "lannes = 4\n", "lannes"),
        (GOOD + "[limits]\ncommit_secs = 1\n", "limits.commit_secs"),
        (GOOD + "lanes = 0\n", "lanes"),
        (GOOD + "[limits]\nquarantine_share = 2.0\n", "limits.quarantine_share"),
        (GOOD.replace("bootstrap", "boostrap"), "boot"),
    ],
)
def test_a_key_that_is_unknown_missing_or_out_of_bounds_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.load(_written(tmp_path, text))


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLT_LIMITS__BUGS", "9")
    monkeypatch.setenv("SLT_LANES", "8")
    settings = Settings.load(_written(tmp_path, GOOD))
    assert (settings.limits.bugs, settings.lanes) == (9, 8)


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="slt up"):
        Settings.load(tmp_path / "none.toml")


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = Settings.load(_written(tmp_path, GOOD))
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "master.key").write_text("secret\n", encoding="utf-8")
    (folder / "master.key").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.secret("master.key")
    (folder / "master.key").chmod(0o600)
    assert settings.secret("master.key") == b"secret"
    with pytest.raises(SettingsError, match=r"other\.key"):
        settings.secret("other.key")
