//! What stands around the pages: names, origins, headers, limits of the
//! connection itself.

use std::sync::Arc;
use std::time::Duration;

use hotspan_web::{serve, ui_router};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Request, send_bytes};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn only_known_names_are_answered() {
    let server = Server::start(|config| config.hosts = vec!["apm.example.org".to_owned()]).await;
    for (target, host, expected) in [
        ("/", "127.0.0.1:4319", 200),
        ("/", "localhost", 200),
        ("/", "[::1]:4319", 200),
        ("/", "apm.example.org", 200),
        ("/", "evil.example", 421),
        ("/", "", 421),
        ("/api/v1/stats", "evil.example", 421),
        ("/api/v1/stats", "localhost:4319", 200),
        ("/no/such/page", "evil.example", 421),
        ("/healthz", "evil.example", 200),
    ] {
        let answer = server.ask(&Request::get(target).header("Host", host)).await;
        assert_eq!(answer.status, expected, "{target} as {host:?}: {}", answer.text());
    }
    let bare = b"GET / HTTP/1.0\r\n\r\n".to_vec();
    assert_eq!(send_bytes(server.ui, bare).await.status, 421);
    let foreign = server.counters()["rejected_requests.foreign_host"];
    assert_eq!(foreign, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_guarding_headers() {
    let server = Server::open().await;
    for target in ["/", "/api/v1/stats", "/no/such/page", "/api/v1/nothing", "/healthz"] {
        let answer = server.ask(&Request::get(target)).await;
        for (name, part) in [
            ("content-security-policy", "default-src 'none'"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            let value = answer.header(name).unwrap_or_default();
            assert!(value.contains(part), "{target} {name}: {value:?}");
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_change_nothing() {
    let server = Server::open().await;
    let post = || Request::post("/logout", "");
    for (name, request, expected) in [
        ("foreign page", post().header("Origin", "https://evil.example"), 403),
        ("foreign page, new browser", post().header("Sec-Fetch-Site", "cross-site"), 403),
        ("own page", post().header("Sec-Fetch-Site", "same-origin"), 303),
        ("no browser", post(), 303),
    ] {
        assert_eq!(server.ask(&request).await.status, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_bounded() {
    let server = Server::open().await;
    let long = Request::get("/healthz").header("X-Long", &"x".repeat(1_000_000));
    assert_eq!(server.ask(&long).await.status, 431);
    let many = (0..200).fold(Request::get("/healthz"), |request, number| {
        request.header(&format!("X-{number}"), "1")
    });
    assert_eq!(server.ask(&many).await.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_let_go() {
    let short = Duration::from_millis(200);
    let server = Server::start(|config| {
        config.header_timeout = short;
        config.body_timeout = short;
    })
    .await;
    // A silent client, half a preface, half a head: the server hangs up.
    for sent in ["", "PRI * HT", "GET / HTTP/1.1\r\nHost: local"] {
        let mut stream = TcpStream::connect(server.ui).await.expect("the server listens");
        stream.write_all(sent.as_bytes()).await.expect("sent");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
        assert!(ended.await.is_ok(), "{sent:?} kept its connection");
    }
    // Half a body: an answer that says so.
    let half = "POST /api/1/envelope/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Length: 10\r\n\r\n{}";
    let (answer, moved) = server.moved(send_bytes(server.ui, half.into())).await;
    assert_eq!((answer.status, moved.as_str()), (400, "rejected_requests.slow_body+1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_finish_when_the_server_stops() {
    let server = Server::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let router = ui_router(server.state.clone());
    let serving = tokio::spawn(serve(listener, router, Arc::clone(&server.state.config), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = "POST /api/1/envelope/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                Content-Length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    // The interim answer shows that the request is being handled.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.expect("100 Continue");
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    stop.send(()).expect("the server waits for it");
    stream.write_all(b"{}").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serving.await.expect("the server ends by itself");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
