"""Requests signed for AWS: the recorder works each signature out again from what arrived."""

import asyncio
import hashlib
import logging
import re
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hybrid import Passage, open_async_index, open_index
from hybrid.errors import SettingsError
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.faults import name_of, upstream_of
from tests.messages import assert_one_clear_line
from tests.services.http_server import Request
from tests.services.recorder import Recorder, forwarding, recorder

ACCESS_KEY, SECRET_KEY, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token"
REGION = "eu-central-1"
AUTHORIZATION = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/(?P<day>\d{{8}})/{REGION}/(?P<service>\w+)/aws4_request, "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


def use_sync(address: str, settings: Settings) -> None:
    with open_index(address, settings=settings) as index:
        index.add([Passage(id="ö", text="t", vector=np.ones(8))], refresh=True)
        assert index.search("who wrote “it”?", vector=np.ones(8)).hits
        assert index.search("t", mode="lexical").hits


def use_async(address: str, settings: Settings) -> None:
    async def run() -> None:
        async with await open_async_index(address, settings=settings) as index:
            await index.add([Passage(id="ö", text="t", vector=np.ones(8))], refresh=True)
            assert (await index.search("who wrote “it”?", vector=np.ones(8))).hits
            assert (await index.search("t", mode="lexical")).hits

    asyncio.run(run())


either = pytest.mark.parametrize("use", [use_sync, use_async], ids=["sync", "async"])
Use = Callable[[str, Settings], None]


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    return make_index()


def recorded(use: Use, address: str, settings: Settings) -> Recorder:
    with recorder(forwarding(upstream_of(address))) as server:
        use(f"{server.url}/{name_of(address)}", settings)
    assert len(server.requests) > 4
    return server


def check_signature(request: Request, url: str, service: str) -> None:
    found = AUTHORIZATION.fullmatch(request.header("authorization") or "")
    assert found is not None
    assert found["service"] == service
    signed = found["headers"].split(";")
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed)
    assert request.header("host") == urlsplit(url).netloc
    assert request.header("x-amz-content-sha256") == hashlib.sha256(request.body).hexdigest()
    again = AWSRequest(request.method, url + request.path, {h: request.header(h) for h in signed}, request.body)
    again.context["timestamp"] = request.header("x-amz-date")
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, REGION)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    assert signer.signature(text, again) == found["signature"]


@pytest.mark.parametrize("service", ["es", "aoss"])
@either
def test_every_request_carries_a_signature_that_fits_it(use: Use, service: str, address: str) -> None:
    settings = Settings(opensearch_aws_region=REGION, opensearch_aws_service=service)
    server = recorded(use, address, settings)
    assert any("?" in request.path for request in server.requests)
    for request in server.requests:
        check_signature(request, server.url, service)


@either
def test_session_token_is_sent_and_signed(use: Use, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
    server = recorded(use, address, Settings(opensearch_aws_region=REGION))
    for request in server.requests:
        assert request.header("x-amz-security-token") == SESSION
        found = AUTHORIZATION.fullmatch(request.header("authorization") or "")
        assert found is not None
        assert "x-amz-security-token" in found["headers"]


@either
def test_missing_account_is_one_clear_error(use: Use, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingsError, match="AWS credentials are nowhere to be found") as raised:
        use(address, Settings(opensearch_aws_region=REGION))
    assert_one_clear_line(raised.value)


@either
def test_missing_library_is_one_clear_error_with_what_to_install(
    use: Use, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(SettingsError, match=r"hybrid-passage-search\[aws\]") as raised:
        use(address, Settings(opensearch_aws_region=REGION))
    assert_one_clear_line(raised.value)


@either
def test_secret_key_is_neither_sent_nor_logged(use: Use, address: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = recorded(use, address, Settings(opensearch_aws_region=REGION))
    assert SECRET_KEY not in caplog.text
    assert not any(SECRET_KEY in str(request) for request in server.requests)
