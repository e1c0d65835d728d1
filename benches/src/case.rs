//! What is measured: calls of the probes.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

/// One call to measure.
pub(crate) struct Case {
    /// How the table calls it.
    pub(crate) name: &'static str,
    /// Which probe.
    pub(crate) tool: &'static str,
    /// Whether it needs the directory.
    pub(crate) directory: bool,
    work: Work,
}

enum Work {
    Echo(usize),
    Read(&'static str),
    Write(usize),
    /// This many files of 100 bytes.
    Files(u32),
    Sha256(u64),
}

/// The cases, from nothing to much.
pub(crate) const CASES: [Case; 9] = [
    Case { name: "echo, empty object", tool: "echo", directory: false, work: Work::Echo(0) },
    Case { name: "echo, 4 KiB of JSON", tool: "echo", directory: false, work: Work::Echo(4096) },
    Case { name: "read a file of 4 KiB", tool: "read", directory: true, work: Work::Read("/work/small") },
    Case { name: "read a file of 64 MiB", tool: "read", directory: true, work: Work::Read("/work/large") },
    Case { name: "write a file of 4 KiB", tool: "write", directory: true, work: Work::Write(4096) },
    Case { name: "write 1 file of 100 bytes", tool: "write", directory: true, work: Work::Files(1) },
    Case { name: "write 100 files of 100 bytes", tool: "write", directory: true, work: Work::Files(100) },
    Case { name: "write 10,000 files of 100 bytes", tool: "write", directory: true, work: Work::Files(10_000) },
    Case { name: "SHA-256 of 1 MiB in the guest", tool: "sha256", directory: false, work: Work::Sha256(1 << 20) },
];

impl Case {
    /// The arguments, as the text of a JSON object.
    pub(crate) fn arguments(&self) -> String {
        match self.work {
            Work::Echo(0) => "{}".to_owned(),
            Work::Echo(bytes) => items(bytes),
            Work::Read(path) => json!({ "path": path }).to_string(),
            Work::Write(bytes) => json!({"path": "/work/one", "content": "y".repeat(bytes)}).to_string(),
            Work::Files(files) => json!({"path": "/work/out/", "content": "z".repeat(100), "files": files}).to_string(),
            Work::Sha256(bytes) => json!({ "bytes": bytes }).to_string(),
        }
    }
}

/// A JSON object of about this many bytes, made of many small ones.
pub(crate) fn items(bytes: usize) -> String {
    let items: Vec<_> = (0..bytes / 64).map(|index| json!({"id": index, "name": "x".repeat(40)})).collect();
    json!({ "items": items }).to_string()
}

/// Makes the files that are small.
pub(crate) fn prepare(work: &Path) -> Result<()> {
    std::fs::create_dir_all(work.join("out"))?;
    std::fs::write(work.join("small"), vec![b'a'; 4096])?;
    Ok(())
}

/// Makes the large one as well.
pub(crate) fn prepare_all(work: &Path) -> Result<()> {
    prepare(work)?;
    std::fs::write(work.join("large"), vec![b'b'; 64 << 20])?;
    Ok(())
}
