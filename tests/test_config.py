"""Are settings read, refused in words, and kept where they belong?"""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg.conninfo
import pytest

from data import config
from data.config import Caps, Refused


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def test_without_any_setting_the_instance_is_local_with_the_demo() -> None:
    said = config.read({})
    assert (said.host, said.port, said.url) == ("127.0.0.1", 8050, "http://127.0.0.1:8050")
    assert said.home == Path("~/.local/share/cityops").expanduser()
    assert said.embedded and said.demo and said.dsn is None and said.proxy == ()
    assert said.caps == Caps(streams=64, session=8, unfinished=16, writes=200)
    assert (said.reserve_mb, said.workers, said.threads) == (256, 1, 16)
    assert said.city == config.ROOT / "data" / "seed" / "wuhan"
    assert said.test_data == config.ROOT.parent / "shared" / "data"


def test_an_empty_variable_is_an_absent_one() -> None:
    assert config.read({"CITYOPS_PORT": "", "CITYOPS_DSN": ""}) == config.read({})


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("CITYOPS_PORT", "http", "is a whole number from 1 to 65535, not 'http'"),
        ("CITYOPS_PORT", "0", "from 1 to 65535"),
        ("CITYOPS_PORT", "٣", "from 1 to 65535"),
        ("CITYOPS_DEMO", "yes", "is 1 or 0, not 'yes'"),
        ("CITYOPS_DEMO_TICK", "nan", "is a number of seconds"),
        ("CITYOPS_CAPS", "streams=64,flows=2", "is a list such as streams=64"),
        ("CITYOPS_CAPS", "streams", "is a list such as streams=64"),
        ("CITYOPS_CACHE_URL", "memcached://x", "redis://"),
        ("CITYOPS_PUBLIC_URL", "city.example", "https://city.example"),
        ("CITYOPS_PROXY", "10.0.0.1,nginx", "addresses or networks"),
        ("CITYOPS_THREADS", "-1", "from 2 to 512"),
        ("CITYOPS_RESERVE_MB", "1e3", "from 0 to"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_name(name: str, text: str, words: str) -> None:
    with pytest.raises(Refused, match=f"^{name} ") as refused:
        config.read({name: text})
    assert words in str(refused.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        config.read({"CITYOPS_PORT": "x", "CITYOPS_DEMO": "x", "CITYOPS_CAPS": "x"})
    assert str(refused.value).count("\n") == 2


def test_caps_that_are_not_named_keep_their_defaults() -> None:
    assert config.read({"CITYOPS_CAPS": "session=2, writes=9"}).caps == Caps(session=2, writes=9)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "city.example"])
