//! The whole program behind the protocol: standard streams and HTTP, one call in flight and many.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use comfy_table::Table;

use crate::case;
use crate::floor;
use crate::load::{HttpClient, InProcess, Request, Revision, ServeProcess, StdioClient};
use crate::measure::{Driver, Load, take_turns};
use crate::place;
use crate::product::{self, Product, Writes};
use crate::table::{number, ratio, table};

const METHOD: &str = "A client that does not wait for one answer before it asks the next keeps 1 or 32 calls in flight at `toolhold mcp` (standard streams, \
revision 2025-11-25) and at `toolhold serve` (HTTP/1.1, bearer token, a kept connection per call in flight, a session of 2025-11-25 and \
stateless 2026-07-28), at `Host::call` in this process, and at the least possible MCP host: same framing, one permission, one journal line, a \
fresh instance on bare wasmtime. Lanes take turns of 100 ms; client and server share the CPUs; microseconds.";

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let stage = Stage::set()?;
    println!("{METHOD}\n");
    let mut rows = table(
        2,
        [
            "work, in flight",
            "lane",
            "calls/s",
            "p50",
            "p99",
            "p50 / `Host::call`",
            "p50 / least host",
            "calls/s / least host",
        ],
    );
    let works =
        [("echo `{}`", "echo", "{}"), ("read 4 KiB as text", "read", r#"{"path":"/work/small","form":"text"}"#)];
    for (work, probe, arguments) in works {
        for depth in [1, 32] {
            let loads = stage.measure((probe, arguments), depth, budget)?;
            add_rows(&format!("{work}, {depth}"), &loads, &mut rows);
        }
    }
    println!("{rows}");
    Ok(())
}

const LANES: [&str; 5] =
    ["`Host::call`", "least host", "stdio, 2025-11-25", "HTTP, 2025-11-25 (session)", "HTTP, 2026-07-28"];

fn add_rows(work: &str, loads: &[Load], rows: &mut Table) {
    let of = |index: usize, read: fn(&Load) -> f64| loads.get(index).map_or(f64::NAN, read);
    let (host, least) = (of(0, p50), of(1, p50));
    let least_per_second = of(1, Load::per_second);
    for (name, load) in LANES.into_iter().zip(loads) {
        rows.add_row([
            work.to_owned(),
            name.to_owned(),
            number(load.per_second()),
            number(p50(load)),
            number(load.lane.micros(99.0)),
            ratio(p50(load), host),
            ratio(p50(load), least),
            ratio(load.per_second(), least_per_second),
        ]);
    }
}

fn p50(load: &Load) -> f64 {
    load.lane.micros(50.0)
}

/// The folders of what is started, and what is started once.
struct Stage {
    product: Product,
    serve: ServeProcess,
    folder: tempfile::TempDir,
}

impl Stage {
    fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let component = place::guest("probes")?;
        let path = |name: &str| folder.path().join(name);
        case::prepare(&path("host/work"))?;
        let product = Product::open(&path("host"), &component, Writes::AsAWhole)?;
        for name in ["stdio", "http"] {
            product::pinned_project(&path(name), &path("cache"))?;
        }
        std::fs::write(path("artifact"), floor::artifact(&component).map_err(floor::failed)?)?;
        let serve = ServeProcess::start(&path("http"), &path("cache"))?;
        Ok(Self { product, serve, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn measure(&self, (probe, arguments): (&str, &str), depth: usize, budget: Duration) -> Result<Vec<Load>> {
        let request = Request::new(&format!("probes__{probe}"), arguments);
        let mut here = InProcess::new(&self.product, probe, arguments, depth);
        let mut least = place::command(&place::itself()?);
        least.arg("be-least-host").args(["artifact", "host/work", "journal"].map(|name| self.path(name)));
        let mut least = StdioClient::start(&mut least, request.clone(), depth)?;
        let mut stdio = place::toolhold_in(&self.path("stdio"), &self.path("cache"))?;
        let mut stdio = StdioClient::start(stdio.arg("mcp"), request.clone(), depth)?;
        let over_http =
            |revision| HttpClient::connect(self.serve.address(), self.serve.token(), revision, &request, depth);
        let (mut session, mut stateless) = (over_http(Revision::Session)?, over_http(Revision::Stateless)?);
        let drivers: &mut [&mut dyn Driver] = &mut [&mut here, &mut least, &mut stdio, &mut session, &mut stateless];
        take_turns(budget, drivers)
    }
}
