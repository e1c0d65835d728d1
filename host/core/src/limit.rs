//! The limits of one call, and how much of each it used.
//!
//! One table, [`LIMITS`], names every limit with its manifest key, unit and default; everything that reads, checks,
//! reports or documents limits walks it. A limit without a row does not exist, and a row without a hostile guest that
//! hits it fails the build of the tests.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Instructions of the guest, in wasmtime's fuel units (about one per instruction).
    Fuel,
    /// Wall-clock time of the whole call, host calls included.
    Time,
    /// Linear memory, summed over all memories of the call.
    Memory,
    /// Table elements, summed over all tables of the call.
    TableElements,
    /// The result and everything emitted ahead of it.
    Output,
    /// Log lines of the guest.
    Log,
    /// What the guest wrote to its standard output.
    Stdout,
    /// What the guest wrote to its standard error.
    Stderr,
    /// Calls from the guest into the host.
    HostCalls,
    /// Bytes that the guest read from files.
    BytesRead,
    /// Bytes that the guest wrote to files, growth by `set-size` included.
    BytesWritten,
    /// Files, directories and links that the guest created.
    FilesCreated,
    /// Requests that the guest sent.
    HttpRequests,
    /// Bytes of requests: URLs, headers and bodies.
    HttpBytesSent,
    /// Bytes of answers: headers and bodies.
    HttpBytesReceived,
    /// Host resources (descriptors, streams, pollables) open at once.
    Handles,
}

/// How a limit's number is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Bytes.
    Bytes,
    /// Microseconds. Written as a duration in the manifest (`5s`).
    Micros,
    /// Millionths of a dollar. Written as money in the manifest (`50ct`).
    MicroDollars,
}

/// One row of the table of limits.
#[derive(Debug)]
pub struct Spec {
    /// Which limit.
    pub limit: Limit,
    /// Its key below `limits` in the manifest and in reports.
    pub key: &'static str,
    /// How its number is to be read.
    pub unit: Unit,
    /// What applies where the manifest says nothing.
    pub default: u64,
    /// Smaller than this, no call could run.
    pub least: u64,
    /// One line for the reference page.
    pub doc: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const fn row(limit: Limit, key: &'static str, unit: Unit, default: u64, doc: &'static str) -> Spec {
    let least = if matches!(limit, Limit::Fuel | Limit::Time | Limit::Memory) { 1 } else { 0 };
    Spec { limit, key, unit, default, least, doc }
}

/// Every limit, in the order of [`Limit`]'s variants.
pub const LIMITS: [Spec; 16] = [
    row(Limit::Fuel, "fuel", Unit::Count, 5_000_000_000, "instructions of the guest, about one unit each"),
    row(Limit::Time, "time", Unit::Micros, 30_000_000, "wall-clock time of the whole call, host calls included"),
    row(Limit::Memory, "memory", Unit::Bytes, 256 * MIB, "linear memory, summed over all memories"),
    row(Limit::TableElements, "table-elements", Unit::Count, 100_000, "table elements, summed over all tables"),
    row(Limit::Output, "output", Unit::Bytes, 4 * MIB, "the result and everything emitted ahead of it"),
    row(Limit::Log, "log", Unit::Bytes, 256 * KIB, "log lines of the guest"),
    row(Limit::Stdout, "stdout", Unit::Bytes, MIB, "captured standard output"),
    row(Limit::Stderr, "stderr", Unit::Bytes, MIB, "captured standard error"),
    row(Limit::HostCalls, "host-calls", Unit::Count, 1_000_000, "calls from the guest into the host"),
    row(Limit::BytesRead, "bytes-read", Unit::Bytes, 1024 * MIB, "bytes read from files"),
    row(Limit::BytesWritten, "bytes-written", Unit::Bytes, 256 * MIB, "bytes written to files, growth included"),
    row(Limit::FilesCreated, "files-created", Unit::Count, 10_000, "files, directories and links created"),
    row(Limit::HttpRequests, "http-requests", Unit::Count, 100, "requests sent"),
    row(Limit::HttpBytesSent, "http-bytes-sent", Unit::Bytes, 16 * MIB, "bytes of requests: URLs, headers, bodies"),
    row(Limit::HttpBytesReceived, "http-bytes-received", Unit::Bytes, 64 * MIB, "bytes of answers: headers, bodies"),
    row(Limit::Handles, "handles", Unit::Count, 256, "host resources open at once"),
];

impl Limit {
    /// The row of this limit.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        #[expect(clippy::indexing_slicing, reason = "the table has one row per variant; a test compares them")]
        &LIMITS[self as usize]
    }

    /// The key below `limits` in the manifest.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.spec().key
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.key())
    }
}

/// One number per limit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table([u64; LIMITS.len()]);

impl Table {
    fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, limit: Limit, value: u64) {
        if let Some(slot) = self.0.get_mut(limit as usize) {
            *slot = value;
        }
    }

    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(LIMITS.len()))?;
        for spec in &LIMITS {
            map.serialize_entry(spec.key, &self.get(spec.limit))?;
        }
        map.end()
    }
}

/// The bounds of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits(Table);

impl Default for Limits {
    /// The documented defaults: every limit is on.
    fn default() -> Self {
        Self(Table(LIMITS.each_ref().map(|spec| spec.default)))
    }
}

impl Limits {
    /// The bound, in the limit's unit.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit)
    }

    /// Sets one bound.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0.set(limit, value);
    }

    /// The stricter of both for every limit: a run can only narrow.
    #[must_use]
    pub fn narrowed_by(&self, other: &Self) -> Self {
        let mut narrowed = self.clone();
        for spec in &LIMITS {
            narrowed.set(spec.limit, self.get(spec.limit).min(other.get(spec.limit)));
        }
        narrowed
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// How much of each limit a call used. Reported with every result, whatever came of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage(Table);

impl Default for Usage {
    fn default() -> Self {
        Self(Table([0; LIMITS.len()]))
    }
}

impl Usage {
    /// What was used, in the limit's unit.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit)
    }

    /// Records what was used.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0.set(limit, value);
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A limit that a call crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("limit `{limit}` crossed: {allowed} allowed, {used} asked for; `limits.{limit}` in the manifest raises it")]
pub struct Exceeded {
    /// Which one.
    pub limit: Limit,
    /// The bound, in the limit's unit.
    pub allowed: u64,
    /// The use that would have crossed it, in the limit's unit.
    pub used: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_row_of_each_variant_at_its_place() {
        for (index, spec) in LIMITS.iter().enumerate() {
            assert_eq!(spec.limit as usize, index, "{}", spec.key);
            assert_eq!(spec.limit.spec().key, spec.key);
            assert!(spec.default > spec.least, "{}", spec.key);
        }
    }

    #[test]
    fn narrowing_never_widens() {
        let mut run = Limits::default();
        run.set(Limit::Fuel, 1);
        run.set(Limit::Memory, u64::MAX);
        let both = Limits::default().narrowed_by(&run);
        assert_eq!(both.get(Limit::Fuel), 1);
        assert_eq!(both.get(Limit::Memory), Limits::default().get(Limit::Memory));
    }
}
