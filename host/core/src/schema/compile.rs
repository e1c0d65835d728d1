//! A schema, compiled and bounded.
//!
//! Bounds are looked at before anything else. Compiling takes longer than a call, so it waits for the first value where the schema is known
//! to compile ([`CompiledSchema::known`]). If it then does not, no value conforms.

use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use super::bounds::{Extent, PATTERN_MEMORY, Survey, survey};
use super::cost::Cost;
use super::error::Error;
use super::explain::explain;
use super::violation::{Violation, Violations};

/// Most work that is spent on finding the words for what is wrong. The parts of a failed `anyOf` are copied.
const MAX_EXPLAINED: u64 = 500_000;

/// A schema that was found to be bounded, and its validator. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CompiledSchema {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Value,
    survey: Survey,
    cost: Cost,
    validator: OnceLock<Result<Validator, Error>>,
}

impl CompiledSchema {
    /// Compiles a schema in 2020-12 (the default) or draft 7 (where `$schema` says so).
    ///
    /// Bounded: size, nesting, number and memory of regular expressions (which run in linear time: no look-around, no
    /// back-references), steps per value. References stay within the schema; nothing is fetched.
    ///
    /// # Errors
    ///
    /// [`Error`]: which bound, which reference, or what is not valid.
    pub fn compile(schema: &Value) -> Result<Self, Error> {
        let compiled = Self::known(schema)?;
        compiled.validator().map_err(Clone::clone)?;
        Ok(compiled)
    }

    /// The same for a schema that compiled before: it is compiled again when the first value is checked. Bounds are checked now.
    ///
    /// # Errors
    ///
    /// [`Error`]: which bound.
    pub fn known(schema: &Value) -> Result<Self, Error> {
        let survey = survey(schema)?;
        let cost = Cost::of(schema)?;
        let validator = OnceLock::new();
        Ok(Self { inner: Arc::new(Inner { source: schema.clone(), survey, cost, validator }) })
    }

    fn validator(&self) -> Result<&Validator, &Error> {
        let Inner { source, survey, validator, .. } = &*self.inner;
        validator.get_or_init(|| build(source, survey)).as_ref()
    }

    /// The schema as it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.inner.source
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn validate(&self, value: &Value) -> Result<(), Violations> {
        self.check(value, "the value")
    }

    /// Whether a value, which is so large, conforms, without words for why not; `None` if it is too deep or too large to tell, or there is
    /// nothing to tell it by.
    pub(crate) fn holds(&self, value: &Value, extent: Extent) -> Option<bool> {
        if !self.inner.cost.affords(extent) {
            return None;
        }
        self.validator().ok().map(|validator| validator.is_valid(value))
    }

    /// What checking a value costs at most.
    pub(crate) fn cost(&self) -> &Cost {
        &self.inner.cost
    }

    /// Checks a value that messages call `what`.
    pub(crate) fn check(&self, value: &Value, what: &str) -> Result<(), Violations> {
        let extent = Extent::of(value);
        if !self.inner.cost.affords(extent) {
            let message =
                format!("{what} are nested too deeply or too large for this schema to be checked; send less at once");
            return Err(Violation::new("", "depth", message).into());
        }
        let unusable = |error: &Error| Violation::new("", "schema", format!("{what} cannot be checked: {error}"));
        let validator = self.validator().map_err(unusable)?;
        if validator.is_valid(value) {
            return Ok(());
        }
        let vague = || {
            Violation::new(
                "",
                "schema",
                format!("{what} do not conform to the schema, and are too large to say where; send less at once"),
            )
        };
        if self.inner.cost.steps(extent) > MAX_EXPLAINED {
            return Err(vague().into());
        }
        let errors = validator.iter_errors(value);
        Err(Violations::collect(errors, |error| explain(&self.inner.source, what, &error))
            .unwrap_or_else(|| vague().into()))
    }
}

fn build(schema: &Value, survey: &Survey) -> Result<Validator, Error> {
    let memory = PATTERN_MEMORY / survey.patterns.max(1);
    jsonschema::options()
        .with_draft(survey.draft)
        .with_retriever(Refuse)
        .with_pattern_options(PatternOptions::regex().size_limit(memory).dfa_size_limit(memory))
        .should_validate_formats(false)
        .build(schema)
        .map_err(|error| invalid(&error))
}

fn invalid(error: &jsonschema::ValidationError<'_>) -> Error {
    if let jsonschema::error::ValidationErrorKind::Referencing(jsonschema::ReferencingError::Unretrievable {
        uri,
        ..
    }) = error.kind()
    {
        return Error::RemoteReference(uri.clone());
    }
    let why = error.masked_with("the value").to_string();
    Error::Invalid { at: error.instance_path().to_string(), why }
}

/// Fetches nothing.
struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(Error::RemoteReference(uri.to_string()).into())
    }
}
