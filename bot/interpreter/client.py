"""One question to the engine becomes a stream of TurnEvents, followed through dropped lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import openai
import structlog

from bot.errors import EngineRefused, EngineUnreachable, ResponseLost
from bot.events import Charged, Finished, TurnEvent, Usage
from bot.interpreter.faults import absent_is_fine, engine_faults
from bot.interpreter.files import EngineFiles
from bot.interpreter.request import Question, build
from bot.interpreter.stream import Translation, outcome_of, raise_failure, usage_of
from bot.settings import Settings

log = structlog.get_logger()

RESUMES_MAX = 5
RESUME_WAIT_SECONDS = 0.5


class Interpreter:
    """The engine's Responses API. `files` has its files and containers;
    `patient_files` the same, asked again where the engine fails or has no time."""

    def __init__(self, settings: Settings, *, base_url: str | None, api_key: str) -> None:
        # A retry by the client re-sends the POST, and code would run twice: we retry where the
        # state is known.
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=openai.Timeout(
                settings.engine_silence_seconds, connect=settings.engine_connect_seconds
            ),
        )
        self._settings = settings
        self.files = EngineFiles(self._client, keep_days=settings.upload_keep_days)
        # What code made would be lost; before a question, the turn waits and says so.
        patient = self._client.with_options(max_retries=settings.engine_file_retries)
        self.patient_files = EngineFiles(patient, keep_days=settings.upload_keep_days)

    async def ask(self, question: Question) -> AsyncGenerator[TurnEvent]:
        """Put a question; the last event is `Finished`. Raises EngineError."""
        body = build(question, background=self._settings.openai_background)
        translation = Translation()
        try:
            with engine_faults():
                stream = await self._client.responses.create(**body)
                async with stream, aclosing(translation.translate(stream)) as events:
                    async for event in events:
                        yield event
        except EngineUnreachable as broken:
            if translation.response_id is None:
                raise
            log.warning(
                "stream broke", response=translation.response_id, error=str(broken.__cause__)
            )
        if translation.finished:
            return
        if translation.response_id is None:
            raise EngineUnreachable("The engine closed the stream before it began.")
        async with aclosing(self._follow(translation.response_id, translation)) as followed:
            async for event in followed:
                yield event

    async def resume(self, response_id: str) -> AsyncGenerator[TurnEvent]:
        """Follow a response that an earlier process asked for, from its first event.

        Raises:
            ResponseLost: it can't be followed; ask again.
        """
        async with aclosing(self._follow(response_id, Translation())) as followed:
            async for event in followed:
                yield event

    async def _follow(
        self, response_id: str, translation: Translation
    ) -> AsyncGenerator[TurnEvent]:
        """Take a background response up where the translation stands."""
        if not self._settings.openai_background:
            raise ResponseLost("Only background responses can be resumed.")
        for attempt in range(RESUMES_MAX):
            if attempt:
                await asyncio.sleep(RESUME_WAIT_SECONDS * 2**attempt)
            try:
                with engine_faults():
                    async with aclosing(self._resumed(response_id, translation)) as events:
                        async for event in events:
                            yield event
            except EngineUnreachable as broken:
                log.warning("resume broke", response=response_id, error=str(broken))
            except EngineRefused as refused:
                if isinstance(refused.__cause__, openai.NotFoundError):
                    raise ResponseLost("The engine no longer knows the response.") from refused
                raise
            if translation.finished:
                return
        raise ResponseLost("The connection to the engine broke again and again.")

    async def _resumed(
        self, response_id: str, translation: Translation
    ) -> AsyncGenerator[TurnEvent]:
        after = translation.last_sequence_number
        start = openai.omit if after is None else after
        stream = await self._client.responses.retrieve(
            response_id,
            stream=True,
            include=["code_interpreter_call.outputs"],
            starting_after=start,
        )
        async with stream, aclosing(translation.translate(stream)) as events:
            async for event in events:
                yield event
        if translation.finished:
            return
        # A stream that ended without its last event: the response itself says how it stands.
        response = await self._client.responses.retrieve(
            response_id, include=["code_interpreter_call.outputs"]
        )
        if response.status in ("completed", "incomplete"):
            translation.finished = True
            yield Finished(outcome_of(response))
        elif response.status in ("failed", "cancelled"):
            yield Charged(usage_of(response))
            raise_failure(response)
        raise EngineUnreachable("The stream ended early.")

    async def cancel(self, response_id: str) -> tuple[Usage, Mapping[str, str]]:
        """End a running background response; one that is over already is fine.

        Returns:
            What it cost, and what its runs of code had printed by their ids, as far as the engine
            says.
        """
        try:
            with engine_faults():
                response = await self._client.responses.cancel(response_id)
        except EngineRefused as refused:
            log.info("nothing to cancel", response=response_id, error=str(refused))
            return Usage(), {}
        return usage_of(response), {run.id: run.logs for run in outcome_of(response).runs}

    async def delete_response(self, response_id: str) -> None:
        """Delete a stored response; one that is gone already is fine."""
        with absent_is_fine():
            await self._client.responses.delete(response_id)

    async def models(self) -> list[str]:
        """The names of the models that the engine offers to our key. Raises EngineError."""
        with engine_faults():
            return [model.id for model in (await self._client.models.list()).data]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
