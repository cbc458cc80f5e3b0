//! Projects, users and logins, for the server and for the command line, which
//! may use the data directory while a server runs on it.

use std::path::Path;
use std::sync::Arc;

use hotspan_model::UnixNanos;

use crate::book::{Book, DEFAULT_PROJECT, Project, book_path};
use crate::clock::now;
use crate::disk::RealDisk;
use crate::{Store, StoreError, open};

/// Who may send and who may look. A cheap handle.
#[derive(Debug, Clone)]
pub struct Catalogue {
    book: Arc<Book>,
}

impl Catalogue {
    /// Opens the catalogue of a data directory beside a server that may be
    /// running on it.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let data_dir = data_dir.to_owned();
        let book = tokio::task::spawn_blocking(move || {
            let data_dir = open::prepare(&data_dir, &RealDisk)?;
            Ok::<_, StoreError>(Book::open(&book_path(&data_dir), now())?)
        })
        .await??;
        Ok(Self { book: Arc::new(book) })
    }

    async fn with<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Book) -> Result<T, crate::book::BookError> + Send + 'static,
    {
        let book = Arc::clone(&self.book);
        Ok(tokio::task::spawn_blocking(move || work(&book)).await??)
    }

    /// Adds a project with a new key.
    pub async fn add_project(&self, name: &str) -> Result<Project, StoreError> {
        let name = name.to_owned();
        self.with(move |book| book.add_project(&name, now())).await
    }

    /// Every project, by number.
    pub async fn projects(&self) -> Result<Vec<Project>, StoreError> {
        self.with(|book| book.projects()).await
    }

    /// True when somebody added a project.
    pub async fn has_projects_beyond_default(&self) -> Result<bool, StoreError> {
        Ok(self.projects().await?.iter().any(|project| project.name != DEFAULT_PROJECT))
    }

    /// The project of a number.
    pub async fn project_by_id(&self, id: i64) -> Result<Option<Project>, StoreError> {
        self.with(move |book| book.project_by_id(id)).await
    }

    /// The project of a name.
    pub async fn project_by_name(&self, name: &str) -> Result<Option<Project>, StoreError> {
        let name = name.to_owned();
        self.with(move |book| book.project_by_name(&name)).await
    }

    /// The project of a public key.
    pub async fn project_by_key(&self, key: &str) -> Result<Option<Project>, StoreError> {
        let key = key.to_owned();
        self.with(move |book| book.project_by_key(&key)).await
    }

    /// Adds a user, or gives a known one a new password, which ends the logins
    /// made with the old one.
    pub async fn set_user(&self, name: &str, password_hash: &str) -> Result<(), StoreError> {
        let (name, password_hash) = (name.to_owned(), password_hash.to_owned());
        self.with(move |book| book.set_user(&name, &password_hash, now())).await
    }

    /// The password hash of a user.
    pub async fn password_hash_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.with(move |book| book.password_hash_of(&name)).await
    }

    /// Names of all users.
    pub async fn users(&self) -> Result<Vec<String>, StoreError> {
        self.with(|book| book.users()).await
    }

    /// Removes a user with their logins; false when there is none of that name.
    pub async fn remove_user(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.with(move |book| book.remove_user(&name)).await
    }

    /// Keeps a login by the hash of its token.
    pub async fn add_login(
        &self,
        token_hash: &[u8],
        user: &str,
        expires: UnixNanos,
    ) -> Result<(), StoreError> {
        let (token_hash, user) = (token_hash.to_vec(), user.to_owned());
        self.with(move |book| book.add_login(&token_hash, &user, expires, now())).await
    }

    /// The user of a login that has not expired.
    pub async fn login_user(&self, token_hash: &[u8]) -> Result<Option<String>, StoreError> {
        let token_hash = token_hash.to_vec();
        self.with(move |book| book.login_user(&token_hash, now())).await
    }

    /// Ends a login.
    pub async fn remove_login(&self, token_hash: &[u8]) -> Result<(), StoreError> {
        let token_hash = token_hash.to_vec();
        self.with(move |book| book.remove_login(&token_hash)).await
    }

    /// A setting the server keeps for itself.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.with(move |book| book.setting(&name)).await
    }

    /// Keeps a setting.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.with(move |book| book.set_setting(&name, &value)).await
    }
}

impl Store {
    /// Projects, users and logins.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue { book: Arc::clone(&self.inner.book) }
    }
}
