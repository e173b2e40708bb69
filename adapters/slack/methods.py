"""The methods of the Web API that the adapter calls: scopes, forms, repeats."""

from __future__ import annotations

from collections.abc import Mapping

# Every method that the adapter calls, and the bot scope that it takes ("" for none). A set of
# scopes: which one depends on the kind of conversation.
METHODS: Mapping[str, tuple[str, ...]] = {
    "agents.sessions.setStatus": ("chat:write",),
    "apps.connections.open": (),  # with the app's own token
    "assistant.threads.setStatus": ("chat:write",),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "auth.test": (),
    "chat.appendStream": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.info": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.replies": (
        "channels:history",
        "groups:history",
        "im:history",
        "mpim:history",
    ),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "reactions.add": ("reactions:write",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
}
READS = frozenset({"conversations.info", "conversations.replies", "files.info", "users.info"})
FORMS = frozenset({"apps.connections.open", "auth.test", "files.getUploadURLExternal"})
# Done twice, they are as done once: a call without an answer is simply made again.
REPEATABLE = READS | {
    "agents.sessions.setStatus",
    "apps.connections.open",
    "assistant.threads.setStatus",
    "auth.test",
    "chat.update",
    "files.getUploadURLExternal",
}
