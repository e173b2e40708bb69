"""`threadlab doctor`: what it says of settings and machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog.testing

from bot.cli import ask_engine
from bot.doctor import Finding, Verdict, examine
from bot.settings import Settings
from tests.fakes.responses_api import FakeResponsesApi, Fault
from tests.fakes.threadlab import settings_for

ROOT = Path(__file__).parents[2]


async def found(
    settings: Settings,
    environ: dict[str, str] | None = None,
    env_names: frozenset[str] = frozenset(),
) -> list[Finding]:
    return await examine(settings, environ or {}, env_names)


def of(findings: list[Finding], subject: str) -> Finding:
    (finding,) = (finding for finding in findings if finding.subject == subject)
    return finding


def doctor(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "doctor"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestEngine:
    async def test_reachable(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """An engine that answers and takes the key is fine."""
        findings = await found(settings_for(tmp_path, api.base_url))

        assert of(findings, "engine").verdict is Verdict.FINE
        assert api.base_url in of(findings, "engine").sentence

    async def test_model_not_offered(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A model that the engine does not list is noted, with those that it lists."""
        findings = await found(settings_for(tmp_path, api.base_url, openai_model="gpt-none"))

        assert of(findings, "model").verdict is Verdict.NOTE
        assert "gpt-none" in of(findings, "model").sentence

    async def test_model_without_a_price(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A model that the price table lacks is noted: no budget counts it."""
        settings = settings_for(tmp_path, api.base_url, openai_models=("own-model",))

        priced = await found(settings_for(tmp_path, api.base_url))
        unpriced = await found(settings)

        assert not [finding for finding in priced if finding.subject == "prices"]
        assert of(unpriced, "prices").verdict is Verdict.NOTE
        assert "own-model" in of(unpriced, "prices").sentence

    async def test_key_refused(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A key that the engine refuses is wrong, in the engine's own words."""
        api.faults.append(Fault("/v1/models", 401, "Incorrect API key provided."))

        engine = of(await found(settings_for(tmp_path, api.base_url)), "engine")

        assert engine.verdict is Verdict.WRONG
        assert "Incorrect API key provided." in engine.sentence

    async def test_address_without_a_path(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Where OPENAI_BASE_URL names only a server, it is said what mostly comes after that."""
        server = api.base_url.removesuffix("/v1")

        engine = of(await found(settings_for(tmp_path, server)), "engine")

        assert engine.verdict is Verdict.WRONG
        assert f"{server}/v1" in engine.sentence

    async def test_none_chosen(self, tmp_path: Path) -> None:
        """Tokens without an engine are one finding, not two that contradict each other."""
        settings = settings_for(tmp_path, None, openai_api_key=None)

        findings = await found(settings, {"DISCORD_TOKEN": "t"})

        assert of(findings, "chats").verdict is Verdict.WRONG
        assert [finding for finding in findings if finding.subject == "engine"] == []

    async def test_is_asked_at_the_start(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A key that the engine refuses is an error in the log before anybody asks something; a
        right one is no line."""
        settings = settings_for(tmp_path, api.base_url)
        with structlog.testing.capture_logs() as fine:
            await ask_engine(settings)
        api.faults.append(Fault("/v1/models", 401, "Incorrect API key provided."))

        with structlog.testing.capture_logs() as wrong:
            await ask_engine(settings)

        assert fine == []
        assert [line["log_level"] for line in wrong] == ["error"]
        assert "Incorrect API key provided." in wrong[0]["why"]

    async def test_nobody_there(self, tmp_path: Path) -> None:
        """An engine that can't be reached is wrong."""
        findings = await found(settings_for(tmp_path, "http://127.0.0.1:9/v1"))

        assert of(findings, "engine").verdict is Verdict.WRONG


class TestMachine:
    async def test_folder_not_writable(self, api: FakeResponsesApi) -> None:
        """A data folder that can't be made is wrong, and the setting is named."""
        folder = of(await found(settings_for(Path("/proc/threadlab"), api.base_url)), "data folder")

        assert folder.verdict is Verdict.WRONG
        assert "DATA_DIR" in folder.sentence

    @pytest.mark.usefixtures("on_sqlite")
    async def test_no_database(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A file that is no database is wrong, and is left as it is."""
        (tmp_path / "threadlab.db").write_text("not a database, but long enough to look at" * 40)

        findings = await found(settings_for(tmp_path, api.base_url))

        assert [f.verdict for f in findings if f.subject == "database"] == [
            Verdict.WRONG,
            Verdict.FINE,
        ]
        assert (tmp_path / "threadlab.db").read_text().startswith("not a database")

    async def test_nothing_is_made(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Looking leaves no trace in the data folder."""
        await found(settings_for(tmp_path, api.base_url))

        assert list(tmp_path.iterdir()) == []

    async def test_code_runs(self, tmp_path: Path) -> None:
        """The embedded engine's sandbox is tried by running code in it."""
        settings = settings_for(tmp_path, None, openai_api_key=None)

        assert of(await found(settings), "embedded").verdict is Verdict.FINE

    async def test_no_sandbox(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without bubblewrap it says how to get it."""
        monkeypatch.setenv("PATH", "/nowhere")
        settings = settings_for(tmp_path, None, openai_api_key=None)

        sandbox = of(await found(settings), "embedded")

        assert sandbox.verdict is Verdict.WRONG
        assert "apt-get install bubblewrap" in sandbox.sentence

    async def test_unconfined(self, tmp_path: Path) -> None:
        """A sandbox that is switched off is never called fine."""
        settings = settings_for(tmp_path, None, openai_api_key=None)

        findings = await found(settings, {"ENGINE_SANDBOX": "none"})

        assert of(findings, "embedded").verdict is Verdict.WRONG


class TestSettings:
    async def test_token_that_is_none(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A setting of a chat that can't be right is wrong, by its name."""
        environ = {"SLACK_BOT_TOKEN": "x"}
        findings = await found(settings_for(tmp_path, api.base_url), environ)

        refused = of(findings, "slack")
        assert refused.verdict is Verdict.WRONG
        assert "SLACK_BOT_TOKEN" in refused.sentence

    async def test_open_page(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A page open to the network without a token is wrong."""
        findings = await found(settings_for(tmp_path, api.base_url), {"WEB_HOST": "0.0.0.0"})

        assert "WEB_TOKEN" in of(findings, "chats").sentence

    @pytest.mark.parametrize(
        ("environ", "verdict"),
        [
            ({"OPENAI_APIKEY": "x"}, Verdict.WRONG),
            ({"OPENAI_APIKEY": "x", "OPENAI_API_KEY": "y"}, Verdict.NOTE),
        ],
    )
    async def test_mistyped(
        self, api: FakeResponsesApi, tmp_path: Path, environ: dict[str, str], verdict: Verdict
    ) -> None:
        """A likely slip is wrong, unless the setting itself is there too."""
        slip = of(await found(settings_for(tmp_path, api.base_url), environ), "settings")

        assert slip.verdict is verdict
        assert "OPENAI_API_KEY" in slip.sentence


@pytest.mark.slow
class TestCommand:
    def test_all_fine(self, tmp_path: Path) -> None:
        """It ends with 0 where nothing is wrong."""
        done = doctor(tmp_path)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "wrong" not in done.stdout

    def test_something_wrong(self, tmp_path: Path) -> None:
        """It ends with 1 and says what is wrong; names in `.env` count too."""
        (tmp_path / ".env").write_text("COLOUR=blue\nOPENAI_APIKEY=sk-secret\n")

        done = doctor(tmp_path)

        assert done.returncode == 1
        assert "Is OPENAI_API_KEY meant?" in done.stdout
        assert "COLOUR is no setting" in done.stdout
        assert "sk-secret" not in done.stdout

    def test_invalid_value(self, tmp_path: Path) -> None:
        """A value of the wrong kind is named, without a traceback."""
        done = doctor(tmp_path, TURNS_AT_ONCE="many")

        assert done.returncode == 1
        assert "TURNS_AT_ONCE" in done.stdout
        assert "Traceback" not in done.stderr
