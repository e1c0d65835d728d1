//! Numbers of bytes, as people read them.

/// `bytes` in the largest unit of which there is one, with one digit behind the point.
#[must_use]
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = UNITS[0];
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for next in UNITS.iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        (unit, tenths) = (next, tenths / 1024);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// From one size to another; one number where they are the same.
#[must_use]
pub(super) fn from_to(before: u64, after: u64) -> String {
    if before == after { size(after) } else { format!("{} → {}", size(before), size(after)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_largest_unit_of_which_there_is_one() {
        let shown = [0, 1023, 1024, 1536, 1 << 20, (1 << 30) - 1, 5 << 40, u64::MAX].map(size);
        let expected = ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1023.9 MiB", "5.0 TiB", "16777215.9 TiB"];
        assert_eq!(shown, expected);
    }
}
