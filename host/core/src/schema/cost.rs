//! How much work a schema can cause, computed from the schema alone.
//!
//! `allOf` of two references to an `allOf` of two references … doubles the work at each step: a schema of 2 KiB can ask for
//! 2^60 checks of one value, and a recursive one can do so for each level of a value. The validator has no budget, so
//! a bound is computed first: for each depth of value, the most times that one part of it can be looked at ([`Cost::steps`])
//! and how deep the validator's stack can get ([`Cost::stack`]). Both are never below the truth; they may be above it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Error;
use super::bounds::Extent;
use super::parse::MAX_DEPTH;

/// Most steps that checking one value may take. About a second on a slow machine; real calls take dozens.
const MAX_STEPS: u64 = 5_000_000;

/// Deepest nesting of checks within one value, so that the stack of a thread (2 MiB) is enough.
const MAX_STACK: u32 = 600;

/// Most steps of checking one part of a value without looking into it. Beyond, the schema is refused.
const MAX_STEPS_IN_PLACE: u64 = 10_000;

/// Deepest stack of applications on one part of a value. Beyond, the schema is refused.
const MAX_STACK_IN_PLACE: u32 = 200;

/// A schema that evaluates `unevaluated…` looks at what is beside it again, to learn what was evaluated.
const UNEVALUATED_FACTOR: u64 = 3;

/// Steps for a reference into a dialect's own meta-schema, per level: it has a few dozen keywords in eight parts.
const META_SCHEMA_STEPS: u64 = 200;

/// Entries of a list (of allowed values, of required fields) that cost as much as one step.
const ENTRIES_PER_STEP: u64 = 8;

/// What a schema can cost for a value of each depth. By default it is of none, and affords nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    rows: Vec<Row>,
}

/// One depth of value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    /// Most checks of any one part.
    pub(super) steps: u64,
    /// Deepest nesting of checks.
    pub(super) stack: u32,
}

impl Row {
    fn then(self, inner: Self) -> Self {
        Self { steps: self.steps.saturating_add(inner.steps), stack: self.stack.max(inner.stack) }
    }

    fn either(self, other: Self) -> Self {
        Self { steps: self.steps.max(other.steps), stack: self.stack.max(other.stack) }
    }
}

impl Cost {
    /// Bounds the cost of `schema`, whose depth was checked.
    ///
    /// # Errors
    ///
    /// [`Error::Loop`] and [`Error::TooCostly`].
    pub(super) fn of(schema: &Value) -> Result<Self, Error> {
        let graph = Graph::of(schema);
        let order = graph.order()?;
        let mut below = vec![Row::default(); graph.nodes.len()];
        let mut rows = Vec::with_capacity(MAX_DEPTH + 1);
        for depth in 0..=MAX_DEPTH {
            let mut here = vec![Row::default(); graph.nodes.len()];
            for &index in &order {
                let row = graph.row(index, &here, &below);
                if let Some(slot) = here.get_mut(index) {
                    *slot = row;
                }
            }
            if depth == 0 && here.iter().any(|row| row.steps > MAX_STEPS_IN_PLACE || row.stack > MAX_STACK_IN_PLACE) {
                return Err(Error::TooCostly { limit: MAX_STEPS_IN_PLACE });
            }
            rows.push(here.first().copied().unwrap_or_default());
            below = here;
        }
        Ok(Self { rows })
    }

    /// Raises this cost to that of another schema where that is higher: what it affords, both do.
    pub(crate) fn include(&mut self, other: &Self) {
        if self.rows.is_empty() {
            self.rows.clone_from(&other.rows);
        }
        self.rows.iter_mut().zip(&other.rows).for_each(|(row, other)| *row = row.either(*other));
    }

    /// Whether a value so large may be checked at all.
    pub(crate) fn affords(&self, extent: Extent) -> bool {
        self.steps(extent) <= MAX_STEPS && self.at(extent.depth).stack <= MAX_STACK
    }

    /// Most steps that checking a value so large takes.
    pub(super) fn steps(&self, extent: Extent) -> u64 {
        self.at(extent.depth).steps.saturating_mul(extent.parts)
    }

    /// What a value of this depth can cost.
    fn at(&self, depth: usize) -> Row {
        self.rows.get(depth).copied().unwrap_or(Row { steps: u64::MAX, stack: u32::MAX })
    }
}

