"""Pseudonyms are keyed, stable over spellings, and the key never lies with the data."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from joyeval.errors import UsageError
from joyeval.intake.pseudonyms import key_file, make_key, pseudonyms, read_key


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("JOYEVAL_KEY", raising=False)
    monkeypatch.setenv("JOYEVAL_KEY_FILE", str(tmp_path / "keys" / "study.key"))


def test_a_pseudonym_is_hmac_sha256_of_the_normalised_text():
    expected = hmac.new(bytes(32), b"person\0ab12", hashlib.sha256).hexdigest()[:32]
    assert pseudonyms(["AB12", " ab12\u00a0", "\uff21B12", None], bytes(32), purpose="person") == [expected] * 3 + [
        None
    ]


def test_other_keys_and_purposes_give_other_pseudonyms():
    made = {*pseudonyms(["x"], bytes(32), purpose="person"), *pseudonyms(["x"], bytes(32), purpose="value")}
    assert len(made | {*pseudonyms(["x"], b"1" * 32, purpose="person")}) == 3


def test_without_a_key_there_is_no_run_and_the_command_is_named():
    with pytest.raises(UsageError, match=r"joyeval key pipelines/small\.yml"):
        read_key("small")


def test_a_key_is_made_once_for_its_owner_only():
    path = make_key("small")
    assert path == key_file("small")
    assert path.stat().st_mode & 0o077 == 0
    assert len(read_key("small")) == 32
    with pytest.raises(UsageError, match="already"):
        make_key("small")


def test_a_key_with_the_data_and_a_damaged_key_are_refused(tmp_path, monkeypatch):
    make_key("small")
    with pytest.raises(UsageError, match="lies with the data"):
        read_key("small", data=tmp_path)
    monkeypatch.setenv("JOYEVAL_KEY", "abc")
    with pytest.raises(UsageError, match="32 bytes"):
        read_key("small")


def test_a_key_lies_where_the_platform_keeps_settings_and_an_older_one_still_works(tmp_path, monkeypatch):
    monkeypatch.delenv("JOYEVAL_KEY_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    old = tmp_path / ".config" / "joyeval" / "small.key"
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert key_file("small") == old
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    assert key_file("small") == old
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert key_file("small") == tmp_path / "settings" / "joyeval" / "small.key"
    old.parent.mkdir(parents=True)
    old.write_text("k")
    assert key_file("small") == old
