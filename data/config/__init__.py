"""What is this instance told to do, and where does it keep what it must remember?"""

import hashlib
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, get_type_hints
from urllib.parse import quote

from data.config import setting
from data.config.setting import ROOT, Caps, Kind, Network

Role = Literal["cityops_app", "cityops_owner", "cityops_replay"]

_BYTES = 32  # of a secret
_WHOLE = len(secrets.token_urlsafe(_BYTES))  # shorter ones, put there by hand, end with their line


class Refused(Exception):
    """A start that is refused; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """One field a setting: `reserve_mb` is CITYOPS_RESERVE_MB."""

    host: Annotated[str, Kind(setting.text, "127.0.0.1")]
    port: Annotated[int, Kind(setting.number(1, 65535), "8050")]
    allow_remote: Annotated[bool, Kind(setting.flag, "0")]
    home: Annotated[Path, Kind(setting.folder, "~/.local/share/cityops")]
    dsn: Annotated[str | None, Kind(setting.text)]
    owner_dsn: Annotated[str | None, Kind(setting.text)]
    cache_url: Annotated[str | None, Kind(setting.cache)]
    city: Annotated[Path, Kind(setting.city, "wuhan")]
    demo: Annotated[bool, Kind(setting.flag)]
    demo_tick: Annotated[float, Kind(setting.seconds, "5")]
    public_url: Annotated[str | None, Kind(setting.web_address)]
    proxy: Annotated[tuple[Network, ...], Kind(setting.networks)]
    caps: Annotated[Caps, Kind(setting.caps, "streams=64")]
    reserve_mb: Annotated[int, Kind(setting.number(0, 1 << 20), "256")]
    secret_key: Annotated[str, Kind(setting.text)]
    workers: Annotated[int, Kind(setting.number(1, 64), "1")]
    threads: Annotated[int, Kind(setting.number(2, 512), "16")]
    oidc_issuer: Annotated[str | None, Kind(setting.web_address)]
    oidc_client_id: Annotated[str | None, Kind(setting.text)]
    oidc_client_secret: Annotated[str | None, Kind(setting.text)]
    test_data: Annotated[Path, Kind(setting.folder, "../shared/data")]

    @property
    def embedded(self) -> bool:
        return self.dsn is None

    @property
    def connections(self) -> int:
        """To the database, a process: one a thread, six for streams and readiness, four for acts; fewer
        where many processes share what a server usually takes (100), but never less than six: fifteen web
        processes need a server that takes more."""
        return max(6, min(self.threads + 10, 70 // (self.workers + 1)))

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def dsn_for(self, role: Role) -> str:
        """The embedded server must have been started once; another server's owner must be given."""
        if self.dsn is None:
            return _embedded_dsn(self.home, role)
        if role == "cityops_app":
            return self.dsn
        if self.owner_dsn is None:
            raise Refused(
                f"CITYOPS_OWNER_DSN is needed to connect as {role}: CITYOPS_DSN is the application's"
            )
        return self.owner_dsn if role == "cityops_owner" else _as_user(self.owner_dsn, role)


def read(env: Mapping[str, str]) -> Settings:
    """All mistakes are named at once."""
    values: dict[str, Any] = {}
    mistakes = []
    for field, kind in _kinds().items():
        name = f"CITYOPS_{field.upper()}"
        try:
            values[field] = _value(kind, env.get(name))
        except ValueError as wrong:
            mistakes.append(f"{name} {wrong}" + (f", not {env[name]!r}" if env.get(name) else ""))
    mistakes = mistakes or _contradictions(values)
    if mistakes:
        raise Refused("\n".join(mistakes))
    return Settings(**values | _derived(values))


def _kinds() -> dict[str, Kind]:
    hints = get_type_hints(Settings, include_extras=True)
    return {field: hint.__metadata__[0] for field, hint in hints.items()}