/// The applications of one schema object.
#[derive(Default)]
struct Node {
    /// Its own keywords.
    own: u64,
    /// Times that what it applies in place is evaluated.
    factor: u64,
    /// Applied to the same part of the value: each of the groups, of a group the costliest.
    in_place: Vec<Vec<usize>>,
    /// Applied to a part below: each of the groups, of a group the costliest.
    below: Vec<Vec<usize>>,
    /// Where it is, for messages.
    pointer: String,
}

struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    fn of(schema: &Value) -> Self {
        let mut builder =
            Builder { names: Names::of(schema), known: HashMap::new(), nodes: Vec::new(), open: Vec::new() };
        builder.node(Place { value: schema, root: schema, pointer: String::new() });
        while let Some((index, place)) = builder.open.pop() {
            let node = builder.expand(&place);
            if let Some(slot) = builder.nodes.get_mut(index) {
                *slot = node;
            }
        }
        Self { nodes: builder.nodes }
    }

    fn row(&self, index: usize, here: &[Row], below: &[Row]) -> Row {
        let Some(node) = self.nodes.get(index) else { return Row::default() };
        let sum = |groups: &[Vec<usize>], rows: &[Row]| {
            groups.iter().fold(Row::default(), |sum, group| {
                let costliest =
                    group.iter().filter_map(|&part| rows.get(part)).fold(Row::default(), |most, row| most.either(*row));
                sum.then(costliest)
            })
        };
        let in_place = sum(&node.in_place, here);
        let inner = Row { steps: in_place.steps.saturating_mul(node.factor), ..in_place }.then(sum(&node.below, below));
        Row { steps: inner.steps.saturating_add(node.own), stack: inner.stack.saturating_add(1) }
    }

    /// The nodes, each after all that it applies in place. Without recursion: a chain of references can be long.
    fn order(&self) -> Result<Vec<usize>, Error> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut states = vec![State::New; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut stack: Vec<usize> = (0..self.nodes.len()).rev().collect();
        while let Some(&index) = stack.last() {
            let (Some(state), Some(node)) = (states.get(index).copied(), self.nodes.get(index)) else { break };
            if state != State::New {
                stack.pop();
                if state == State::Open {
                    order.push(index);
                }
            }
            if let Some(slot) = states.get_mut(index) {
                *slot = if state == State::New { State::Open } else { State::Done };
            }
            if state == State::New {
                for &part in node.in_place.iter().flatten() {
                    match states.get(part) {
                        Some(State::New) => stack.push(part),
                        Some(State::Open) => return Err(Error::Loop(node.pointer.clone())),
                        _ => {}
                    }
                }
            }
        }
        Ok(order)
    }
}

/// A schema within a document.
#[derive(Clone)]
struct Place<'a> {
    value: &'a Value,
    /// The nearest enclosing schema with an `$id`: what `#` means here.
    root: &'a Value,
    pointer: String,
}

impl<'a> Place<'a> {
    fn below(&self, token: &str, value: &'a Value) -> Self {
        let root = if has_id(value) { value } else { self.root };
        let token = token.replace('~', "~0").replace('/', "~1");
        Self { value, root, pointer: format!("{}/{token}", self.pointer) }
    }

    /// Follows a JSON pointer, still percent-encoded as it stands in a URI.
    fn follow(&self, pointer: &str) -> Option<Self> {
        let mut place = self.clone();
        for token in pointer.split('/').skip(1) {
            let token = percent_decoded(token).replace("~1", "/").replace("~0", "~");
            let value = match place.value {
                Value::Object(fields) => fields.get(&token)?,
                Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
            place = place.below(&token, value);
        }
        Some(place)
    }
}

fn has_id(value: &Value) -> bool {
    value.get("$id").and_then(Value::as_str).is_some_and(|id| !id.starts_with('#'))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Everything in a document that a reference can name.
struct Names<'a> {
    anchors: HashMap<&'a str, Vec<Place<'a>>>,
    /// By the last part of the `$id`: two of the same are taken for each other, which only makes the bound higher.
    resources: HashMap<&'a str, Vec<Place<'a>>>,
}

impl<'a> Names<'a> {
    fn of(schema: &'a Value) -> Self {
        let mut names = Self { anchors: HashMap::new(), resources: HashMap::new() };
        names.collect(&Place { value: schema, root: schema, pointer: String::new() });
        names
    }

