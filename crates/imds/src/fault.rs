//! Ways to go wrong on purpose: which step of a lookup fails, and how.

use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use thiserror::Error;

/// The step of a lookup that a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `PUT /latest/api/token`.
    Token,
    /// The list of roles.
    List,
    /// The credentials of a role, at both endpoints.
    Credentials,
}

/// What happens instead of the right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The connection is accepted and nothing ever comes back: what a client
    /// in a container sees when the hop limit is 1.
    Swallow,
    /// The connection is closed without an answer.
    Reset,
    /// An error status.
    Status(u16),
    /// 200 with a body that stops in the middle.
    Garbage,
}

/// One fault, read from `token=swallow`, `credentials=503`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The step that fails.
    pub target: Target,
    /// How it fails.
    pub effect: Effect,
}

/// The faults in force; every copy sees what is set through any other.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<RwLock<Vec<Fault>>>);

impl Faults {
    /// Faults from the start.
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(Arc::new(RwLock::new(faults)))
    }

    /// Puts others in force, from the next request on.
    pub fn set(&self, faults: Vec<Fault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// What happens at a step; the last fault counts.
    pub fn effect(&self, target: Target) -> Option<Effect> {
        let faults = self.0.read().unwrap_or_else(PoisonError::into_inner);
        faults.iter().rev().find(|fault| fault.target == target).map(|fault| fault.effect)
    }
}

/// Why a fault could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultError {
    /// There is no `=`.
    #[error("fault {0:?} is not of the form step=effect; try token=swallow")]
    Form(String),
    /// The step is unknown.
    #[error("fault step {0:?} is unknown; use token, list or credentials")]
    Target(String),
    /// The effect is unknown.
    #[error(
        "fault effect {0:?} is unknown; use swallow, reset, garbage or a status from 400 to 599"
    )]
    Effect(String),
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || FaultError::Form(text.to_owned());
        let (target, effect) = text.split_once('=').ok_or_else(form)?;
        Ok(Self {
            target: match target.trim() {
                "token" => Target::Token,
                "list" => Target::List,
                "credentials" => Target::Credentials,
                other => return Err(FaultError::Target(other.to_owned())),
            },
            effect: effect_of(effect.trim())?,
        })
    }
}

fn effect_of(text: &str) -> Result<Effect, FaultError> {
    match (text, text.parse::<u16>()) {
        ("swallow", _) => Ok(Effect::Swallow),
        ("reset", _) => Ok(Effect::Reset),
        ("garbage", _) => Ok(Effect::Garbage),
        (_, Ok(status @ 400..=599)) => Ok(Effect::Status(status)),
        _ => Err(FaultError::Effect(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        let fault = |target, effect| Ok(Fault { target, effect });
        for (text, expected) in [
            ("token=swallow", fault(Target::Token, Effect::Swallow)),
            ("list=reset", fault(Target::List, Effect::Reset)),
            ("credentials=503", fault(Target::Credentials, Effect::Status(503))),
            ("list=garbage", fault(Target::List, Effect::Garbage)),
            ("token", Err(FaultError::Form("token".into()))),
            ("role=503", Err(FaultError::Target("role".into()))),
            ("token=200", Err(FaultError::Effect("200".into()))),
            ("token=", Err(FaultError::Effect(String::new()))),
        ] {
            assert_eq!(text.parse::<Fault>(), expected, "{text}");
        }
    }
}
