//! How well something works: a verdict from what it did lately, compared with what it did before.
//!
//! Pure arithmetic over samples. Faults are the dependency's own: a denial, a wrong argument or a tool's "no such file" says
//! nothing of its health.

use serde::Serialize;

/// Fewer samples than this say nothing.
pub const LEAST_SAMPLES: usize = 5;
/// Faults in a hundred from which on something is degraded.
pub const DEGRADED_PERCENT: u64 = 10;
/// Faults in a hundred from which on it is critical.
pub const CRITICAL_PERCENT: u64 = 50;
/// How many times as long as before the slowest hundredth has to take for something to be slow.
pub const SLOW_FACTOR: u64 = 3;
/// A run is unusual that is more than this many half-widths of the middle half of all runs above it.
const FENCE: u64 = 3;

/// One use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// It failed, by its own fault.
    pub is_fault: bool,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Too few uses to tell.
    Unknown,
    /// As it should.
    Healthy,
    /// It works, and takes much longer than before.
    Slow,
    /// It fails now and then.
    Degraded,
    /// It fails mostly.
    Critical,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
        }
    }
}

/// What the uses within a window come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Health {
    /// How well it works.
    pub verdict: Verdict,
    /// How many uses there were.
    pub uses: usize,
    /// How many of them failed by its own fault.
    pub faults: usize,
    /// Faults in a hundred uses, rounded down.
    pub fault_percent: u64,
    /// The mean time of a use, in microseconds.
    pub mean_micros: u64,
    /// The time that 99 of 100 uses do not exceed, in microseconds.
    pub p99_micros: u64,
}

impl Health {
    /// From the uses within the window and those before it.
    #[must_use]
    pub fn of(within: &[Sample], before: &[Sample]) -> Self {
        let uses = within.len();
        let faults = within.iter().filter(|sample| sample.is_fault).count();
        let fault_percent = (faults as u64 * 100).checked_div(uses as u64).unwrap_or(0);
        let sum: u128 = within.iter().map(|sample| u128::from(sample.micros)).sum();
        let mean_micros = sum.checked_div(uses as u128).and_then(|mean| u64::try_from(mean).ok()).unwrap_or(0);
        let p99_micros = percentile(within.iter().map(|sample| sample.micros), 99);
        let usual = percentile(before.iter().map(|sample| sample.micros), 99);
        let is_slow = before.len() >= LEAST_SAMPLES && p99_micros > usual.saturating_mul(SLOW_FACTOR);
        let verdict = match fault_percent {
            _ if uses < LEAST_SAMPLES => Verdict::Unknown,
            CRITICAL_PERCENT.. => Verdict::Critical,
            DEGRADED_PERCENT.. => Verdict::Degraded,
            _ if is_slow => Verdict::Slow,
            _ => Verdict::Healthy,
        };
        Self { verdict, uses, faults, fault_percent, mean_micros, p99_micros }
    }
}

/// How a run ended, as far as trust in its tools goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With what was asked for.
    Whole,
    /// With less.
    Partial,
    /// Without an answer.
    Nothing,
}

/// How much the endings of runs let one expect of the next: the share of successes, a partial one being half of one, and between
/// which bounds it likely is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confidence {
    /// How many runs there were.
    pub runs: usize,
    /// Successes in a hundred runs.
    pub percent: u8,
    /// Nine times in ten it is not lower than this.
    pub at_least_percent: u8,
    /// Nine times in ten it is not higher than this.
    pub at_most_percent: u8,
}

impl Confidence {
    /// From the endings of runs. Wilson's bounds, which hold for few runs too.
    #[must_use]
    pub fn of(endings: &[Ending]) -> Self {
        /// Of the normal distribution, for nine in ten on each side.
        const Z: f64 = 1.281_55;
        let value = |ending: &Ending| match ending {
            Ending::Whole => 1.0,
            Ending::Partial => 0.5,
            Ending::Nothing => 0.0,
        };
        let runs = endings.len();
        if runs == 0 {
            return Self { runs, percent: 0, at_least_percent: 0, at_most_percent: 100 };
        }
        // Nobody has so many runs that this would be another number.
        let count = runs as f64;
        let share = endings.iter().map(value).sum::<f64>() / count;
        let around = Z * Z / count;
        let middle = share + around / 2.0;
        let width = Z * (share * (1.0 - share) / count + around / (4.0 * count)).sqrt();
        let bound = |value: f64| percent(value / (1.0 + around));
        Self {
            runs,
            percent: percent(share),
            at_least_percent: bound(middle - width),
            at_most_percent: bound(middle + width),
        }
    }

    /// Whether it is lower than `earlier`, and not by chance: what it is at most is less than what that was at least.
    #[must_use]
    pub fn is_clearly_below(&self, earlier: &Self) -> bool {
        self.runs.min(earlier.runs) >= LEAST_SAMPLES && self.at_most_percent < earlier.at_least_percent
    }
}

