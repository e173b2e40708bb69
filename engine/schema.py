"""Bodies of requests, as strict models. Fields and limits are those of the published OpenAPI
document; what this engine can't do is refused by name, never ignored where it would matter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from engine.errors import InvalidRequest
from engine.schema_input import Item
from engine.validation import Strict, tag_of

MemoryLimit = Literal["1g", "4g", "16g", "64g"]
MAX_IDLE_MINUTES = 20  # longer is answered 400 by the service
MAX_FILES = 50
MIN_FILE_SECONDS, MAX_FILE_SECONDS = 3600, 2_592_000

FileIds = Annotated[list[str], Field(max_length=MAX_FILES)]


class FileExpiry(Strict):
    """`expires_after` of an uploaded file (schema `FileExpirationAfter`)."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=MIN_FILE_SECONDS, le=MAX_FILE_SECONDS)]


class FileForm(Strict):
    """The fields beside the file of `POST /files` (schema `CreateFileRequest`)."""

    purpose: Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
    expires_after: FileExpiry | None = None


class ContainerExpiry(Strict):
    """`expires_after` of a container."""

    anchor: Literal["last_active_at"]
    minutes: Annotated[int, Field(ge=1, le=MAX_IDLE_MINUTES)]


class NetworkPolicy(Strict):
    """`network_policy`: this engine's containers have no network, so nothing can be allowed."""

    type: Literal["disabled", "allowlist"]
    allowed_domains: list[str] | None = None
    domain_secrets: list[dict[str, Any]] | None = None


def check_network(policy: NetworkPolicy | None, param: str) -> None:
    """Raises InvalidRequest where a network is asked for."""
    if policy is not None and policy.type != "disabled":
        text = "This engine's containers have no network: network_policy must be 'disabled'."
        raise InvalidRequest(text, param=param, code="unsupported_value")


class CreateContainer(Strict):
    """`POST /containers` (schema `CreateContainerBody`)."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    memory_limit: MemoryLimit = "1g"
    expires_after: ContainerExpiry | None = None
    file_ids: FileIds = Field(default_factory=list)
    network_policy: NetworkPolicy | None = None


class AddContainerFile(Strict):
    """`POST /containers/{id}/files` with JSON."""

    file_id: str


class AutoContainer(Strict):
    """`container: {"type": "auto", …}`."""

    type: Literal["auto"]
    file_ids: FileIds = Field(default_factory=list)
    memory_limit: MemoryLimit | None = None
    network_policy: NetworkPolicy | None = None


class CodeInterpreter(Strict):
    """The one tool that this engine has."""

    type: Literal["code_interpreter"]
    container: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[AutoContainer, Tag("<auto>")],
        Discriminator(tag_of),
    ]
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None


class ToolChoice(Strict):
    """`tool_choice` by name."""

    type: Literal["code_interpreter"]


class TextFormat(Strict):
    """Plain text is the only format: there is no model to follow a schema."""

    type: Literal["text"]


class TextOptions(Strict):
    """`text`."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class StreamOptions(Strict):
    """`stream_options`."""

    include_obfuscation: bool = True


Include = Literal[
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
]
MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class CreateResponse(Strict):
    """`POST /responses` (schema `CreateResponse`). What steers a model alone (temperature,
    reasoning, truncation…) is checked, echoed and otherwise without effect."""

    input: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[list[Item], Tag("<list>")], Discriminator(tag_of)
    ]
    model: str | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[CodeInterpreter] = Field(default_factory=list)
    tool_choice: Annotated[
        Annotated[Literal["auto", "required", "none"], Tag("<text>")]
        | Annotated[ToolChoice, Tag("<code_interpreter>")],
        Discriminator(tag_of),
    ] = "auto"
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    include: list[Include] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: bool | None = None
    store: bool | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] | None = None
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    user: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, Any] | None = None
    text: TextOptions | None = None
    truncation: Literal["auto", "disabled"] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority"] | None = None
    context_management: list[dict[str, Any]] | None = None
    # Known to the service, unknown here: null is accepted, anything else refused.
    conversation: None = None
    prompt: None = None
