//! Logging in, staying in, getting out.

use hotspan_web::security::hash_password;

use crate::client::{Answer, Request};
use crate::payload::{envelope, recent};
use crate::server::Server;

const PASSWORD: &str = "correct horse battery";

async fn guarded(https: bool) -> Server {
    let server = Server::start(|config| {
        config.login_required = true;
        config.https = https;
    })
    .await;
    let hash = hash_password(PASSWORD).expect("a good password");
    server.state.catalogue.set_user("ann", &hash).await.expect("a user");
    server
}

async fn log_in(server: &Server, user: &str, password: &str, next: &str) -> Answer {
    let form = format!("user={user}&password={}&next={next}", password.replace(' ', "+"));
    let request =
        Request::post("/login", form).header("Content-Type", "application/x-www-form-urlencoded");
    server.ask(&request).await
}

fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_the_login_page_only() {
    let server = guarded(false).await;
    for (target, status, location) in [
        ("/", 303, Some("/login?next=/")),
        ("/issues?window=1h", 303, Some("/login?next=/issues%3Fwindow%3D1h")),
        ("/no/such/page", 303, Some("/login?next=/no/such/page")),
        ("/api/v1/stats", 401, None),
        ("/api/v1/issues", 401, None),
        ("/login", 200, None),
        ("/healthz", 200, None),
        ("/readyz", 200, None),
    ] {
        let answer = server.ask(&Request::get(target)).await;
        assert_eq!((answer.status, answer.header("location")), (status, location), "{target}");
    }
    // The doors have keys of their own.
    let door = Request::post("/api/1/envelope/", envelope(&recent("01")));
    assert_eq!(server.ask(&door).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_until_the_logout() {
    let server = guarded(false).await;
    let answer = log_in(&server, "ann", PASSWORD, "/api/v1/stats").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/api/v1/stats")));
    let set = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.contains("HttpOnly; SameSite=Strict") && !set.contains("Secure"), "{set}");
    let cookie = cookie_of(&answer);
    let stats = || Request::get("/api/v1/stats").header("Cookie", &cookie);
    assert_eq!(server.ask(&stats()).await.status, 200);
    assert_eq!(server.ask(&Request::get("/").header("Cookie", &cookie)).await.status, 200);
    let forged = Request::get("/api/v1/stats").header("Cookie", "hotspan_session=AAAA");
    assert_eq!(server.ask(&forged).await.status, 401);
    let out = Request::post("/logout", "").header("Cookie", &cookie);
    let answer = server.ask(&out).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/login")));
    assert!(answer.header("set-cookie").is_some_and(|set| set.contains("Max-Age=0")));
    assert_eq!(server.ask(&stats()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_old_sessions() {
    let server = guarded(true).await;
    let answer = log_in(&server, "ann", PASSWORD, "").await;
    let set = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.starts_with("__Host-hotspan_session=") && set.contains("; Secure"), "{set}");
    let cookie = cookie_of(&answer);
    let hash = hash_password("another password").expect("a good password");
    server.state.catalogue.set_user("ann", &hash).await.expect("a user");
    let stats = Request::get("/api/v1/stats").header("Cookie", &cookie);
    assert_eq!(server.ask(&stats).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tries_are_refused_and_then_slowed() {
    let server = guarded(false).await;
    let (statuses, moved) = server
        .moved(async {
            let mut statuses = Vec::new();
            for (user, password) in [
                ("ann", "wrong"),
                ("nobody", PASSWORD),
                ("ann", "wrong"),
                ("ann", "wrong"),
                ("ann", "wrong"),
                ("ann", "wrong"),
                ("ann", PASSWORD),
            ] {
                statuses.push(log_in(&server, user, password, "/").await.status);
            }
            statuses
        })
        .await;
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429]);
    assert_eq!(moved, "rejected_requests.login_failed+6 rejected_requests.login_too_often+1");
    let answer = log_in(&server, "nobody", "x", "https://evil.example").await;
    assert!(!answer.text().contains("evil.example"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_server_has_no_login() {
    let server = Server::open().await;
    let answer = server.ask(&Request::get("/login")).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
}