    fn collect(&mut self, place: &Place<'a>) {
        match place.value {
            Value::Object(fields) => {
                self.note(place, fields);
                fields.iter().for_each(|(key, value)| self.collect(&place.below(key, value)));
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, value)| self.collect(&place.below(&index.to_string(), value)));
            }
            _ => {}
        }
    }

    fn note(&mut self, place: &Place<'a>, fields: &'a Map<String, Value>) {
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = fields.get(key).and_then(Value::as_str) {
                self.anchors.entry(anchor).or_default().push(place.clone());
            }
        }
        match fields.get("$id").and_then(Value::as_str) {
            Some(id) if id.starts_with('#') => {
                self.anchors.entry(id.trim_start_matches('#')).or_default().push(place.clone())
            }
            Some(id) => self.resources.entry(last_part(id)).or_default().push(place.clone()),
            None => {}
        }
    }
}

/// The last part of a URI's path, without fragment.
fn last_part(uri: &str) -> &str {
    let path = uri.split('#').next().unwrap_or_default();
    path.rsplit(['/', ':']).next().unwrap_or_default()
}

struct Builder<'a> {
    names: Names<'a>,
    known: HashMap<*const Value, usize>,
    nodes: Vec<Node>,
    open: Vec<(usize, Place<'a>)>,
}

/// Keywords whose value is one schema, a list or a map of schemas, applied to the same part of the value.
const IN_PLACE: [&str; 9] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];

/// Keywords of which one value applies to a part below: each group adds to what one part sees.
const BELOW: [&[&str]; 7] = [
    &["properties", "additionalProperties"],
    &["patternProperties"],
    &["propertyNames"],
    &["unevaluatedProperties"],
    &["items", "prefixItems", "additionalItems"],
    &["contains"],
    &["unevaluatedItems"],
];

impl<'a> Builder<'a> {
    /// The index of the node for a schema; it is expanded later.
    fn node(&mut self, place: Place<'a>) -> usize {
        let next = self.nodes.len();
        let index = *self.known.entry(std::ptr::from_ref(place.value)).or_insert(next);
        if index == next {
            self.nodes.push(Node::default());
            self.open.push((index, place));
        }
        index
    }

    fn expand(&mut self, place: &Place<'a>) -> Node {
        let Value::Object(fields) = place.value else { return Node { own: 1, factor: 1, ..Node::default() } };
        let mut node = Node {
            own: 1 + entries(fields) / ENTRIES_PER_STEP,
            factor: 1,
            pointer: place.pointer.clone(),
            ..Node::default()
        };
        if fields.keys().any(|key| key.starts_with("unevaluated")) {
            node.factor = UNEVALUATED_FACTOR;
        }
        for key in IN_PLACE {
            let parts = self.schemas(place, fields, key);
            node.in_place.extend(parts.into_iter().map(|part| vec![part]));
        }
        for key in ["$ref", "$dynamicRef"] {
            if let Some(reference) = fields.get(key).and_then(Value::as_str) {
                self.reference(place, reference, &mut node);
            }
        }
        for group in BELOW {
            let parts: Vec<usize> = group.iter().flat_map(|key| self.schemas(place, fields, key)).collect();
            if group.contains(&"patternProperties") {
                // One name can match every pattern.
                node.below.extend(parts.into_iter().map(|part| vec![part]));
            } else {
                node.below.push(parts);
            }
        }
        node
    }

