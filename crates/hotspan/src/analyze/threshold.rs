//! What `--fail-on` asks for: how bad a finding must be to fail the run. The
//! text is taken apart here, once, before anything is read.

use hotspan_model::Finding;

use crate::settings::values;

/// What every text may say, for messages.
const EXPECTED: &str =
    "share=5%, wall=50ms, lookups=10, calls=30 or detector=NAME, or several joined by commas";

/// Conditions that a finding must meet all of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold(Vec<Condition>);

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// At least this part of the wall time of the requests looked at, 0..=1.
    Share(f64),
    /// At least this much time lost in a request that has it, nanoseconds.
    Wall(f64),
    /// At least so many lookups or repeats in a request that has it.
    Lookups(f64),
    /// At least so many calls in a request that has it.
    Calls(f64),
    /// Found by this detector.
    Detector(String),
}

impl Threshold {
    /// Reads `share=5%` and the like, several joined by commas.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(condition).collect::<Result<_, _>>().map(Self)
    }

    /// True when `finding` meets every condition.
    pub(super) fn is_met(&self, finding: &Finding) -> bool {
        self.0.iter().all(|condition| condition.is_met(finding))
    }
}

impl Condition {
    fn is_met(&self, finding: &Finding) -> bool {
        let affected = finding.requests_affected.max(1.0);
        match self {
            Self::Share(least) => finding.share_of_wall() >= *least,
            Self::Wall(least) => finding.wall_ns as f64 / affected >= *least,
            Self::Lookups(least) => finding.lookups / affected >= *least,
            Self::Calls(least) => finding.calls / affected >= *least,
            Self::Detector(name) => finding.detector == *name,
        }
    }
}

fn condition(text: &str) -> Result<Condition, String> {
    let (what, value) =
        text.trim().split_once('=').ok_or_else(|| format!("expected {EXPECTED}, got `{text}`"))?;
    match what {
        "share" => share(value).map(Condition::Share),
        "wall" => values::duration(value).map(|wall| Condition::Wall(wall.as_nanos() as f64)),
        "lookups" => count(value).map(Condition::Lookups),
        "calls" => count(value).map(Condition::Calls),
        "detector" => detector(value).map(Condition::Detector),
        other => Err(format!("`{other}` is not known here; expected {EXPECTED}")),
    }
}

/// `5%`. A plain number is refused: 5 could mean 5% or five times everything.
fn share(value: &str) -> Result<f64, String> {
    let percent = value.strip_suffix('%').and_then(|digits| digits.parse::<f64>().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("expected a share from 0% to 100% such as 5%, got `{value}`"))
}

fn count(value: &str) -> Result<f64, String> {
    value
        .parse()
        .map(|count: u32| f64::from(count))
        .map_err(|_| format!("expected a whole number such as 10, got `{value}`"))
}

/// A name that no detector has would never fail a run.
fn detector(value: &str) -> Result<String, String> {
    let known: Vec<&str> = hotspan_analysis::known_detectors().map(|(slug, _)| slug).collect();
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    Err(format!("no detector is called `{value}`; there are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        for (text, conditions) in [
            ("share=5%", vec![Condition::Share(0.05)]),
            ("share=0.5%", vec![Condition::Share(0.005)]),
            ("wall=50ms", vec![Condition::Wall(5e7)]),
            ("wall=2s", vec![Condition::Wall(2e9)]),
            ("lookups=10, calls=30", vec![Condition::Lookups(10.0), Condition::Calls(30.0)]),
            (
                "detector=credential-lookup,share=100%",
                vec![Condition::Detector("credential-lookup".to_owned()), Condition::Share(1.0)],
            ),
        ] {
            assert_eq!(Threshold::parse(text), Ok(Threshold(conditions)), "{text}");
        }
    }

    #[test]
    fn wrong_values_are_answered_with_what_to_write() {
        for (text, part) in [
            ("", "expected share=5%"),
            ("5%", "expected share=5%"),
            ("share=5", "such as 5%, got `5`"),
            ("share=500%", "from 0% to 100%"),
            ("share=NaN%", "from 0% to 100%"),
            ("wall=50", "such as 250ms"),
            ("lookups=ten", "a whole number such as 10, got `ten`"),
            ("lookups=-1", "a whole number"),
            ("share=5%,", "expected share=5%"),
            ("cost=5", "`cost` is not known here"),
            ("detector=n+1", "no detector is called `n+1`; there are "),
        ] {
            let message = Threshold::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
