//! Projects and their keys, users, login sessions and settings.
//!
//! Passwords and login tokens arrive here hashed. No telemetry is kept here.

use hotspan_model::UnixNanos;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::connection::Book;
use super::rows::Project;
use super::{BookError, During};

/// Number of the project that spans without a key belong to.
pub const DEFAULT_PROJECT_ID: i64 = 1;
/// Its name.
pub const DEFAULT_PROJECT: &str = "default";
/// Longest name of a project or user.
const NAME_BYTES_MAX: usize = 64;

impl Book {
    pub(super) fn ensure_default_project(&self, now: UnixNanos) -> Result<(), BookError> {
        self.write("add the default project", |transaction, _| {
            let known = project_where(transaction, "id = ?1", DEFAULT_PROJECT_ID)?;
            if known.is_none() {
                insert_project(transaction, Some(DEFAULT_PROJECT_ID), DEFAULT_PROJECT, now)?;
            }
            Ok(())
        })
    }

    /// Adds a project with a new key.
    ///
    /// # Errors
    /// When the name is no slug or is taken.
    pub fn add_project(&self, name: &str, now: UnixNanos) -> Result<Project, BookError> {
        check_slug("project", name)?;
        self.write("add a project", |transaction, _| {
            if project_where(transaction, "name = ?1", name)?.is_some() {
                return Err(BookError::Refused(format!(
                    "project {name} exists already: choose another name"
                )));
            }
            insert_project(transaction, None, name, now)
        })
    }

    /// Every project, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn projects(&self) -> Result<Vec<Project>, BookError> {
        self.read("list projects", |transaction| {
            transaction
                .prepare_cached("SELECT id, name, key, created FROM project ORDER BY id")
                .and_then(|mut statement| statement.query_map([], project_of)?.collect())
                .during("list projects")
        })
    }

    /// The project of a number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn project_by_id(&self, id: i64) -> Result<Option<Project>, BookError> {
        self.read("find a project", |transaction| project_where(transaction, "id = ?1", id))
    }

    /// The project of a name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn project_by_name(&self, name: &str) -> Result<Option<Project>, BookError> {
        self.read("find a project", |transaction| project_where(transaction, "name = ?1", name))
    }

    /// The project of a public key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn project_by_key(&self, key: &str) -> Result<Option<Project>, BookError> {
        self.read("find a project", |transaction| project_where(transaction, "key = ?1", key))
    }

    /// Adds a user, or gives a known one a new password; the latter also ends
    /// the logins made with the old one.
    ///
    /// # Errors
    /// When the name is empty or too long.
    pub fn set_user(
        &self,
        name: &str,
        password_hash: &str,
        now: UnixNanos,
    ) -> Result<(), BookError> {
        check_user_name(name)?;
        self.write("keep a user", |transaction, _| {
            transaction
                .execute("DELETE FROM login WHERE user = ?1", [name])
                .during("end logins")?;
            transaction
                .execute(
                    "INSERT INTO user VALUES (?1, ?2, ?3) ON CONFLICT (name) \
                     DO UPDATE SET password_hash = excluded.password_hash",
                    params![name, password_hash, now.0],
                )
                .during("keep a user")?;
            Ok(())
        })
    }

    /// The password hash of a user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn password_hash_of(&self, name: &str) -> Result<Option<String>, BookError> {
        self.read("find a user", |transaction| {
            transaction
                .query_row("SELECT password_hash FROM user WHERE name = ?1", [name], |row| {
                    row.get(0)
                })
                .optional()
                .during("find a user")
        })
    }

    /// Names of all users.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users(&self) -> Result<Vec<String>, BookError> {
        self.read("list users", |transaction| {
            transaction
                .prepare_cached("SELECT name FROM user ORDER BY name")
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
                .during("list users")
        })
    }

    /// Removes a user and ends their logins; false when there is none.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn remove_user(&self, name: &str) -> Result<bool, BookError> {
        self.write("remove a user", |transaction, _| {
            transaction
                .execute("DELETE FROM user WHERE name = ?1", [name])
                .map(|rows| rows > 0)
                .during("remove a user")
        })
    }

    /// Keeps a login until it expires, and forgets the expired ones.
    ///
    /// # Errors
    /// When the user is unknown or the commit fails.
    pub fn add_login(
        &self,
        token_hash: &[u8],
        user: &str,
        expires: UnixNanos,
        now: UnixNanos,
    ) -> Result<(), BookError> {
        self.write("keep a login", |transaction, _| {
            transaction
                .execute("DELETE FROM login WHERE expires <= ?1", [now.0])
                .during("forget expired logins")?;
            transaction
                .execute(
                    "INSERT OR REPLACE INTO login VALUES (?1, ?2, ?3)",
                    params![token_hash, user, expires.0],
                )
                .during("keep a login")?;
            Ok(())
        })
    }

    /// The user of a login that has not expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn login_user(
        &self,
        token_hash: &[u8],
        now: UnixNanos,
    ) -> Result<Option<String>, BookError> {
        self.read("find a login", |transaction| {
            transaction
                .query_row(
                    "SELECT user FROM login WHERE token_hash = ?1 AND expires > ?2",
                    params![token_hash, now.0],
                    |row| row.get(0),
                )
                .optional()
                .during("find a login")
        })
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn remove_login(&self, token_hash: &[u8]) -> Result<(), BookError> {
        self.write("end a login", |transaction, _| {
            transaction
                .execute("DELETE FROM login WHERE token_hash = ?1", [token_hash])
                .map(|_| ())
                .during("end a login")
        })
    }

    /// A setting that was kept.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<String>, BookError> {
        self.read("read a setting", |transaction| {
            transaction
                .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0))
                .optional()
                .during("read a setting")
        })
    }

    /// Keeps a setting.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<(), BookError> {
        self.write("keep a setting", |transaction, _| {
            transaction
                .execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", params![name, value])
                .map(|_| ())
                .during("keep a setting")
        })
    }
}

