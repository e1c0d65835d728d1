//! Others that do the same work, in one run: `make bench-peers` installs them. What is not there is left out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::case;
use crate::floor;
use crate::load::{ProcessPerCall, Request, Script, StdioClient};
use crate::measure::{Driver, take_turns};
use crate::place;
use crate::process::resident;
use crate::product;
use crate::table::{mebibytes, number, ratio, table};

const METHOD: &str = "One call at a time, lanes taking turns of 100 ms; microseconds. `echo {}` by `toolhold mcp` and the least possible MCP host over standard \
streams, by Extism's Python SDK in its own process (a fresh plugin per call, compiled once; no protocol, no JSON in the guest), by a native process \
per call (fork, exec, JSON on standard streams) and the same within bubblewrap; reading a file of 4 KiB by `toolhold mcp` and the reference MCP \
server for files on node; counting the words of that file in Python, by `toolhold mcp` with the sample tool of `toolhold new --lang python`, and by \
capsule-run's Python SDK with the same code, both compiled by the same componentize-py.";

/// What may run a native process apart from the rest of the machine.
const BUBBLEWRAP: &str = "/usr/bin/bwrap";

/// Where `benches/peers/install.sh` puts them.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// The sample in Python, with the directory of the others.
const WORDS: &str = r#"
version = 1

[tools.words]
source = "words.wasm"

[[tools.words.directories]]
host = "work"
guest = "/work"
read = ["**"]

[[rules]]
name = "all"
decision = "allow"
tools = ["words.*"]
"#;

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    product::pinned_project(folder.path(), &cache)?;
    std::fs::write(folder.path().join("artifact"), floor::artifact(&place::guest("probes")?).map_err(floor::failed)?)?;
    println!("{METHOD}\n");
    let mut rows =
        table(3, ["work", "who", "isolation per call", "p50", "p99", "calls/s", "p50 / Toolhold", "RSS MiB"]);
    // One after the other: only one process at a time holds the state of the project.
    let works: [(&str, Lanes); 3] = [("echo `{}`", echoes), ("read 4 KiB", reads), ("words of 4 KiB, Python", words)];
    for (work, lanes) in works {
        let lanes = lanes(folder.path(), &cache)?;
        if lanes.is_empty() {
            continue;
        }
        let (names, mut lanes): (Vec<_>, Vec<_>) = lanes.into_iter().map(|lane| (lane.about, lane.driver)).unzip();
        let mut drivers: Vec<&mut dyn Driver> = lanes.iter_mut().map(|lane| &mut **lane as &mut dyn Driver).collect();
        let loads = take_turns(budget, &mut drivers)?;
        let base = loads.first().map_or(f64::NAN, |load| load.lane.micros(50.0));
        for (about, load) in names.iter().zip(&loads) {
            let (p50, p99) = (load.lane.micros(50.0), load.lane.micros(99.0));
            let memory = about.process.map(resident).transpose()?.map_or_else(|| "–".to_owned(), mebibytes);
            let numbers = [number(p50), number(p99), number(load.per_second()), ratio(p50, base), memory];
            rows.add_row([work, about.name, about.isolation].map(str::to_owned).into_iter().chain(numbers));
        }
    }
    println!("{rows}");
    Ok(())
}

/// Starts what takes turns.
type Lanes = fn(&Path, &Path) -> Result<Vec<Peer>>;

struct Peer {
    about: About,
    driver: Box<dyn Driver>,
}

struct About {
    name: &'static str,
    isolation: &'static str,
    /// The one that stays, if one does.
    process: Option<u32>,
}

fn peer(name: &'static str, isolation: &'static str, driver: impl Driver + 'static) -> Peer {
    Peer { about: About { name, isolation, process: None }, driver: Box::new(driver) }
}

fn by_script(name: &'static str, script: Script) -> Peer {
    let about = About { name, isolation: "fresh instance", process: Some(script.id()) };
    Peer { about, driver: Box::new(script) }
}

