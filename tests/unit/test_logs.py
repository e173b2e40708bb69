"""What the operator's log shows, and what it does not."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError

from bot.logs import configure_logs
from engine.cli import configure_logs as configure_engine_logs


class FullDisk(io.StringIO):
    """What stderr is where it leads to a file on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


NOWHERE = "postgresql+psycopg://ann:secret@127.0.0.1:1/none"


def failure(address: str, statement: str) -> OperationalError:
    """What a database says to a statement."""
    with pytest.raises(OperationalError) as caught, sa.create_engine(address).connect() as db:
        db.execute(sa.text(statement))
    return caught.value


@pytest.fixture
def of_the_library() -> Iterator[io.StringIO]:
    """What DBOS logs."""
    logger, written = logging.getLogger("dbos"), io.StringIO()
    handler, filters, level = logging.StreamHandler(written), list(logger.filters), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    yield written
    logger.removeHandler(handler)
    logger.filters = filters
    logger.setLevel(level)


class TestOutages:
    def test_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A database that is gone is a line with the reason, without a traceback."""
        configure_logs("INFO")
        try:
            raise failure(NOWHERE, "SELECT 1")
        except OperationalError:
            structlog.get_logger().exception("no heartbeat", worker="w1")

        (line,) = capsys.readouterr().err.splitlines()
        assert "no heartbeat" in line
        assert "worker=w1" in line
        assert "refused" in line

    def test_wrong_statement(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A statement that is wrong keeps its traceback, though SQLite calls it operational."""
        configure_logs("INFO")
        structlog.get_logger().error("sweep failed", exc_info=failure("sqlite://", "SELECT nobody"))

        assert "Traceback" in capsys.readouterr().err

    def test_of_the_library(self, of_the_library: io.StringIO) -> None:
        """Lines of DBOS's are short as well, whether the error is in their text or beside it."""
        configure_logs("INFO")
        library = logging.getLogger("dbos")
        try:
            raise failure(NOWHERE, "SELECT 1")
        except OperationalError as gone:
            library.warning(f"Exception listing queues: {gone}")
            library.warning(f"Exception polling schedules: {traceback.format_exc()}")
            library.exception("Fallback poll failed")

        lines = of_the_library.getvalue().splitlines()
        begins = ["Exception listing queues", "Exception polling schedules", "Fallback poll failed"]
        assert [line.partition(":")[0].partition(" connection")[0] for line in lines] == begins
        assert all("refused" in line for line in lines)

    def test_other_errors_of_the_library(self, of_the_library: io.StringIO) -> None:
        """DBOS's other errors keep their traceback."""
        configure_logs("INFO")
        try:
            raise ValueError("odd")
        except ValueError:
            logging.getLogger("dbos").exception("Exception encountered")

        assert "Traceback" in of_the_library.getvalue()


class TestLogs:
    def test_no_local_variables(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An exception is logged with its lines, never with what its variables hold."""
        configure_logs("INFO")
        token = "".join(["xoxb", "-secret"])
        try:
            raise OSError(f"disk full after {len(token)}")
        except OSError:
            structlog.get_logger().exception("turn failed", turn="turn_1")

        shown = capsys.readouterr().err
        assert "disk full after 11" in shown
        assert token not in shown

    @pytest.mark.parametrize("configure", [lambda: configure_logs("INFO"), configure_engine_logs])
    def test_nowhere_to_write(
        self, configure: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A line that can't be written is lost alone: the code that logs it goes on."""
        monkeypatch.setattr("sys.stderr", disk := FullDisk())
        configure()

        structlog.get_logger().error("turn failed", turn="turn_1")

        with pytest.raises(OSError, match="No space"):
            disk.write("")