    /// The schemas below a keyword: its value, or the entries of its list or map.
    fn schemas(&mut self, place: &Place<'a>, fields: &'a Map<String, Value>, key: &str) -> Vec<usize> {
        let Some(value) = fields.get(key) else { return Vec::new() };
        let place = place.below(key, value);
        let is_map = matches!(key, "properties" | "patternProperties" | "dependentSchemas" | "dependencies");
        match value {
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| self.node(place.below(&index.to_string(), item))).collect()
            }
            Value::Object(entries) if is_map => entries
                .iter()
                .filter(|(_, entry)| !entry.is_array())
                .map(|(name, entry)| self.node(place.below(name, entry)))
                .collect(),
            _ => vec![self.node(place)],
        }
    }

    fn reference(&mut self, place: &Place<'a>, reference: &str, node: &mut Node) {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if uri.contains("//json-schema.org/draft") {
            node.own = node.own.saturating_add(META_SCHEMA_STEPS);
        }
        let roots = if uri.is_empty() {
            vec![Place { value: place.root, root: place.root, pointer: String::new() }]
        } else {
            self.names.resources.get(last_part(uri)).cloned().unwrap_or_default()
        };
        let targets: Vec<Place<'a>> = if fragment.is_empty() || fragment.starts_with('/') {
            roots.iter().filter_map(|root| root.follow(fragment)).collect()
        } else {
            self.names.anchors.get(fragment).cloned().unwrap_or_default()
        };
        let group = targets.into_iter().map(|target| self.node(target)).collect();
        node.in_place.push(group);
    }
}

/// Entries of lists and maps that are gone through for one part of a value.
fn entries(fields: &Map<String, Value>) -> u64 {
    let length = |key: &str| match fields.get(key) {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::Object(entries)) => entries.len() as u64,
        _ => 0,
    };
    ["enum", "required", "properties", "patternProperties", "dependentRequired", "dependencies", "type"]
        .into_iter()
        .map(length)
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doubling(levels: usize) -> Value {
        let step =
            |n: usize| json!({ "allOf": [{ "$ref": format!("#/$defs/s{n}") }, { "$ref": format!("#/$defs/s{n}") }] });
        let mut defs: Map<_, _> = (1..=levels).map(|n| (format!("s{n}"), step(n - 1))).collect();
        defs.insert("s0".into(), json!({ "type": "object" }));
        json!({ "$ref": format!("#/$defs/s{levels}"), "$defs": defs })
    }

    #[test]
    fn doubling_in_place_is_refused_from_the_step_at_which_it_hurts() {
        assert!(Cost::of(&doubling(8)).is_ok());
        assert_eq!(Cost::of(&doubling(40)).err(), Some(Error::TooCostly { limit: MAX_STEPS_IN_PLACE }));
    }

    #[test]
    fn nested_unevaluated_properties_are_refused_like_doubling() {
        let nested = (0..30).fold(json!({}), |inner, _| json!({ "allOf": [inner], "unevaluatedProperties": false }));
        assert!(matches!(Cost::of(&nested), Err(Error::TooCostly { .. })));
    }

    #[test]
    fn a_recursive_schema_costs_a_little_more_per_level_and_a_doubling_one_explodes() {
        let list = json!({ "properties": { "next": { "$ref": "#" } } });
        let cost = Cost::of(&list).unwrap();
        assert!(cost.at(100).steps < 400, "{:?}", cost.at(100));
        let tree = json!({ "properties": { "next": { "allOf": [{ "$ref": "#" }, { "$ref": "#" }] } } });
        let cost = Cost::of(&tree).unwrap();
        assert!(cost.at(3).steps < 100 && cost.at(60).steps > 1 << 50);
    }

    #[test]
    fn a_reference_that_comes_back_without_descending_is_a_loop() {
        for schema in [
            json!({ "$ref": "#" }),
            json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] } }, "$ref": "#/$defs/a" }),
            json!({ "$anchor": "here", "anyOf": [{ "$ref": "#here" }] }),
            json!({ "$id": "https://example.org/a", "not": { "$ref": "a" } }),
        ] {
            assert!(matches!(Cost::of(&schema), Err(Error::Loop(_))), "{schema}");
        }
    }

    #[test]
    fn a_long_chain_of_references_is_refused_before_it_uses_up_the_stack() {
        let mut defs: Map<_, _> =
            (1..3000).map(|n| (n.to_string(), json!({ "$ref": format!("#/$defs/{}", n - 1) }))).collect();
        defs.insert("0".into(), json!(true));
        assert!(matches!(Cost::of(&json!({ "$ref": "#/$defs/2999", "$defs": defs })), Err(Error::TooCostly { .. })));
    }

    #[test]
    fn pointers_are_decoded_as_the_standard_says() {
        let schema = json!({ "$defs": { "a/b c~d": { "type": "string" } } });
        let place = Place { value: &schema, root: &schema, pointer: String::new() };
        assert!(place.follow("/$defs/a~1b%20c~0d").is_some());
    }
}
