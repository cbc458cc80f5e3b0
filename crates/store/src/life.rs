//! What people and the server do with issues, asked of the book: async, by way
//! of a thread that may block.

use hotspan_model::UnixNanos;
use hotspan_model::comparison::MinuteFigures;
use hotspan_model::life::{Action, Deploy};

use crate::book::{Acted, Check, WatchedIssue};
use crate::{QueryKind, Store, StoreError, TimeWindow};

impl Store {
    /// Does what a person asks for; `actor` is their name, empty where nobody
    /// logs in.
    pub async fn act_on_issue(
        &self,
        id: i64,
        action: Action,
        actor: &str,
        now: UnixNanos,
    ) -> Result<Acted, StoreError> {
        let actor = actor.to_owned();
        self.with_book(move |book| book.act_on_issue(id, &action, &actor, now)).await
    }

    /// Issues whose state may change without anybody doing anything.
    pub async fn watched_issues(&self, now: UnixNanos) -> Result<Vec<WatchedIssue>, StoreError> {
        self.with_book(move |book| book.watched_issues(now)).await
    }

    /// The requests of an issue's endpoint by minute, once for each window.
    pub async fn issue_minutes(
        &self,
        id: i64,
        windows: Vec<TimeWindow>,
    ) -> Result<Vec<Vec<MinuteFigures>>, StoreError> {
        self.ask(QueryKind::Profile, move |book| book.issue_minutes(id, &windows)).await
    }

    /// Wall time that an issue cost in a window.
    pub async fn issue_wall_ns(&self, id: i64, window: TimeWindow) -> Result<i64, StoreError> {
        self.with_book(move |book| book.issue_wall_ns(id, window)).await
    }

    /// Keeps what the server found out about an issue; false when the issue is
    /// not any more as it was when the server looked.
    pub async fn keep_check(&self, check: Check) -> Result<bool, StoreError> {
        self.with_book(move |book| book.keep_check(&check)).await
    }

    /// Deploys of a service in a window, oldest first.
    pub async fn deploys(
        &self,
        project: &str,
        service: &str,
        window: TimeWindow,
    ) -> Result<Vec<Deploy>, StoreError> {
        let (project, service) = (project.to_owned(), service.to_owned());
        self.with_book(move |book| book.deploys(&project, &service, window)).await
    }

    /// Keeps a deploy that somebody told; false when it is known already.
    pub async fn add_deploy(&self, deploy: Deploy) -> Result<bool, StoreError> {
        self.with_book(move |book| book.add_deploy(&deploy)).await
    }
}
