"""The web adapter: one page that talks to Threadlab like a chat."""

from adapters.web.plugin import WebPlugin

plugin = WebPlugin()

__all__ = ["plugin"]
