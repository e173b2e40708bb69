"""The modals: a question about a message, and a channel's settings. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.slack.blocks import Block
from adapters.slack.mrkdwn import escaped, mrkdwn
from bot.ports import ChannelSettings, Choice

ASK = "threadlab_ask"
CHANNEL = "threadlab_channel"
SETTINGS = "threadlab_settings"
QUESTION = "question"
FIELD = "value"

_QUESTION_CHARS = 3_000
_NAME_CHARS = 50  # a view keeps 3,000 [facts: slack]
_OPTIONS_MAX = 100
_DIGEST_CHARS = 16
_LABEL_CHARS = 75
_LABELS = {
    "model": "Model",
    "effort": "How long the model thinks",
    "memory_limit": "Memory of new containers",
    "mode": "Containers",
    "followups": "Messages in my threads that name nobody",
    "instructions": "What I am told besides each question",
    "budget_day_usd": "Budget a day, in US dollars",
    "budget_month_usd": "Budget a month, in US dollars",
    "users": "Who may use me here (nobody chosen: everybody)",
}
WHO_MAY = (
    "Only admins may change them: the workspace's admins and owners, and whom the operator has "
    "named."
)
_SELECTS = ("model", "effort", "memory_limit", "mode", "followups")
_DEFAULT, _NONE = "default", "none"

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """The message that a question is about, as a modal keeps it. `files` are names by ids; of a
    message without any, `quote` is what it says."""

    channel: str
    thread: str
    files: Mapping[str, str]
    quote: str

    def as_json(self) -> str:
        """For a view's `private_metadata`: the ends of long names, which say what a file is."""
        files = {file: name[-_NAME_CHARS:] for file, name in self.files.items()}
        kept = [self.channel, self.thread, files, "" if files else self.quote]
        return json.dumps(kept, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> AskedAbout:
        """From a view's `private_metadata`."""
        channel, thread, files, quote = json.loads(text)
        return cls(str(channel), str(thread), dict(files), str(quote))


def ask_modal(about: AskedAbout) -> View:
    """Asks for a question about a message's files."""
    listed = ", ".join(f"`{escaped(name)}`" for name in about.files.values())
    what = f"About {listed}." if listed else "There are no files in this message; its text counts."
    return {
        "type": "modal",
        "callback_id": ASK,
        "private_metadata": about.as_json(),
        "title": _plain("Analyse with Threadlab"),
        "submit": _plain("Ask"),
        "close": _plain("Cancel"),
        "blocks": [
            _section(f"{what} The question and the answer appear in the message's thread."),
            {
                "type": "input",
                "block_id": QUESTION,
                "label": _plain("Your question"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": FIELD,
                    "multiline": True,
                    "max_length": _QUESTION_CHARS,
                    "focus_on_load": True,
                    "placeholder": _plain("Total by category, as a bar chart"),
                },
            },
        ],
    }


def channel_modal() -> View:
    """Asks whose settings are meant."""
    return {
        "type": "modal",
        "callback_id": CHANNEL,
        "title": _plain("Threadlab's settings"),
        "submit": _plain("Next"),
        "close": _plain("Cancel"),
        "blocks": [
            _section(WHO_MAY),
            {
                "type": "input",
                "block_id": CHANNEL,
                "label": _plain("Of which channel?"),
                "element": {
                    "type": "conversations_select",
                    "action_id": FIELD,
                    "default_to_current_conversation": True,
                    "filter": {"include": ["public", "private"], "exclude_bot_users": True},
                },
            },
        ],
    }


def settings_modal(channel: str, settings: ChannelSettings, choices: Sequence[Choice]) -> View:
    """A channel's settings, to be changed."""
    offered = {name: _offered(name, choices) for name in _SELECTS}
    now = {name: getattr(settings, name) for name in _LABELS}
    return {
        "type": "modal",
        "callback_id": SETTINGS,
        "private_metadata": json.dumps([channel, _digests(written(now))]),
        "title": _plain("Threadlab's settings"),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "blocks": [_section(f"For <#{channel}>. They count from the next question on.")]
        + [_input(name, now[name], offered.get(name, ())) for name in _LABELS],
    }


def note_modal(title: str, text: str) -> View:
    """Says something."""
    return {
        "type": "modal",
        "title": _plain(title),
        "close": _plain("Close"),
        "blocks": [_section(mrkdwn(text))],
    }


def written(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as the command `settings` takes them."""
    shown = {name: _written(name, value) for name, value in values.items()}
    return {name: value for name, value in shown.items() if value is not None}


def changed(view: View) -> tuple[str, dict[str, str]]:
    """The channel of a submitted modal, and the settings that differ from before."""
    channel, before = json.loads(view["private_metadata"])
    now = written({name: _chosen(state) for name, state in view["state"]["values"].items()})
    digests = _digests(now)
    return str(channel), {k: v for k, v in now.items() if digests[k] != before.get(k)}


def field(view: View, block_id: str) -> str:
    """What was filled into a modal's field."""
    return str(_chosen(view["state"]["values"][block_id]) or "")


def _digests(values: Mapping[str, str]) -> dict[str, str]:
    """Values in few characters, to be compared: a view keeps 3,000 [facts: slack]."""
    return {
        name: hashlib.sha256(value.encode()).hexdigest()[:_DIGEST_CHARS]
        for name, value in values.items()
    }


def _chosen(state: Mapping[str, Any]) -> Any:
    element = state[FIELD]
    match element["type"]:
        case "static_select":
            return (element.get("selected_option") or {}).get("value")
        case "multi_users_select":
            return tuple(element.get("selected_users") or ())
        case "conversations_select":
            return element.get("selected_conversation")
    return element.get("value")


def _written(name: str, value: Any) -> str | None:
    if name in _SELECTS:
        return _DEFAULT if value is None else str(value)
    if name == "instructions":
        return str(value or "").strip() or _DEFAULT
    if name == "users":
        return " ".join(value or ()) or _NONE
    return _NONE if value in (None, "") else _typed(value)


def _typed(value: Any) -> str:
    """As people type it; whole numbers come back from the database as such."""
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def _offered(name: str, choices: Sequence[Choice]) -> tuple[str, ...]:
    """The values that the core suggests for a setting: their labels begin with its name."""
    found = [choice.value for choice in choices if choice.label.startswith(f"{name}: ")]
    return tuple(dict.fromkeys(found))


def _input(name: str, value: Any, offered: Sequence[str]) -> Block:
    element: Block = {"action_id": FIELD}
    if name in _SELECTS:
        now = _DEFAULT if value is None else str(value)
        values = list(dict.fromkeys([now, *offered]))[:_OPTIONS_MAX]
        options = [{"text": _plain(one[:_LABEL_CHARS]), "value": one} for one in values]
        element |= {"type": "static_select", "options": options, "initial_option": options[0]}
    elif name == "users":
        element |= {"type": "multi_users_select"} | (
            {"initial_users": list(value)} if value else {}
        )
    else:
        shown = "" if value is None else _typed(value)
        element |= {"type": "plain_text_input", "multiline": name == "instructions"}
        element |= {"initial_value": shown[:_QUESTION_CHARS]} if shown else {}
    return {
        "type": "input",
        "block_id": name,
        "optional": name not in _SELECTS,
        "label": _plain(_LABELS[name]),
        "element": element,
    }


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
