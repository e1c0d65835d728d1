//! Names out of the semantic conventions of OpenTelemetry, and our own where those have none.
//!
//! The conventions for generative AI and for MCP are in development. These are the names of the repository
//! `open-telemetry/semantic-conventions-genai` as of 2026-11, on top of the stable conventions 1.41; where they change, only this
//! file does.

/// What our spans are told apart by. Not the path of a module: what is logged is chosen by those.
pub(crate) const TARGET: &str = "telemetry";

/// What marks spans that only logs see.
pub(crate) const LOG_TARGET: &str = "telemetry::log";

/// The version of the stable conventions that attributes follow.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";

// Generative AI.
pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const PROVIDER: &str = "gen_ai.provider.name";
pub(super) const AGENT: &str = "gen_ai.agent.name";
pub(super) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(super) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(super) const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(super) const TOOL: &str = "gen_ai.tool.name";
pub(super) const TOOL_CALL: &str = "gen_ai.tool.call.id";
pub(super) const TOOL_TYPE: &str = "gen_ai.tool.type";
/// Content: only where the operator asks for it.
pub(super) const TOOL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// Content: only where the operator asks for it.
pub(super) const TOOL_RESULT: &str = "gen_ai.tool.call.result";

// The Model Context Protocol.
pub(super) const MCP_METHOD: &str = "mcp.method.name";
pub(super) const MCP_SESSION: &str = "mcp.session.id";
pub(super) const MCP_VERSION: &str = "mcp.protocol.version";
pub(super) const RPC_REQUEST: &str = "jsonrpc.request.id";
pub(super) const TRANSPORT: &str = "network.transport";

/// What kind of error, in a word of few.
pub(super) const ERROR: &str = "error.type";

// Ours.
/// The run.
pub(crate) const RUN: &str = "toolhold.run.id";
/// The step of the run.
pub(crate) const STEP: &str = "toolhold.run.step";
/// The call, as the journal names it.
pub(crate) const CALL: &str = "toolhold.call.id";
pub(super) const MODE: &str = "toolhold.call.mode";
pub(super) const REPLAYED: &str = "toolhold.call.replayed";
pub(super) const ATTEMPTS: &str = "toolhold.call.attempts";
pub(super) const SERVED_BY: &str = "toolhold.call.served_by";
pub(super) const CODE: &str = "toolhold.call.code";
pub(super) const FUEL: &str = "toolhold.call.fuel";
pub(super) const MEMORY: &str = "toolhold.call.memory";
pub(super) const CHANGES: &str = "toolhold.call.changes";
pub(super) const RUN_END: &str = "toolhold.run.end";
pub(super) const TURN: &str = "toolhold.run.turn";

/// The values of [`OPERATION`].
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
pub(super) const INVOKE_AGENT: &str = "invoke_agent";
pub(super) const CHAT: &str = "chat";
