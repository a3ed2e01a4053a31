"""A real Chromium without a driver: commands over the DevTools protocol, one after the other."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.services.processes import Leashed, wait_until

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars"),
    *("--force-color-profile=srgb", "--remote-debugging-port=0", "--remote-allow-origins=*"),
)
#: Seconds that anything on a page may take.
PATIENCE = 30
_KEYS = {"Enter": 13, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "Escape": 27}
_KEYS |= {"Home": 36, "End": 35}


class Page:
    """One tab."""

    def __init__(self, runner: asyncio.Runner, socket: aiohttp.ClientWebSocketResponse):
        self._runner = runner
        self._socket = socket
        self._numbers = itertools.count(1)
        #: What the page complained of: exceptions, errors on the console, broken rules of its policy.
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        """Send a command and give its result."""
        return self._runner.run(self._send(method, parameters))

    def show(self, width: int = 1280, height: int = 900, *, dark: bool = False, still: bool = True) -> None:
        """Set size and theme; a still page moves nothing."""
        mobile = width < 600
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )
        features = [("prefers-color-scheme", "dark" if dark else "light")]
        features.append(("prefers-reduced-motion", "reduce" if still else "no-preference"))
        self.send("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in features])

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is there."""
        self.send("Page.navigate", url=url)
        place = json.dumps(url.partition("?")[0])
        self.wait(f"location.href.startsWith({place}) && document.readyState == 'complete'")

    def run(self, script: str) -> Any:
        """Give the value of an expression."""
        found = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        look = (
            f"new Promise((done, fail) => {{ const end = Date.now() + {PATIENCE * 1000}; const look = () => "
            f"({condition}) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 10); look(); }})"
        )
        for _ in range(2):
            with contextlib.suppress(AssertionError):  # the context of the page before is gone
                assert self.run(look), f"not true after {PATIENCE} seconds: {condition}"
                return
        assert self.run(look), f"not true after {PATIENCE} seconds: {condition}"

    def text(self, selector: str) -> str:
        """Give the text that a person sees of an element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def texts(self, selector: str) -> list[str]:
        """Give the texts of all elements that are shown."""
        chosen = f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.checkVisibility())"
        return list(self.run(f"{chosen}.map(e => e.innerText)"))

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def disconnect(self) -> None:
        """Take the network away."""
        self._limit(offline=True)

    def connect(self, latency: float = 0) -> None:
        """Give the network back, with so many milliseconds before every answer."""
        self._limit(offline=False, latency=latency)

    def _limit(self, *, offline: bool, latency: float = 0) -> None:
        unlimited = {"downloadThroughput": -1, "uploadThroughput": -1}
        self.send("Network.emulateNetworkConditions", offline=offline, latency=latency, **unlimited)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            code = _KEYS.get(key) or ord(key.upper())
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            told = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **told)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        """Put a text in where the cursor is."""
        self.send("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save a picture of the page."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    async def _send(self, method: str, parameters: dict[str, Any]) -> Any:
        number = next(self._numbers)
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": parameters}))
        async with asyncio.timeout(2 * PATIENCE):
            while True:
                message = json.loads((await self._socket.receive()).data)
                if message.get("id") == number:
                    assert "error" not in message, f"{method}: {message['error']}"
                    return message["result"]
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"].get("exception", told)))
        if message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        if message.get("method") == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {told['message']}")


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Give a tab of a browser that ends with the block."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium is installed")
    profile, log = folder / "browser", folder / "browser.log"
    profile.mkdir()
    process = Leashed([program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"], folder=profile, log=log)
    try:
        place = profile / "DevToolsActivePort"
        wait_until(
            lambda: place.exists() and place.read_text("utf-8").count("\n") == 1,
            ended=process.ended,
            evidence=lambda: log.read_text("utf-8"),
            what="Chromium",
        )
        port = place.read_text("utf-8").split()[0]
        with asyncio.Runner() as runner, contextlib.ExitStack() as opened:
            session = runner.run(_open_session())
            opened.callback(lambda: runner.run(session.close()))
            socket = runner.run(_connect(session, port))
            yield Page(runner, socket)
    finally:
        process.stop()


async def _open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _connect(session: aiohttp.ClientSession, port: str) -> aiohttp.ClientWebSocketResponse:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        targets = await answer.json()
    (address,) = (one["webSocketDebuggerUrl"] for one in targets if one["type"] == "page")
    return await session.ws_connect(address, max_msg_size=0)
