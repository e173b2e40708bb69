"""What the app is granted and subscribed to, unless a test says otherwise: as its manifest asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MANIFEST: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "manifest.yml").read_text())
SCOPES = frozenset(MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = frozenset(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