fn percent(share: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 100")]
    let percent = (share.clamp(0.0, 1.0) * 100.0).round() as u8;
    percent
}

/// The least value that `percent` of a hundred do not exceed; 0 of none.
#[must_use]
pub fn percentile(values: impl Iterator<Item = u64>, percent: usize) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let rank = (values.len() * percent.min(100)).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(0)
}

/// Above which a number is unlike those of earlier runs: the middle half of them, and three times its half-width more. `None`
/// where there are too few to tell.
#[must_use]
pub fn fence(earlier: &[u64]) -> Option<u64> {
    if earlier.len() < LEAST_SAMPLES {
        return None;
    }
    let (low, high) = (percentile(earlier.iter().copied(), 25), percentile(earlier.iter().copied(), 75));
    // Runs that are all alike leave no width, and the next one may still be a little longer.
    let width = (high - low).max(high / 4).max(1);
    Some(high.saturating_add(width.saturating_mul(FENCE) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(faults: usize, uses: usize, micros: u64) -> Vec<Sample> {
        (0..uses).map(|index| Sample { is_fault: index < faults, micros }).collect()
    }

    #[test]
    fn a_verdict_follows_from_faults_first_and_time_second() {
        for (within, before, verdict) in [
            (samples(0, 4, 10), samples(0, 100, 10), Verdict::Unknown),
            (samples(4, 4, 10), Vec::new(), Verdict::Unknown),
            (samples(0, 5, 10), Vec::new(), Verdict::Healthy),
            (samples(9, 100, 10), Vec::new(), Verdict::Healthy),
            (samples(10, 100, 10), Vec::new(), Verdict::Degraded),
            (samples(49, 100, 10), Vec::new(), Verdict::Degraded),
            (samples(50, 100, 10), Vec::new(), Verdict::Critical),
            (samples(0, 100, 31), samples(0, 100, 10), Verdict::Slow),
            (samples(0, 100, 30), samples(0, 100, 10), Verdict::Healthy),
            (samples(0, 100, 31), samples(0, 4, 10), Verdict::Healthy),
            (samples(10, 100, 31), samples(0, 100, 10), Verdict::Degraded),
        ] {
            assert_eq!(Health::of(&within, &before).verdict, verdict, "{} of {}", within.len(), before.len());
        }
    }

    #[test]
    fn numbers_are_those_of_the_window() {
        let within: Vec<Sample> = (1..=100).map(|micros| Sample { is_fault: micros > 97, micros }).collect();
        let health = Health::of(&within, &[]);
        assert_eq!((health.uses, health.faults, health.fault_percent), (100, 3, 3));
        assert_eq!((health.mean_micros, health.p99_micros), (50, 99));
        assert_eq!(Health::of(&[], &[]).p99_micros, 0);
    }

    #[test]
    fn confidence_falls_clearly_only_where_chance_does_not_explain_it() {
        let runs = |whole: usize, partial: usize, nothing: usize| {
            let of = |ending, count| std::iter::repeat_n(ending, count);
            let all = of(Ending::Whole, whole).chain(of(Ending::Partial, partial)).chain(of(Ending::Nothing, nothing));
            Confidence::of(&all.collect::<Vec<_>>())
        };
        assert_eq!((runs(3, 2, 0).percent, runs(0, 0, 0).at_most_percent), (80, 100));
        let bounds = runs(9, 0, 1);
        assert!(bounds.at_least_percent < 90 && 90 < bounds.at_most_percent, "{bounds:?}");
        for (now, earlier, falls) in [
            (runs(1, 0, 9), runs(19, 0, 1), true),
            (runs(0, 0, 5), runs(5, 0, 0), true),
            (runs(0, 0, 4), runs(50, 0, 0), false),
            (runs(8, 0, 2), runs(9, 0, 1), false),
            (runs(19, 0, 1), runs(1, 0, 9), false),
            (runs(0, 20, 0), runs(20, 0, 0), true),
        ] {
            assert_eq!(now.is_clearly_below(&earlier), falls, "{now:?} {earlier:?}");
        }
    }

    #[test]
    fn a_percentile_is_a_value_that_occurred() {
        for (values, percent, expected) in [
            (&[][..], 99, 0),
            (&[7][..], 1, 7),
            (&[1, 2, 3, 4][..], 50, 2),
            (&[4, 1, 3, 2][..], 75, 3),
            (&[1, 9][..], 100, 9),
        ] {
            assert_eq!(percentile(values.iter().copied(), percent), expected, "{values:?} {percent}");
        }
    }

    #[test]
    fn a_run_is_unusual_only_beyond_what_earlier_ones_spread() {
        assert_eq!(fence(&[3, 3, 3, 3]), None);
        assert_eq!(fence(&[4; 10]), Some(5));
        assert_eq!(fence(&[2, 4, 6, 8, 10, 12]), Some(10 + 6 * 3 / 2));
        assert_eq!(fence(&[0; 10]), Some(1));
    }
}