def _value(kind: Kind, text: str | None) -> Any:
    """An empty variable is an absent one."""
    text = text or kind.default
    return None if text is None else kind.parse(text)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    remote = not _loopback(values["host"])
    demo_by_default = values["demo"] is None and values["dsn"] is None
    said = {
        f"CITYOPS_HOST={values['host']} is reached from other machines: set CITYOPS_ALLOW_REMOTE=1 as well": (
            remote and not values["allow_remote"]
        ),
        "the demo is not shown to other machines by default: set CITYOPS_DEMO=1 or CITYOPS_DEMO=0": (
            remote and demo_by_default
        ),
        "CITYOPS_OWNER_DSN without CITYOPS_DSN: set both, or neither for the embedded database": (
            values["dsn"] is None and values["owner_dsn"] is not None
        ),
    }
    return [words for words, holds in said.items() if holds]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _derived(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "demo": values["dsn"] is None if values["demo"] is None else values["demo"],
        "proxy": values["proxy"] or (),
        "secret_key": values["secret_key"] or "",
    }


@lru_cache
def settings() -> Settings:
    return read(os.environ)


def child_environment() -> dict[str, str]:
    """This process's environment with the home spelled out, for the processes it starts."""
    return {**os.environ, "CITYOPS_HOME": str(settings().home), "PYTHONUNBUFFERED": "1"}


@lru_cache
def build() -> str:
    """The same sources give the same build, on any machine."""
    digest = hashlib.sha256()
    sources = [
        ROOT / "app.py",
        *(path for top in ("assets", "components", "data", "pages") for path in _sources(top)),
    ]
    for path in sorted(sources):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _sources(top: str) -> list[Path]:
    kinds = {".py", ".sql", ".js", ".css", ".toml"}
    return [path for path in (ROOT / top).rglob("*") if path.suffix in kinds and "seed" not in path.parts]


def ready_home(home: Path) -> Path:
    """Made when missing, readable by its owner only; one that is there keeps its permissions."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as refused:
        raise Refused(f"CITYOPS_HOME {home} cannot be made: {refused.strerror}") from refused
    return home


def file_token(home: Path) -> str:
    """The token that writing over the API needs; made once."""
    return _secret(home / "token")


def session_key(home: Path) -> str:
    """CITYOPS_SECRET_KEY, or one that is made once."""
    return settings().secret_key or _secret(home / "secret")


def _secret(path: Path) -> str:
    try:
        if not path.exists():
            _make_secret(path)
        kept = path.read_text()
    except (OSError, UnicodeDecodeError) as failed:
        raise Refused(f"{path} cannot be read: {failed}") from failed
    secret = kept.strip()
    if not secret or (len(secret) < _WHOLE and not kept.endswith("\n")):
        raise Refused(
            f"{path} is {'cut short, its line does not end' if secret else 'empty'}:"
            " delete it, a new one is made at the next start"
        )
    return secret


def _make_secret(path: Path) -> None:
    """Linked into place whole, so that of two first starts one wins and none reads half."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, secrets.token_urlsafe(_BYTES) + "\n", 0o600)
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


class Pids(TypedDict):
    main: int
    postgres: int | None
    worker: int | None
    web: list[int]


class Run(TypedDict):
    """`run.json`: what runs now. `web` is the master and then its workers."""

    url: str
    build: str
    database: str | None
    pids: Pids


def read_run(home: Path) -> Run | None:
    run: Run | None = read_json(home / "run.json")
    return run


def write_run(home: Path, run: Run) -> None:
    write_json(home / "run.json", run)


def forget_run(home: Path) -> None:
    (home / "run.json").unlink(missing_ok=True)


def database_file(home: Path) -> Path:
    """{directory, socket, port}: written by the embedded server, kept while it is stopped."""
    return home / "postgres.json"


def _embedded_dsn(home: Path, role: Role) -> str:
    kept = read_json(database_file(home))
    if kept is None:
        raise Refused(f"no database has been started for CITYOPS_HOME {home}: `make run` starts one")
    return f"postgresql://{role}@/cityops?host={quote(kept['socket'], safe='')}&port={kept['port']}"


def _as_user(dsn: str, role: Role) -> str:
    """The last word on a keyword wins in both of libpq's forms."""
    if "://" not in dsn:
        return f"{dsn} user={role}"
    return f"{dsn}{'&' if '?' in dsn else '?'}user={role}"


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as torn:
        raise Refused(f"{path}:{torn.lineno}:{torn.colno} is half written or broken: {torn.msg}") from torn
    except (OSError, UnicodeDecodeError) as failed:
        raise Refused(f"{path} cannot be read: {failed}") from failed


def write_json(path: Path, value: object) -> None:
    """A reader sees the old file or the new one, never half of it, whenever the machine stops."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        _write(draft, json.dumps(value, ensure_ascii=False, indent=1) + "\n", 0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
