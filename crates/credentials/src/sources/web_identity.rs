//! A token that an identity provider wrote to a file, as Kubernetes does, and
//! the role that STS gives for it.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::assume::Assume;
use crate::credentials::Held;
use crate::schedule::{Outcome, Report};
use crate::sts::{Answer, Sts};

/// The longest that STS takes.
const TOKEN_BYTES_MAX: u64 = 20_000;

/// Assumes one role with one token.
#[derive(Debug)]
pub struct WebIdentitySource {
    /// What the role is called at our own doors.
    pub role: String,
    /// The file with the token; read anew each time, because it is replaced.
    pub token_file: PathBuf,
    /// Which role.
    pub assume: Assume,
    /// Whom to ask.
    pub sts: Sts,
}

impl WebIdentitySource {
    pub(crate) async fn fetch(&self) -> Report {
        let answer = ask(&self.sts, &self.token_file, &self.assume).await;
        report(&self.role, answer)
    }
}

/// Sends the token of `file`.
pub(super) async fn ask(sts: &Sts, file: &std::path::Path, wanted: &Assume) -> Answer {
    match token(file) {
        Ok(token) => sts.assume_role_with(&token, wanted).await,
        Err(why) => Answer { outcome: Err(format!("token file: {why}")), date: None },
    }
}

/// What STS answered, as the schedule takes it. A refusal is never taken for a
/// role that is gone: STS says `AccessDenied` of one that is not there, of one
/// whose policy changed, and of a policy that is still on its way.
pub(super) fn report(role: &str, answer: Answer) -> Report {
    let outcome = match answer.outcome {
        Ok(credentials) => Outcome::Found(Arc::new(Held { role: role.to_owned(), credentials })),
        Err(why) => Outcome::Failed(why),
    };
    Report { outcome, date: answer.date }
}

fn token(file: &std::path::Path) -> Result<SecretString, String> {
    use std::io::Read;
    let mut text = Zeroizing::new(String::with_capacity(4 * 1_024));
    std::fs::File::open(file)
        .and_then(|file| file.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| error.kind().to_string())?;
    let token = text.trim();
    let fits = token.len() as u64 <= TOKEN_BYTES_MAX && token.bytes().all(|b| b.is_ascii_graphic());
    if token.is_empty() || !fits {
        return Err("it is empty, or what it holds is no token".to_owned());
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn tokens() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        for (text, expected) in [
            ("eyJh.b.c\n", Some("eyJh.b.c")),
            ("eyJh.b.c", Some("eyJh.b.c")),
            ("", None),
            ("\n", None),
            ("two words", None),
            (&"x".repeat(20_001), None),
        ] {
            std::fs::write(&file, text).expect("to write");
            let found = token(&file);
            let told = found.as_ref().ok().map(|token| token.expose_secret().to_owned());
            assert_eq!(told.as_deref(), expected, "{text}");
        }
        std::fs::remove_file(&file).expect("to remove");
        assert!(token(&file).is_err());
    }
}
