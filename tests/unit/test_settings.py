"""The environment: read in one place, secrets from files, never shown."""

from pathlib import Path

import pytest

from hybrid.errors import SettingsError
from hybrid.settings import Settings, read_settings
from tests.messages import assert_one_clear_line

SECRET = "hunter2"
SECRETS = {
    "HYBRID_OPENSEARCH_PASSWORD": "opensearch_password",
    "HYBRID_OPENSEARCH_TOKEN": "opensearch_token",
    "HYBRID_REDIS_URL": "redis_url",
}
each_secret = pytest.mark.parametrize(("variable", "name"), SECRETS.items(), ids=SECRETS)


def test_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_empty_variables_are_as_good_as_none() -> None:
    names = ("URL", "USERNAME", "PASSWORD", "TOKEN", "CA_FILE", "INSECURE", "AWS_REGION", "AWS_SERVICE", "TIMEOUT")
    assert read_settings({f"HYBRID_OPENSEARCH_{name}": "" for name in names}) == Settings()


def test_every_variable_lands_in_its_place() -> None:
    environ = {
        "HYBRID_OPENSEARCH_URL": "https://h:9200",
        "HYBRID_OPENSEARCH_USERNAME": "admin",
        "HYBRID_OPENSEARCH_PASSWORD": SECRET,
        "HYBRID_OPENSEARCH_TOKEN": "token",
        "HYBRID_OPENSEARCH_CA_FILE": "/ca.pem",
        "HYBRID_OPENSEARCH_INSECURE": "true",
        "HYBRID_OPENSEARCH_AWS_REGION": "eu-central-1",
        "HYBRID_OPENSEARCH_AWS_SERVICE": "aoss",
        "HYBRID_OPENSEARCH_TIMEOUT": "2.5",
        "HYBRID_REDIS_URL": "redis://r/1",
    }
    expected = Settings(
        opensearch_url="https://h:9200",
        opensearch_username="admin",
        opensearch_password=SECRET,
        opensearch_token="token",
        opensearch_ca_file="/ca.pem",
        opensearch_insecure=True,
        opensearch_aws_region="eu-central-1",
        opensearch_aws_service="aoss",
        opensearch_timeout=2.5,
        redis_url="redis://r/1",
        has_broker=True,
    )
    assert read_settings(environ) == expected


def test_the_process_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_OPENSEARCH_USERNAME", "from-the-process")
    assert read_settings().opensearch_username == "from-the-process"


@each_secret
def test_secret_is_read_from_a_file_without_its_last_line_end(variable: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    assert getattr(read_settings({f"{variable}_FILE": str(path)}), name) == SECRET


@each_secret
def test_missing_secret_file_is_named_with_its_variable(variable: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"no-{name}"
    with pytest.raises(SettingsError, match=f"{variable}_FILE names {path}") as raised:
        read_settings({f"{variable}_FILE": str(path)})
    assert_one_clear_line(raised.value)


def test_secret_file_of_random_bytes_is_refused_without_showing_them(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(SECRET.encode() + b"\xff\xfe")
    with pytest.raises(SettingsError) as raised:
        read_settings({"HYBRID_OPENSEARCH_PASSWORD_FILE": str(path)})
    assert SECRET not in assert_one_clear_line(raised.value)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e999", "soon", "1,5"])
def test_bad_timeout_is_refused_and_named(value: str) -> None:
    with pytest.raises(SettingsError, match=f"HYBRID_OPENSEARCH_TIMEOUT is '{value}'") as raised:
        read_settings({"HYBRID_OPENSEARCH_TIMEOUT": value})
    assert_one_clear_line(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("No", False)]
)
def test_switch_takes_the_usual_words(value: str, expected: bool) -> None:
    assert read_settings({"HYBRID_OPENSEARCH_INSECURE": value}).opensearch_insecure is expected


@pytest.mark.parametrize("value", ["on?", "2", "tru"])
def test_switch_refuses_anything_else(value: str) -> None:
    with pytest.raises(SettingsError, match="say true or false") as raised:
        read_settings({"HYBRID_OPENSEARCH_INSECURE": value})
    assert_one_clear_line(raised.value)


@each_secret
def test_secrets_are_not_shown(variable: str, name: str) -> None:
    shown = read_settings({variable: f"redis://:{SECRET}@h/0"})
    assert SECRET in getattr(shown, name)
    assert SECRET not in f"{shown!r} {shown}"


def test_what_workers_are_told_lands_in_its_place() -> None:
    environ = {
        "HYBRID_REDIS_CA_FILE": "/ca.pem",
        "HYBRID_WORKER_INDEXES": "wiki-*,news",
        "HYBRID_METRICS_PORT": "9100",
    }
    expected = Settings(redis_ca_file="/ca.pem", worker_indexes="wiki-*,news", metrics_port=9100)
    assert read_settings(environ) == expected


@pytest.mark.parametrize("port", ["0", "-1", "65536", "9100.0", "http"])
def test_metrics_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="HYBRID_METRICS_PORT") as raised:
        read_settings({"HYBRID_METRICS_PORT": port})
    assert_one_clear_line(raised.value)
