"""The Slack adapter: threads, direct messages and the agent's messages tab."""

from adapters.slack.checks import check
from adapters.slack.plugin import SlackPlugin

plugin = SlackPlugin()

__all__ = ["check", "plugin"]