def test_another_address_than_loopback_needs_to_be_allowed(host: str) -> None:
    with pytest.raises(Refused, match="CITYOPS_ALLOW_REMOTE=1"):
        config.read({"CITYOPS_HOST": host, "CITYOPS_DEMO": "0"})
    assert config.read({"CITYOPS_HOST": host, "CITYOPS_DEMO": "0", "CITYOPS_ALLOW_REMOTE": "1"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_permission(host: str) -> None:
    assert config.read({"CITYOPS_HOST": host}).host == host


def test_the_demo_is_shown_to_other_machines_only_when_asked_for_in_so_many_words() -> None:
    remote = {"CITYOPS_HOST": "0.0.0.0", "CITYOPS_ALLOW_REMOTE": "1"}
    with pytest.raises(Refused, match="CITYOPS_DEMO=1"):
        config.read(remote)
    assert config.read({**remote, "CITYOPS_DEMO": "1"}).demo
    assert not config.read({**remote, "CITYOPS_DSN": "host=db"}).demo


def test_the_demo_is_off_on_another_database_unless_asked_for() -> None:
    assert not config.read({"CITYOPS_DSN": "host=db"}).demo
    assert config.read({"CITYOPS_DSN": "host=db", "CITYOPS_DEMO": "1"}).demo


def test_an_owner_without_an_application_role_is_refused() -> None:
    with pytest.raises(Refused, match="CITYOPS_DSN"):
        config.read({"CITYOPS_OWNER_DSN": "host=db"})


@pytest.mark.parametrize(
    "owner",
    [
        "host=db dbname=city user=chief password=p",
        "postgresql://chief:p@db/city",
        "postgresql://chief:p@db/city?sslmode=require",
    ],
)
def test_the_replay_role_connects_as_the_owner_does_under_its_own_name(owner: str) -> None:
    said = config.read({"CITYOPS_DSN": "host=db user=app", "CITYOPS_OWNER_DSN": owner})
    assert said.dsn_for("cityops_app") == "host=db user=app"
    assert said.dsn_for("cityops_owner") == owner
    replay = psycopg.conninfo.conninfo_to_dict(said.dsn_for("cityops_replay"))
    assert replay == psycopg.conninfo.conninfo_to_dict(owner) | {"user": "cityops_replay"}


def test_the_owner_of_another_server_must_be_given() -> None:
    with pytest.raises(Refused, match="CITYOPS_OWNER_DSN"):
        config.read({"CITYOPS_DSN": "host=db"}).dsn_for("cityops_owner")


def test_the_embedded_server_is_found_through_the_home(tmp_path: Path) -> None:
    said = config.read({"CITYOPS_HOME": str(tmp_path)})
    with pytest.raises(Refused, match="make run"):
        said.dsn_for("cityops_app")
    config.write_json(config.database_file(tmp_path), {"directory": "/d", "socket": "/a b/s", "port": 5432})
    assert psycopg.conninfo.conninfo_to_dict(said.dsn_for("cityops_app")) == {
        "user": "cityops_app",
        "dbname": "cityops",
        "host": "/a b/s",
        "port": "5432",
    }


def test_a_password_is_not_shown_with_the_settings() -> None:
    said = config.read({"CITYOPS_DSN": "host=db password=hunter2", "CITYOPS_SECRET_KEY": "hunter2"})
    assert "hunter2" not in repr(said)


def test_the_file_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        tokens = set(many.map(lambda _: config.file_token(tmp_path), range(8)))
    assert len(tokens) == 1 and len(tokens.pop()) >= 40
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize("name", ["token", "secret"])
def test_a_secret_put_there_by_hand_needs_its_line_ended_only_when_it_could_be_half_of_ours(
    tmp_path: Path, name: str
) -> None:
    read = {"token": config.file_token, "secret": config.session_key}[name]
    made, path = read(tmp_path), tmp_path / name
    for whole in (made, f"{made}0123456789", "by hand\n", f" {made}\n"):
        path.write_text(whole)
        assert read(tmp_path) == whole.strip()
    for cut in (made[:-1], f"  {made[:-1]}  ", "by hand"):
        path.write_text(cut)
        with pytest.raises(Refused, match=f"{path} is cut short"):
            read(tmp_path)


def test_an_empty_token_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    with pytest.raises(Refused, match="empty"):
        config.file_token(tmp_path)


def test_a_home_is_made_for_its_owner_alone_and_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(config.ready_home(tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o750)
    assert stat.S_IMODE(config.ready_home(tmp_path / "old").stat().st_mode) == 0o750


def test_a_home_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be made"):
        config.ready_home(tmp_path / "file" / "home")


def test_what_runs_is_written_whole_read_back_and_forgotten(tmp_path: Path) -> None:
    run = config.Run(
        url="http://127.0.0.1:8050",
        build="b",
        database=None,
        pids=config.Pids(main=1, postgres=None, worker=2, web=[3, 4]),
    )
    assert config.read_run(tmp_path) is None
    config.write_run(tmp_path, run)
    assert config.read_run(tmp_path) == run == json.loads((tmp_path / "run.json").read_text())
    config.forget_run(tmp_path)
    config.forget_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_build_is_a_name_of_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.sql").write_text("SELECT 1")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    name = config.build.__wrapped__()
    (tmp_path / "data" / "notes.md").write_text("not a source")
    (tmp_path / "app.py").touch()
    assert config.build.__wrapped__() == name
    (tmp_path / "data" / "a.sql").write_text("SELECT 2")
    assert config.build.__wrapped__() != name


def test_a_user_without_a_home_directory_must_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", none)
    with pytest.raises(Refused, match="CITYOPS_HOME must be set"):
        config.read({})
