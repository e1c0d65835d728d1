//! The tools, with their schemas, and what the rules would say of a call.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use toolhold_core::call::Mode;
use toolhold_core::explain::{Access, Explanation, PathExplanation};
use toolhold_core::id::Label;
use toolhold_core::policy::{Facts, RunScope};
use toolhold_core::tool::Tool;
use utoipa::ToSchema;

use super::answer;
use super::extract::{Body, Id};
use super::state::Api;
use crate::Host;
use crate::problem::{Code, Problem};
use crate::shown::{ToolCard, schema};

/// The tools of the manifest, and whether any rule could let them run.
#[utoipa::path(get, path = "/v1/tools", tag = "tools", responses((status = 200, description = "The tools.", body = Vec<ToolCard>)))]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<ToolCard>> {
    let host = api.host();
    Json(host.tools().map(|tool| ToolCard::of(tool, host.policy())).collect())
}

/// One tool.
#[utoipa::path(
    get, path = "/v1/tools/{tool}", tag = "tools", params(("tool" = String, Path, description = "`component.tool`.")),
    responses((status = 200, description = "The tool.", body = ToolCard)),
)]
pub(super) async fn show(State(api): State<Api>, Id(name): Id<String>) -> Result<Json<ToolCard>, Problem> {
    let host = api.host();
    Ok(Json(ToolCard::of(named(&host, &name)?, host.policy())))
}

/// A question about a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallQuestion {
    /// The tool: `component.tool`.
    tool: String,
    /// The arguments of the call.
    #[serde(default = "no_arguments")]
    #[schema(value_type = Object)]
    arguments: Value,
    /// As if the run had read data with these labels before.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    after: Vec<Label>,
}

fn no_arguments() -> Value {
    json!({})
}

/// What would be decided about a call, by which rule, and what would change it. Nothing runs.
#[utoipa::path(
    post, path = "/v1/explain", tag = "tools", request_body = CallQuestion,
    responses((status = 200, description = "What would be decided.", body = schema::Explanation)),
)]
pub(super) async fn explain(
    State(api): State<Api>,
    Body(question): Body<CallQuestion>,
) -> Result<Json<Explanation>, Problem> {
    let CallQuestion { tool, arguments, after } = question;
    let host = api.host();
    let (policy, scope) = (host.policy(), RunScope::default());
    let tool = named(&host, &tool)?;
    let call = tool.validate(&arguments.to_string()).map_err(|violations| {
        answer::problem(Code::InvalidArguments, &violations).with("violations", json!(violations))
    })?;
    let labels = after.into_iter().collect();
    Ok(Json(policy.explain(&call, tool, &Facts::new(Mode::Live, &scope).after(&labels))))
}

/// A question about a path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PathQuestion {
    /// The tool: `component.tool`.
    tool: String,
    /// The path, as the tool sees it.
    path: String,
    /// What the tool would do with it. `read` if left out.
    #[serde(default)]
    access: AccessWord,
}

/// What a tool would do with a path.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AccessWord {
    /// Read it.
    #[default]
    Read,
    /// Change it.
    Write,
}

/// Whether a tool may touch a path, by which grant, and what would change it. Nothing runs.
#[utoipa::path(
    post, path = "/v1/explain/path", tag = "tools", request_body = PathQuestion,
    responses((status = 200, description = "Whether it may.", body = schema::PathExplanation)),
)]
pub(super) async fn explain_path(
    State(api): State<Api>,
    Body(question): Body<PathQuestion>,
) -> Result<Json<PathExplanation>, Problem> {
    let access = match question.access {
        AccessWord::Read => Access::Read,
        AccessWord::Write => Access::Write,
    };
    let host = api.host();
    let tool = named(&host, &question.tool)?;
    let scope = RunScope::default();
    Ok(Json(host.policy().explain_path(tool.name().as_str(), &question.path, access, &scope)))
}

fn named<'a>(host: &'a Host, name: &str) -> Result<&'a Tool, Problem> {
    let found = host.tools().find(|tool| tool.name().as_str() == name);
    found.ok_or_else(|| answer::not_found(format!("there is no tool `{name}`; `/v1/tools` lists those that there are")))
}
