//! What a call costs as the things around it grow. Flat is the goal.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use comfy_table::Table;

use crate::case;
use crate::floor::{self, Floor};
use crate::measure::{Lane, compare, compare_all};
use crate::place;
use crate::product::Product;
use crate::table::{number, ratio, table};

const METHOD: &str = "p50 of `Host::call` in microseconds, one host per size, all sizes of a row taking turns. The call reads a file of 4 KiB. Rows of the journal \
are those at the beginning: while it is measured it grows.";

const FILES: &str = "p50 in microseconds of a call that reads or writes one file as a whole, next to bare wasmtime; journal at durability `normal`.";

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

/// The tools that one component of probes has.
const PROBES: usize = 4;

/// One thing that grows: its name, up to which size, and how the manifest with so many is written.
struct Curve {
    name: &'static str,
    most: usize,
    manifest: fn(usize) -> String,
    /// Whether what grows are the calls that were made before.
    calls: bool,
}

const CURVES: [Curve; 5] = [
    Curve { name: "tools in the catalog", most: 10_000, manifest: with_tools, calls: false },
    Curve { name: "directories granted to the tool", most: 1_000, manifest: with_directories, calls: false },
    Curve { name: "rules about other tools", most: 10_000, manifest: with_rules_for_others, calls: false },
    Curve { name: "rules about this tool, each with a condition", most: 1_000, manifest: with_rules, calls: false },
    Curve { name: "calls in the journal", most: 100_000, manifest: plain, calls: true },
];

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    println!("{METHOD}\n");
    let mut rows = table(1, ["of", "10", "100", "1,000", "10,000", "100,000", "largest / smallest"]);
    for curve in &CURVES {
        measure(curve, budget, &mut rows).with_context(|| curve.name)?;
    }
    println!("{rows}\n");
    files(budget)
}

fn measure(curve: &Curve, budget: Duration, rows: &mut Table) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= curve.most).collect();
    let open = |size: &usize| open(&folder.path().join(size.to_string()), *size, curve);
    let hosts = sizes.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut calls: Vec<_> = hosts.iter().map(|host| || host.call("read", READ)).collect();
    let mut calls: Vec<&mut dyn FnMut() -> Result<()>> =
        calls.iter_mut().map(|call| call as &mut dyn FnMut() -> Result<()>).collect();
    let lanes = compare_all(budget, &mut calls)?;
    let p50 = |lane: &Lane| lane.micros(50.0);
    let mut row = vec![curve.name.to_owned()];
    row.extend((0..SIZES.len()).map(|index| lanes.get(index).map_or_else(|| "–".to_owned(), |lane| number(p50(lane)))));
    row.push(ratio(lanes.last().map_or(f64::NAN, p50), lanes.first().map_or(f64::NAN, p50)));
    rows.add_row(row);
    Ok(())
}

const READ: &str = r#"{"path":"/work/small"}"#;

fn open(folder: &Path, size: usize, curve: &Curve) -> Result<Product> {
    case::prepare(&folder.join("work"))?;
    std::fs::write(folder.join("probes.wasm"), place::guest("probes")?)?;
    if curve.name.starts_with("directories") {
        (0..size).try_for_each(|index| std::fs::create_dir(folder.join(format!("d{index}"))))?;
    }
    let product = Product::open_manifest(folder, &(curve.manifest)(size))?;
    let before = if curve.calls { size } else { 0 };
    (0..before).try_for_each(|_| product.call("echo", "{}"))?;
    Ok(product)
}

/// What each has: the probes, and one directory.
fn plain(_size: usize) -> String {
    "version = 1
[tools.probes]
source = \"probes.wasm\"
[[tools.probes.directories]]
host = \"work\"
guest = \"/work\"
read = [\"**\"]
[[rules]]
name = \"probes\"
decision = \"allow\"
tools = [\"probes.*\"]
"
    .to_owned()
}

fn with_tools(size: usize) -> String {
    let mut text = plain(0);
    for index in 1..size.div_ceil(PROBES) {
        append(&mut text, format_args!("[tools.other{index}]\nsource = \"probes.wasm\"\n"));
    }
    text
}

fn with_directories(size: usize) -> String {
    let mut text = plain(0);
    // Each directory is a handle that the guest gets.
    append(&mut text, format_args!("[limits]\nhandles = 4096\n"));
    for index in 1..size {
        append(
            &mut text,
            format_args!("[[tools.probes.directories]]\nhost = \"d{index}\"\nguest = \"/d{index}\"\nread = [\"**\"]\n"),
        );
    }
    text
}

fn with_rules_for_others(size: usize) -> String {
    let mut text = plain(0);
    append(&mut text, format_args!("[tools.other]\nsource = \"probes.wasm\"\n"));
    for index in 1..size {
        append(
            &mut text,
            format_args!("[[rules]]\nname = \"rule {index}\"\ndecision = \"allow\"\ntools = [\"other.read\"]\n"),
        );
    }
    text
}

fn with_rules(size: usize) -> String {
    let mut text = plain(0);
    for index in 1..size {
        append(
            &mut text,
            format_args!(
                "[[rules]]\nname = \"rule {index}\"\ndecision = \"deny\"\ntools = [\"probes.read\"]\n\
                 when = {{ required = [\"path\"], properties.path.const = \"/work/other{index}\" }}\n"
            ),
        );
    }
    text
}

fn append(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing into a text does not fail.
    let _written = text.write_fmt(more);
}

fn files(budget: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    let component = place::guest("probes")?;
    case::prepare(&work)?;
    let product = Product::open(folder.path(), &component, crate::product::Writes::AsAWhole)?;
    let floor = Floor::new(&component).map_err(floor::failed)?;
    println!("{FILES}\n");
    let mut rows = table(1, ["work", "bare", "`Host::call`", "ratio", "`Host::call` / 4 KiB"]);
    for (tool, sizes) in
        [("read", &[4 << 10, 64 << 10, 1 << 20, 16 << 20][..]), ("write", &[4 << 10, 64 << 10, 1 << 20])]
    {
        let mut smallest = f64::NAN;
        for size in sizes {
            let arguments = arguments(tool, *size, &work)?;
            let mut bare = || floor.call(tool, &arguments, Some(&work)).map(drop).map_err(floor::failed);
            let (bare, full) = compare(budget, &mut bare, &mut || product.call(tool, &arguments))?;
            let (bare, full) = (bare.micros(50.0), full.micros(50.0));
            if smallest.is_nan() {
                smallest = full;
            }
            let name = format!("{tool} {} KiB", size >> 10);
            rows.add_row([name, number(bare), number(full), ratio(full, bare), ratio(full, smallest)]);
        }
    }
    println!("{rows}");
    Ok(())
}

fn arguments(tool: &str, size: usize, work: &Path) -> Result<String> {
    let content = "z".repeat(size);
    if tool == "write" {
        return Ok(serde_json::json!({ "path": "/work/one", "content": content }).to_string());
    }
    std::fs::write(work.join(size.to_string()), content)?;
    Ok(serde_json::json!({ "path": format!("/work/{size}") }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_as_many_of_what_grows_as_it_says() {
        let count = |text: String, what: &str| text.matches(what).count();
        assert_eq!(count(with_tools(100), "source ="), 25);
        assert_eq!(count(with_directories(10), "host ="), 10);
        assert_eq!(count(with_rules_for_others(10), "[[rules]]"), 10);
        assert_eq!(count(with_rules(10), "[[rules]]"), 10);
    }
}