fn over_stdio(name: &'static str, isolation: &'static str, client: StdioClient) -> Peer {
    Peer { about: About { name, isolation, process: Some(client.id()) }, driver: Box::new(client) }
}

fn echoes(folder: &Path, cache: &Path) -> Result<Vec<Peer>> {
    let echo = || Request::new("probes__echo", "{}");
    let toolhold = StdioClient::start(place::toolhold_in(folder, cache)?.arg("mcp"), echo(), 1)?;
    let mut least = place::command(&place::itself()?);
    least.arg("be-least-host").args(["artifact", "work", "journal"].map(|name| folder.join(name)));
    let native = |command| ProcessPerCall::new(command, "{}");
    let mut all = vec![
        over_stdio("Toolhold", "fresh instance", toolhold),
        over_stdio("least possible host", "fresh instance", StdioClient::start(&mut least, echo(), 1)?),
    ];
    let python = Path::new(PEERS).join("venv/bin/python");
    if python.is_file() {
        let mut script = place::command(&python);
        script.arg(Path::new(SCRIPTS).join("extism_echo.py"));
        all.push(by_script("Extism, Python SDK", Script::start(&mut script)?));
    }
    all.push(peer("native process", "none (a process)", native(place::command("/bin/cat".as_ref()))));
    if Path::new(BUBBLEWRAP).is_file() {
        all.push(peer("bubblewrap", "namespaces", native(in_bubblewrap())));
    }
    Ok(all)
}

/// The same process without network, with a file system to read only.
fn in_bubblewrap() -> Command {
    let mut command = place::command(BUBBLEWRAP.as_ref());
    command.args(["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "/bin/cat"]);
    command
}

fn reads(folder: &Path, cache: &Path) -> Result<Vec<Peer>> {
    let ours = Request::new("probes__read", r#"{"path":"/work/small","form":"text"}"#);
    let toolhold = StdioClient::start(place::toolhold_in(folder, cache)?.arg("mcp"), ours, 1)?;
    let mut all = vec![over_stdio("Toolhold", "fresh instance", toolhold)];
    let server: PathBuf =
        [PEERS, "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"].iter().collect();
    if server.is_file() {
        let work = folder.join("work").canonicalize()?;
        let arguments = serde_json::json!({ "path": work.join("small") }).to_string();
        let mut node = place::command("node".as_ref());
        node.arg(server).arg(work);
        let client = StdioClient::start(&mut node, Request::new("read_text_file", &arguments), 1)?;
        all.push(over_stdio("server-filesystem, node", "none", client));
    }
    Ok(all)
}

/// The same code in Python; nothing if `install.sh` has not compiled it.
fn words(folder: &Path, cache: &Path) -> Result<Vec<Peer>> {
    let peers = Path::new(PEERS);
    let (component, capsule) = (peers.join("words.wasm"), peers.join("capsule/words.wasm"));
    if !(component.is_file() && capsule.is_file()) {
        return Ok(Vec::new());
    }
    let project = folder.join("python");
    std::fs::create_dir(&project)?;
    case::prepare(&project.join("work"))?;
    std::fs::copy(component, project.join("words.wasm"))?;
    std::fs::write(project.join("toolhold.toml"), WORDS)?;
    place::printed(place::toolhold_in(&project, cache)?.arg("lock"))?;
    let ours = Request::new("words__word_count", r#"{"path":"/work/small"}"#);
    let toolhold = StdioClient::start(place::toolhold_in(&project, cache)?.arg("mcp"), ours, 1)?;
    let mut script = place::command(&peers.join("venv/bin/python"));
    script.arg(Path::new(SCRIPTS).join("capsule_words.py")).arg(capsule).current_dir(&project);
    Ok(vec![
        over_stdio("Toolhold", "fresh instance", toolhold),
        by_script("capsule-run, Python SDK", Script::start(&mut script)?),
    ])
}
