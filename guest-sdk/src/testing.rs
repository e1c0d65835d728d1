//! Native tests of tools through the dispatch that the host uses. It must not soften anything: a call here takes the text
//! of JSON and gives the text of JSON, as on the target; with the feature `schema-check` both sides are validated too.

use serde_json::Value;

use crate::recorder::{self, Recorder};
use crate::{Component, Error, Level, ToolInfo};

pub use crate::recorder::Progress;

/// Everything that one call did.
#[derive(Debug)]
pub struct Call {
    /// The result, or why there is none.
    pub result: Result<Value, Error>,
    /// Lines of the log.
    pub log: Vec<(Level, String)>,
    /// Reports of progress.
    pub progress: Vec<Progress>,
    /// Chunks shown ahead of the result.
    pub emitted: Vec<String>,
}

impl Call {
    /// The result of a call that must succeed.
    ///
    /// # Panics
    /// If the tool failed, with its error.
    #[must_use]
    #[expect(clippy::panic, reason = "a failed assertion of a test")]
    pub fn value(self) -> Value {
        match self.result {
            Ok(value) => value,
            Err(error) => panic!("the tool failed: {error:?}"),
        }
    }

    /// The error of a call that must fail.
    ///
    /// # Panics
    /// If the tool succeeded, with its result.
    #[must_use]
    #[expect(clippy::panic, reason = "a failed assertion of a test")]
    pub fn error(self) -> Error {
        match self.result {
            Ok(value) => panic!("the tool succeeded: {value}"),
            Err(error) => error,
        }
    }
}

/// What the component offers.
#[must_use]
pub fn tools(component: &Component) -> Vec<ToolInfo> {
    component.describe()
}

/// Calls a tool.
///
/// # Panics
/// With the feature `schema-check`: if arguments that break the input schema are accepted, or if a result breaks the
/// output schema.
#[must_use]
pub fn call(component: &Component, name: &str, arguments: Value) -> Call {
    run(component, name, &arguments, false)
}

/// Calls a tool whose caller has already given up.
///
/// # Panics
/// As [`call`].
#[must_use]
pub fn call_cancelled(component: &Component, name: &str, arguments: Value) -> Call {
    run(component, name, &arguments, true)
}

#[expect(clippy::expect_used, reason = "a tool whose result is not JSON is a failed test")]
fn run(component: &Component, name: &str, arguments: &Value, cancelled: bool) -> Call {
    drop(recorder::replace(Recorder { cancelled, ..Recorder::default() }));
    let result = component.invoke(name, arguments.to_string());
    let Recorder { log, progress, emitted, .. } = recorder::replace(Recorder::default());
    let result = result.map(|text| serde_json::from_str(&text).expect("a tool returns the text of a JSON value"));
    #[cfg(feature = "schema-check")]
    schema_check::assert(component, name, arguments, &result);
    Call { result, log, progress, emitted }
}

#[cfg(feature = "schema-check")]
mod schema_check {
    //! The host validates both sides of a call; a tool whose types and schemas disagree is found here first.

    use super::{Component, Error, Value};

    #[expect(clippy::expect_used, clippy::panic, reason = "failed assertions of a test")]
    pub(super) fn assert(component: &Component, name: &str, arguments: &Value, result: &Result<Value, Error>) {
        let Some(tool) = component.describe().into_iter().find(|tool| tool.name == name) else { return };
        let schema = |text: &str| -> Value { serde_json::from_str(text).expect("a schema is JSON") };
        let accepted = jsonschema::is_valid(&schema(&tool.input_schema), arguments);
        if !accepted && !matches!(result, Err(Error::InvalidArgs(_))) {
            panic!("`{name}` took arguments that its input schema refuses: {arguments}");
        }
        let (Some(output), Ok(value)) = (&tool.output_schema, result) else { return };
        if let Err(violation) = jsonschema::validate(&schema(output), value) {
            panic!("the result of `{name}` breaks its output schema: {violation}");
        }
    }
}
