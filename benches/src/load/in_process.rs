//! `Host::call` in this process, several in flight.

use std::time::Instant;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use toolhold::{CallOptions, Host, ToolCall};

use crate::measure::{Driver, Lane};
use crate::product::{Product, succeeded};

/// Calls of one tool.
pub(crate) struct InProcess<'a> {
    product: &'a Product,
    tool: String,
    arguments: String,
    depth: usize,
}

impl<'a> InProcess<'a> {
    /// `depth` calls of a probe at a time.
    pub(crate) fn new(product: &'a Product, probe: &str, arguments: &str, depth: usize) -> Self {
        Self { product, tool: format!("probes.{probe}"), arguments: arguments.to_owned(), depth }
    }
}

impl Driver for InProcess<'_> {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        let (product, tool, arguments) = (self.product, &self.tool, &self.arguments);
        let one = |into| one_by_one(product.host().clone(), (tool.clone(), arguments.clone()), until, into);
        if self.depth == 1 {
            return product.runtime().block_on(one(Vec::new()))?.into_iter().try_for_each(|took| lane.record(took));
        }
        let mut all = JoinSet::new();
        for _ in 0..self.depth {
            all.spawn_on(one(Vec::new()), product.runtime().handle());
        }
        while let Some(took) = product.runtime().block_on(all.join_next()) {
            took.context("a caller ended")??.into_iter().try_for_each(|took| lane.record(took))?;
        }
        Ok(())
    }
}

type Took = Vec<std::time::Duration>;

/// One call after the other.
async fn one_by_one(host: Host, (tool, arguments): (String, String), until: Instant, mut took: Took) -> Result<Took> {
    loop {
        let began = Instant::now();
        if began >= until && !took.is_empty() {
            return Ok(took);
        }
        let call = ToolCall::new(tool.clone(), arguments.clone());
        succeeded(&host.call(call, CallOptions::default()).await)?;
        took.push(began.elapsed());
    }
}
