"""Settings: one TOML file, overridden by SLT_* variables, read once at start. An unknown key stops the start by name.

Secrets are not settings: each lies in a file of its own in `secrets`, which must be readable by its owner alone.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

ROOT = Path(__file__).resolve().parents[2]
_PATHS = frozenset({"ca", "secrets", "geo", "access_log", "console_page", "accounts", "metrics_targets"})


class SettingsError(Exception):
    """The settings cannot be used; the text names the key and what to do."""


class Limits(BaseModel):
    """Bounds that a rule or the runner keeps; every duration in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_bytes: int = Field(1024 * 1024, gt=0, description="intake refuses larger records")
    batch: int = Field(500, gt=0, description="records taken from the consumer at once")
    commit_seconds: float = Field(0.1, gt=0, description="a transaction is committed at the latest after this")
    heartbeat_stale_seconds: float = Field(5.0, gt=0, description="no heartbeat for this long: nothing is released")
    barrier_seconds: float = Field(1.0, gt=0, description="slt.control not applied within this: nothing is released")
    bugs: int = Field(5, gt=0, description="exceptions in our own code after which a slot stops")
    quarantine_share: float = Field(0.5, gt=0, le=1, description="share of bad input that quarantines a submitter")
    quarantine_window: int = Field(200, gt=0, description="a submitter's newest records that the share is taken over")
    backfill_hours: float = Field(72.0, ge=0, description="a late permit delivers incidents younger than this")
    recall_hours: float = Field(24.0, gt=0, description="a recall is to be acknowledged within this")
    remind_hours: float = Field(24.0, gt=0, description="between two reminders of a recall")
    answer_minutes: float = Field(10.0, gt=0, description="an originator answers an imminent risk within this")
    partner_read_bytes: float = Field(10e6, gt=0, description="a partner's login reads at most so much a second")
    partner_write_bytes: float = Field(1e6, gt=0, description="a partner's login writes at most so much a second")
    partner_request_percent: float = Field(50.0, gt=0, description="share of a broker's thread that a login may take")
    link_days: float = Field(30.0, gt=0, description="a report can be linked this long after its last version")
    retire_days: float = Field(30.0, gt=0, description="an incident is closed this long after its last change")


class Settings(BaseSettings):
    """Where everything is. Paths are absolute or relative to the settings file."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="SLT_", env_nested_delimiter="__")

    bootstrap: str = Field(description="broker listener of the stages, host:port[,host:port]")
    security: Literal["SASL_PLAINTEXT", "SASL_SSL"] = "SASL_PLAINTEXT"
    partner_bootstrap: str = Field("", description="SASL_SSL listener that partners use")
    ca: Path | None = Field(None, description="certificate authority of the SASL_SSL listeners (PEM)")
    secrets: Path = Field(description="folder of <principal>.password, master.key, administrator.key, redis.password")
    administrator_public_key: str = Field(description="Ed25519, hex: the root of all administration records")
    redis: str = Field("", description="redis://host:port/db, without a password")
    lanes: int = Field(4, gt=0, description="partitions of the internal topics, fixed when they are created")
    replication: int = Field(1, gt=0)
    geo: Path | None = Field(None, description="folder with admin1 polygons and P-codes (docs/operating.md)")
    access_log: Path | None = Field(None, description="folder of the brokers' access logs (docs/administering.md)")
    console: str = Field("127.0.0.1:8400", description="where the console listens, host:port")
    console_page: Path = Field(ROOT / "build" / "console", description="folder of the console's built page")
    accounts: Path | None = Field(None, description="folder of the console's accounts; else the secrets folder")
    console_signer: str = Field("officer", description="the SIOC's representative by whose key the console signs")
    metrics_targets: Path | None = Field(None, description="Prometheus target file of the stages, for the console")
    exercise: bool = Field(False, description="the whole installation is for exercises: the console says so")
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file."""
        return (env_settings, init_settings)

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read one TOML file; SettingsError names the first key that is unknown, missing or out of bounds."""
        if not path.is_file():
            raise SettingsError(f"no settings file at {path}: `slt up` writes one for a laptop")
        values: dict[str, Any] = TomlConfigSettingsSource(cls, path)()
        try:
            return cls(**{key: _resolve(path.parent, key, value) for key, value in values.items()})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise SettingsError(f"{path.name}: `{key}`: {first['msg']}") from error

    @property
    def accounts_folder(self) -> Path:
        """Where the console keeps accounts and the invitation of the first start."""
        return self.accounts or self.secrets

    def secret(self, name: str) -> bytes:
        """The content of one secret file; SettingsError if it is missing or others may read it."""
        path = self.secrets / name
        if not path.is_file():
            raise SettingsError(f"secret {name} is missing in the secrets folder")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"others may read the secret {name}: chmod 600 it")
        return path.read_bytes().strip()


def _resolve(folder: Path, key: str, value: Any) -> Any:
    return folder / value if key in _PATHS and value else value
