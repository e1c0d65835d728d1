//! One thread and two: how much more gets done.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::case;
use crate::floor::{self, Floor};
use crate::measure::{Driver, Lane, take_turns_of};
use crate::place;
use crate::product::{Product, Writes};
use crate::table::{number, ratio, table};

const METHOD: &str = "The same call on one thread and on two, each making one after the other: bare wasmtime with an engine and a pool per thread, and \
`Host::call` on one host. All four lanes take turns of a second. CPUs is how many of them worked for the process meanwhile, on all of its threads, the journal's writer \
among them: what one thread of calls has taken there, a second one does not find. A turn of `Host::call` ends when the journal has all of its calls; up to 8,192 commands may \
wait for it then.";

/// Long, so that what only the writer is left to do at the end of a turn is a small part of it.
const TURN: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let component = place::guest("probes")?;
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    case::prepare(&work)?;
    let product = Product::open(folder.path(), &component, Writes::AsAWhole)?;
    let floors = [Floor::new(&component), Floor::new(&component)];
    let floors = floors.into_iter().collect::<Result<Vec<_>, _>>().map_err(floor::failed)?;
    println!("{METHOD}\n");
    let mut rows =
        table(2, ["work", "lane", "1 thread, calls/s", "CPUs", "2 threads, calls/s", "CPUs", "2 threads / 1"]);
    for (name, tool, arguments) in [("echo `{}`", "echo", "{}"), ("read 4 KiB", "read", r#"{"path":"/work/small"}"#)] {
        let bare = |index: usize| {
            let (directory, floor) = ((tool == "read").then_some(work.as_path()), floors.get(index));
            let floor = floor.ok_or_else(|| anyhow!("a floor per thread"))?;
            floor.call(tool, arguments, directory).map(drop).map_err(floor::failed)
        };
        let full = |_| product.call(tool, arguments);
        // What the journal's writer has not written yet would take its time from the lane that comes next.
        let (nothing, written) = (|| Ok(()), || product.written());
        let mut lanes = [
            Threads { count: 1, call: &bare, end: &nothing },
            Threads { count: 2, call: &bare, end: &nothing },
            Threads { count: 1, call: &full, end: &written },
            Threads { count: 2, call: &full, end: &written },
        ];
        let mut drivers: Vec<&mut dyn Driver> = lanes.iter_mut().map(|lane| lane as &mut dyn Driver).collect();
        let loads = take_turns_of(TURN, budget.max(3 * TURN), &mut drivers)?;
        for (lane, pair) in ["bare wasmtime", "`Host::call`"].into_iter().zip(loads.chunks(2)) {
            if let [one, two] = pair {
                let [of_one, of_two] = [one, two].map(|load| format!("{:.2}", load.processors()));
                let (one, two) = (one.per_second(), two.per_second());
                rows.add_row([name, lane, &number(one), &of_one, &number(two), &of_two, &ratio(two, one)]);
            }
        }
    }
    println!("{rows}");
    Ok(())
}

/// Threads that each make one call after the other.
struct Threads<'a> {
    count: usize,
    /// Told which thread it is.
    call: &'a (dyn Fn(usize) -> Result<()> + Sync),
    /// What is left to do at the end of a turn, and counts.
    end: &'a dyn Fn() -> Result<()>,
}

impl Driver for Threads<'_> {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        let call = self.call;
        let took: Vec<_> = std::thread::scope(|scope| {
            let begun: Vec<_> =
                (0..self.count).map(|index| scope.spawn(move || one_by_one(until, || call(index)))).collect();
            begun.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        for took in took {
            let took = took.map_err(|_| anyhow!("a thread ended"))??;
            took.into_iter().try_for_each(|took| lane.record(took))?;
        }
        (self.end)()
    }
}

fn one_by_one(until: Instant, call: impl Fn() -> Result<()>) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    loop {
        let began = Instant::now();
        if began >= until && !took.is_empty() {
            return Ok(took);
        }
        call()?;
        took.push(began.elapsed());
    }
}
