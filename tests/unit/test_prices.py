"""What models and containers cost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Usage
from bot.prices import Prices, TokenPrice, dollars
from bot.settings import Settings
from tests.fakes.threadlab import settings_for

PRICES = Prices(
    tokens={"m": TokenPrice(input=2, cached_input=0.5, output=10)},
    sessions={"1g": 0.03, "4g": 0.12},
)
counts = st.integers(0, 10**9)


class TestTokens:
    def test_each_kind_has_its_price(self) -> None:
        """Cached tokens are part of the input, at their own price."""
        cost = PRICES.of_tokens("m", Usage(1_000_000, 100_000, cached_tokens=400_000))

        assert cost == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 10)

    def test_a_dated_model_costs_what_its_name_does(self) -> None:
        """`m-2026-01-31` is `m`; `m-mini` is another model."""
        usage = Usage(1_000_000, 0)

        assert PRICES.of_tokens("m-2026-01-31", usage) == 2
        assert PRICES.of_tokens("m-mini", usage) is None

    def test_an_unknown_model_has_no_price(self) -> None:
        """It is not taken for free; but no tokens cost nothing in any model."""
        assert PRICES.of_tokens("x", Usage(1, 1)) is None
        assert PRICES.of_tokens("x", Usage()) == 0

    @given(counts, counts, counts)
    def test_never_negative(self, read: int, written: int, cached: int) -> None:
        """Whatever an engine counts, an answer never earns money."""
        cost = PRICES.of_tokens("m", Usage(read, written, cached_tokens=cached))

        assert cost is not None
        assert cost >= 0

    @given(counts, counts, st.data())
    def test_the_cache_saves(self, read: int, written: int, data: st.DataObject) -> None:
        """Cached input is never dearer than the same input without a cache."""
        cached = data.draw(st.integers(0, read))

        with_cache = PRICES.of_tokens("m", Usage(read, written, cached_tokens=cached))
        without = PRICES.of_tokens("m", Usage(read, written))

        assert with_cache is not None
        assert without is not None
        assert with_cache <= without or math.isclose(with_cache, without)


class TestContainers:
    @pytest.mark.parametrize(
        ("life_seconds", "minutes"),
        [(0, 20), (1, 20), (1_199, 20), (1_200, 40), (3_599, 60), (-5, 20)],
    )
    def test_a_session_that_began_is_paid(self, life_seconds: float, minutes: float) -> None:
        """A container is paid by started sessions of 20 minutes."""
        assert PRICES.minutes_of(life_seconds) == minutes

    def test_tiers_have_their_prices(self) -> None:
        """So many sessions at the tier's price; an unknown tier has none."""
        assert PRICES.of_container("4g", 40) == pytest.approx(0.24)
        assert PRICES.of_container("2g", 20) is None
        assert PRICES.of_container(None, 20) is None
        assert PRICES.of_container(None, 0) == 0


class TestTable:
    def test_it_is_a_setting(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """The operator's JSON is the whole table."""
        folder = tmp_path_factory.mktemp("data")
        table = {"own": TokenPrice(input=1, cached_input=1, output=1)}

        prices = settings_for(folder, "http://x/v1", prices_tokens=table).prices

        assert prices.of_tokens("own", Usage(1_000_000)) == 1
        assert prices.of_tokens("gpt-5", Usage(1)) is None

    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tables are JSON and lists have commas between them in the environment."""
        price = '{"own": {"input": 1, "cached_input": 0.5, "output": 2}}'
        monkeypatch.setenv("PRICES_TOKENS", price)
        monkeypatch.setenv("ADMINS", "slack:U1, U2")

        settings = Settings(_env_file=None, openai_base_url="http://x/v1")

        assert settings.prices.of_tokens("own", Usage(0, 1_000_000)) == 2
        assert settings.prices.of_container("1g", 20) is None
        assert settings.admins == ("slack:U1", "U2")

    @pytest.mark.parametrize(
        ("address", "cost"),
        [
            (None, 1.25),
            ("https://api.openai.com/v1", 1.25),
            ("https://eu.api.openai.com/v1", 1.25),
            ("http://127.0.0.1:8099/v1", None),
            ("https://notopenai.com/v1", None),
            ("https://openai.com.example.org/v1", None),
        ],
    )
    def test_other_servers_have_prices_of_their_own(
        self, address: str | None, cost: float | None
    ) -> None:
        """The table that comes along is OpenAI's; what another server costs nobody knows."""
        settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=address)

        assert settings.prices.of_tokens("gpt-5", Usage(1_000_000)) == cost
        assert (settings.prices.of_container("1g", 20) is None) is (cost is None)

    def test_our_own_engine_is_free(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """What runs on this machine costs nothing, whatever its model is called."""
        folder = tmp_path_factory.mktemp("data")

        prices = settings_for(folder, None, openai_api_key=None).prices

        assert prices.of_tokens("anything", Usage(10**9, 10**9)) == 0
        assert prices.of_container("64g", 20) == 0


@pytest.mark.parametrize(
    ("usd", "said"), [(0, "$0.00"), (0.0042, "$0.0042"), (0.03, "$0.03"), (12.345, "$12.35")]
)
def test_dollars(usd: float, said: str) -> None:
    """Cents, and more digits for less than one."""
    assert dollars(usd) == said
