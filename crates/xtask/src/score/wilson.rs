//! How sure a share of few cases is: Wilson's interval. A share of 20 out of 20
//! is no proof of perfection, and its interval says so.

/// The quantile of the normal distribution for 95%.
const Z: f64 = 1.959_964;

/// Lower and upper bound of `part` out of `whole` at 95%; `None` without cases.
pub(super) fn interval(part: u64, whole: u64) -> Option<(f64, f64)> {
    if whole == 0 {
        return None;
    }
    let n = whole as f64;
    let share = part as f64 / n;
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some((((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_published() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (part, whole, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (lower, upper) = interval(part, whole).expect("cases");
            assert!((lower - low).abs() < 5e-5, "{part} of {whole}: {lower}");
            assert!((upper - high).abs() < 5e-5, "{part} of {whole}: {upper}");
        }
        assert_eq!(interval(0, 0), None);
    }
}