/// Names become part of URLs, directory names and headers.
fn check_slug(what: &str, name: &str) -> Result<(), BookError> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(fits) {
        return Ok(());
    }
    Err(BookError::Refused(format!(
        "{what} name {name:?} does not fit: use up to {NAME_BYTES_MAX} lower-case letters, \
         digits, '-', '_' and '.', a letter or digit first"
    )))
}

fn check_user_name(name: &str) -> Result<(), BookError> {
    let plain = !name.chars().any(char::is_control);
    if plain && !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(BookError::Refused(format!(
        "user name {name:?} does not fit: use 1 to {NAME_BYTES_MAX} printable characters"
    )))
}

fn insert_project(
    transaction: &Transaction<'_>,
    id: Option<i64>,
    name: &str,
    now: UnixNanos,
) -> Result<Project, BookError> {
    let key = new_key()?;
    transaction
        .execute("INSERT INTO project VALUES (?1, ?2, ?3, ?4)", params![id, name, key, now.0])
        .during("add a project")?;
    Ok(Project { id: transaction.last_insert_rowid(), name: name.to_owned(), key, created: now })
}

fn new_key() -> Result<String, BookError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| BookError::Random(error.to_string()))?;
    Ok(hotspan_model::TraceId(bytes).to_string())
}

fn project_where(
    transaction: &Transaction<'_>,
    condition: &'static str,
    value: impl rusqlite::ToSql,
) -> Result<Option<Project>, BookError> {
    transaction
        .prepare_cached(&format!("SELECT id, name, key, created FROM project WHERE {condition}"))
        .and_then(|mut statement| statement.query_row([value], project_of).optional())
        .during("find a project")
}

fn project_of(row: &Row<'_>) -> Result<Project, rusqlite::Error> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
        key: row.get(2)?,
        created: UnixNanos(row.get(3)?),
    })
}
