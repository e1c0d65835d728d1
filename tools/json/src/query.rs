//! `query`: programs in the language of jq.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, data, unwrap_valr};
use jaq_json::Val;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Map, from_value};

use crate::document::{self, Document};

mod mistake;
mod value;

/// Results returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 1000;
/// Results returned at most.
const MAX_LIMIT: usize = 100_000;
/// What a program of a tool has no business with: the environment is the operator's.
const LEFT_OUT: [&str; 1] = ["env"];

/// A compiled program.
type Program = Filter<data::JustLut<Val>>;

/// What to ask of what.
#[args]
pub(crate) struct QueryArgs {
    /// Program in the language of jq, for example `.items[] | select(.price > 10) | .name`.
    program: String,
    /// What it is asked of: exactly one of `value`, `text` and `path`; `null` if left out. The program runs for each value of a text or
    /// file that holds several (JSON Lines).
    document: Option<Document>,
    /// Instead run once, with all values as an array.
    #[serde(default)]
    slurp: bool,
    /// Values that the program names as `$name`.
    #[serde(default)]
    variables: Map<String, Value>,
    /// Results to return, at most 100000; 1000 if left out.
    limit: Option<usize>,
}

/// What the program gave.
#[output]
pub(crate) struct Results {
    /// Its results, in order.
    results: Vec<Value>,
    /// True if there are more: raise `limit`, or ask for less.
    truncated: bool,
}

/// Runs a jq program on a JSON document or on JSON Lines: selects, reshapes, sorts, groups, counts. Use it instead of reading
/// a large JSON file.
#[tool(title = "Query JSON", hints(read_only, idempotent), needs(read("/**", "reads the file it is asked to query")))]
pub(crate) fn query(args: QueryArgs) -> Result<Results> {
    let names: Vec<String> = args.variables.keys().map(|name| format!("${name}")).collect();
    let program = compile(&args.program, &names)?;
    let inputs = inputs(args.document.as_ref(), args.slurp)?;
    let variables = args.variables.into_values().map(to_jq).collect::<Result<Vec<Val>>>()?;
    let mut results = Results { results: Vec::new(), truncated: false };
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let (several, mut used) = (inputs.len() > 1, 0);
    for (index, input) in inputs.into_iter().enumerate() {
        let context = Ctx::<data::JustLut<Val>>::new(&program.lut, Vars::new(variables.iter().cloned()));
        for result in program.id.run((context, to_jq(input)?)).map(unwrap_valr) {
            let place = if several { format!("value {}: ", index + 1) } else { String::new() };
            let result = result.map_err(|problem| Error::failed(format!("{place}the program failed: {problem}")))?;
            let result = value::from_jq(&result, 0).map_err(|error| error.context(format!("{place}a result")))?;
            used += document::size(&result)?;
            if results.results.len() >= limit || document::room_after(used).is_none() {
                results.truncated = true;
                return Ok(results);
            }
            results.results.push(result);
        }
    }
    Ok(results)
}

fn inputs(document: Option<&Document>, slurp: bool) -> Result<Vec<Value>> {
    let values = document.map_or_else(|| Ok(vec![Value::Null]), Document::values)?;
    Ok(if slurp { vec![Value::Array(values)] } else { values })
}

fn to_jq(value: Value) -> Result<Val> {
    Ok(from_value(value)?)
}

fn compile(program: &str, variables: &[String]) -> Result<Program> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let loader = Loader::new(definitions);
    let modules = loader.load(&arena, File { code: program, path: () });
    let modules = modules.map_err(|errors| mistake::of_syntax(program, &errors))?;
    Compiler::default()
        .with_funs(functions.filter(|(name, ..)| !LEFT_OUT.contains(name)))
        .with_global_vars(variables.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| mistake::of_names(&errors))
}
