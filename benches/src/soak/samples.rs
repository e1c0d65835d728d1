//! What the server has, looked at again and again; and what of it grew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::files_below;
use super::tally::Tally;
use crate::process::{self, Resources};
use crate::table::{number, table};

/// More than this is told.
const GROWN: f64 = 0.10;

/// What is looked at, in the order of the table.
const COLUMNS: [&str; 15] = [
    "calls",
    "p50",
    "p99",
    "RSS",
    "own",
    "descriptors",
    "threads",
    "state",
    "journal",
    "log",
    "files of the state",
    "files of the work",
    "kept plans",
    "removed calls",
    "failures",
];

/// Columns that are bytes.
const BYTES: [usize; 5] = [3, 4, 7, 8, 9];
/// The column that only counts up.
const FAILURES: usize = 14;

/// All that was seen of one server.
pub(super) struct Samples {
    process: u32,
    folder: PathBuf,
    taken: Vec<(Duration, [f64; COLUMNS.len()])>,
}

impl Samples {
    pub(super) fn of(process: u32, folder: &Path) -> Self {
        Self { process, folder: folder.to_owned(), taken: Vec::new() }
    }

    /// Looks at everything. The server says how many plans it keeps, and how many calls it removed after it was looked at last.
    pub(super) fn take(&mut self, at: Duration, tally: &Tally, [kept, removed]: [u64; 2]) -> Result<()> {
        let (window, failed) = tally.window()?;
        let Resources { resident, own, descriptors, threads } = process::resources(self.process)?;
        let state = self.folder.join(".toolhold");
        let size = |name: &str| std::fs::metadata(state.join(name)).map_or(0, |metadata| metadata.len());
        let (bytes, files) = files_below(&state);
        let (_, work) = files_below(&self.folder.join("work"));
        let (journal, log) = (size("journal.db"), size("journal.db-wal"));
        let counts = [resident, own, descriptors, threads, bytes, journal, log, files, work, kept, removed, failed];
        let mut row = [window.len() as f64, window.micros(50.0), window.micros(99.0)].into_iter();
        let mut counts = counts.into_iter().map(|count| count as f64);
        let row = std::array::from_fn(|_| row.next().or_else(|| counts.next()).unwrap_or(f64::NAN));
        self.taken.push((at, row));
        Ok(())
    }

    /// Prints the samples, how much each column grew from the second fifth to the last, and what grew by more than a little.
    pub(super) fn print(&self) {
        let mut columns = ["minute"].into_iter().chain(COLUMNS);
        let columns: [&str; COLUMNS.len() + 1] = std::array::from_fn(|_| columns.next().unwrap_or_default());
        let mut rows = table(0, columns);
        for (at, row) in &self.taken {
            rows.add_row([number(at.as_secs_f64() / 60.0)].into_iter().chain(row.iter().enumerate().map(shown)));
        }
        let growth = self.growth();
        let percent =
            |growth: &Option<f64>| growth.map_or_else(|| "–".to_owned(), |grown| format!("{:+.1} %", 100.0 * grown));
        rows.add_row(["growth".to_owned()].into_iter().chain(growth.iter().map(percent)));
        println!("{rows}");
        let grew = COLUMNS.iter().zip(&growth).filter(|(_, growth)| growth.is_some_and(|grown| grown > GROWN));
        let grew: Vec<_> = grew.map(|(name, _)| *name).collect();
        match grew.is_empty() {
            true => println!("\nNothing grew by more than 10 %."),
            false => println!("\nGrew by more than 10 %: {}.", grew.join(", ")),
        }
    }

    /// By how much the mean of each column's last fifth is above that of the second; the first one warms up.
    fn growth(&self) -> [Option<f64>; COLUMNS.len()] {
        let fifth = self.taken.len() / 5;
        let mean = |from: usize, column: usize| {
            let values: Vec<f64> =
                self.taken.iter().skip(from).take(fifth).filter_map(|(_, row)| row.get(column).copied()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        std::array::from_fn(|column| {
            let grown = mean(self.taken.len().saturating_sub(fifth), column) / mean(fifth, column) - 1.0;
            (column != FAILURES && grown.is_finite()).then_some(grown)
        })
    }
}

fn shown((column, value): (usize, &f64)) -> String {
    match column {
        1 | 2 => number(*value),
        column if BYTES.contains(&column) => number(value / f64::from(1 << 20)),
        _ => number(*value).trim_end_matches(".0").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_from_the_second_fifth_to_the_last_and_failures_have_none() {
        let mut samples = Samples::of(std::process::id(), Path::new("."));
        // The first fifth warms up: what it had does not count.
        for (index, first) in [900.0, 1.0, 100.0, 110.0, 50.0, 50.0, 70.0, 70.0, 120.0, 132.0].into_iter().enumerate() {
            let mut row = [7.0; COLUMNS.len()];
            [row[3], row[5], row[FAILURES]] = [first, 0.0, index as f64];
            samples.taken.push((Duration::from_secs(index as u64), row));
        }
        let growth = samples.growth();
        assert!(growth[3].is_some_and(|grown| (grown - 0.2).abs() < 1e-9), "{growth:?}");
        assert_eq!([growth[0], growth[5], growth[FAILURES]], [Some(0.0), None, None]);
    }

    #[test]
    fn a_process_that_is_there_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".toolhold/staging")).unwrap();
        std::fs::write(folder.path().join(".toolhold/journal.db"), "12345").unwrap();
        std::fs::write(folder.path().join(".toolhold/staging/kept"), "123").unwrap();
        let tally = Tally::new().unwrap();
        tally.took(Duration::from_micros(100)).unwrap();
        tally.came("one", Err(anyhow::anyhow!("no")));
        let mut samples = Samples::of(std::process::id(), folder.path());
        samples.take(Duration::from_secs(60), &tally, [3, 4]).unwrap();
        let (_, row) = samples.taken[0];
        assert_eq!(
            [row[0], row[7], row[8], row[10], row[12], row[13], row[FAILURES]],
            [1.0, 8.0, 5.0, 2.0, 3.0, 4.0, 1.0]
        );
        assert!(row[3] > row[4] && row[4] > 0.0 && row[5] >= 3.0 && row[6] >= 1.0, "{row:?}");
    }
}
