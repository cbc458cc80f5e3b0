//! Passwords: hashed with Argon2id, verified away from the async threads.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use thiserror::Error;

/// Passwords are refused below this length (NIST SP 800-63B asks for at least
/// eight characters; twelve keeps guessing hopeless without further rules).
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longer passwords are refused: hashing time would be the sender's choice.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Why a password cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PasswordError {
    /// Too easy to guess.
    #[error("password has fewer than {PASSWORD_CHARS_MIN} characters: choose a longer one")]
    TooShort,
    /// Longer than anyone types.
    #[error("password has more than {PASSWORD_BYTES_MAX} bytes: choose a shorter one")]
    TooLong,
    /// The system has no random numbers, or memory ran out.
    #[error("password could not be hashed: {0}")]
    Hashing(String),
}

/// The text to store for a password: Argon2id, random salt, PHC format.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| PasswordError::Hashing(error.to_string()))
}

/// Whether `password` is the one behind `stored`. Takes tens of milliseconds
/// and 19 MiB by design: call it on a blocking thread.
///
/// Without a stored hash the same work is done for nothing, so that answer
/// times do not tell which user names exist.
pub(crate) fn verify_password(password: &str, stored: Option<&str>) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let parsed = stored.and_then(|stored| PasswordHash::new(stored).ok());
    match parsed {
        Some(hash) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
        None => {
            let mut spent = [0u8; 32];
            let spending = Argon2::default().hash_password_into(
                password.as_bytes(),
                b"no such user: salt",
                &mut spent,
            );
            std::hint::black_box((spending.is_ok(), spent));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_own_password_only() {
        let hash = hash_password("correct horse battery").expect("hashable");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(verify_password("correct horse battery", Some(&hash)));
        assert!(!verify_password("correct horse batterx", Some(&hash)));
        assert!(!verify_password("correct horse battery", None));
        assert!(!verify_password("correct horse battery", Some("not a hash")));
    }

    #[test]
    fn unusable_passwords_say_why() {
        assert_eq!(hash_password("short"), Err(PasswordError::TooShort));
        assert_eq!(hash_password(&"x".repeat(1025)), Err(PasswordError::TooLong));
    }
}
