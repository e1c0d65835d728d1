//! What a model's turn costs: tokens times prices, in whole micro-dollars.
//!
//! Whole numbers only, and rounded up: a budget that is kept in fractions, or rounded down, is overrun by what was lost.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Micro-dollars in a dollar, and tokens in the million that a price is for.
const MILLION: u64 = 1_000_000;

/// The highest price, in dollars per million tokens: more is a slip of the hand.
const MOST_DOLLARS: u64 = 1_000_000;

/// Dollars per million tokens, exactly, with up to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price(u64);

/// A text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a price: write dollars per million tokens with up to six decimals, such as `2.50`, at most {MOST_DOLLARS}"
)]
pub struct NotAPrice;

/// What a model's provider charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prices {
    /// For what it reads.
    pub input: Price,
    /// For what it writes.
    pub output: Price,
    /// For what it reads and had kept from an earlier request.
    pub cached_input: Price,
}

impl Price {
    /// Micro-dollars per million tokens.
    #[must_use]
    pub fn micro_dollars(self) -> u64 {
        self.0
    }
}

impl FromStr for Price {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
            return Err(NotAPrice);
        }
        let whole: u64 = whole.parse().map_err(|_| NotAPrice)?;
        let decimals: u64 = format!("{decimals:0<6}").parse().map_err(|_| NotAPrice)?;
        let price = whole.checked_mul(MILLION).and_then(|whole| whole.checked_add(decimals));
        price.filter(|price| *price <= MOST_DOLLARS * MILLION).map(Self).ok_or(NotAPrice)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        dollars(self.0, out)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Prices {
    /// What this many tokens cost, in micro-dollars, rounded up. `cached` of the `input` were kept from before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use toolhold_core::cost::Prices;
    /// let prices = Prices { input: "2.50".parse()?, output: "10".parse()?, cached_input: "0.25".parse()? };
    /// assert_eq!(prices.cost(1_000, 100, 0), 3_500);
    /// assert_eq!(prices.cost(1_000, 100, 1_000), 1_250);
    /// # Ok::<(), toolhold_core::cost::NotAPrice>(())
    /// ```
    #[must_use]
    pub fn cost(&self, input: u64, output: u64, cached: u64) -> u64 {
        let cached = cached.min(input);
        let of = |tokens: u64, price: Price| u128::from(tokens) * u128::from(price.0);
        // Each of the three is below 2^64 times 2^40, so their sum cannot overflow.
        let sum = of(input - cached, self.input) + of(cached, self.cached_input) + of(output, self.output);
        u64::try_from(sum.div_ceil(u128::from(MILLION))).unwrap_or(u64::MAX)
    }
}

/// Micro-dollars as dollars, such as `0.0125`: as many decimals as it takes, at least two.
#[must_use]
pub fn in_dollars(micro_dollars: u64) -> String {
    Price(micro_dollars).to_string()
}

fn dollars(micro: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let decimals = format!("{:06}", micro % MILLION);
    let (always, more) = decimals.split_at(2);
    write!(out, "{}.{always}{}", micro / MILLION, more.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(input: &str, output: &str, cached: &str) -> Prices {
        let price = |text: &str| text.parse().unwrap();
        Prices { input: price(input), output: price(output), cached_input: price(cached) }
    }

    #[test]
    fn a_price_is_dollars_with_up_to_six_decimals_and_nothing_else() {
        for (text, micro, shown) in [
            ("2.50", 2_500_000, "2.50"),
            ("10", 10_000_000, "10.00"),
            ("0", 0, "0.00"),
            ("0.000001", 1, "0.000001"),
            ("1000000", 1_000_000_000_000, "1000000.00"),
        ] {
            let price: Price = text.parse().unwrap();
            assert_eq!((price.micro_dollars(), price.to_string().as_str()), (micro, shown), "{text}");
        }
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "$1",
            " 1",
            "1.0000001",
            "1000000.01",
            "99999999999999999999",
        ] {
            assert_eq!(bad.parse::<Price>(), Err(NotAPrice), "{bad}");
        }
    }

    #[test]
    fn a_cost_is_rounded_up_to_the_next_micro_dollar() {
        let of = prices("2.50", "10", "0.25");
        for (input, output, cached, cost) in [
            (0, 0, 0, 0),
            (1, 0, 0, 3),
            (0, 1, 0, 10),
            (1, 0, 1, 1),
            (1_000_000, 1_000_000, 400_000, 11_600_000),
            (10, 0, 99, 3),
        ] {
            assert_eq!(of.cost(input, output, cached), cost, "{input} {output} {cached}");
        }
        assert_eq!(Prices::default().cost(u64::MAX, u64::MAX, 0), 0);
        assert_eq!(prices("1000000", "1000000", "0").cost(u64::MAX, u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn money_is_shown_in_dollars() {
        for (micro, shown) in [(0, "0.00"), (1, "0.000001"), (12_500, "0.0125"), (3_100_000, "3.10")] {
            assert_eq!(in_dollars(micro), shown);
        }
    }

    proptest! {
        #[test]
        fn a_sum_of_costs_is_never_below_the_cost_of_the_sum(turns in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 1..20)) {
            let of = prices("2.50", "10.01", "0.000003");
            let each: u128 = turns.iter().map(|(input, output)| u128::from(of.cost(*input, *output, input / 3))).sum();
            let sum = |pick: fn(&(u64, u64)) -> u64| turns.iter().map(pick).sum::<u64>();
            let cached = turns.iter().map(|(input, _)| input / 3).sum();
            prop_assert!(each >= u128::from(of.cost(sum(|turn| turn.0), sum(|turn| turn.1), cached)));
        }

        #[test]
        fn what_is_shown_is_read_back(micro in 0..=MOST_DOLLARS * MILLION) {
            prop_assert_eq!(Price(micro).to_string().parse::<Price>(), Ok(Price(micro)));
        }
    }
}
