//! Search over sockets: hits, pages of them, and what is asked wrongly.

use serde_json::json;

use crate::client::Request;
use crate::payload::{attribute, protobuf, span};
use crate::server::Server;

/// A server with three spans of a trace each, the last one the newest.
async fn filled() -> Server {
    let server = Server::open().await;
    for nth in 1..=3u8 {
        let mut span = span(nth, nth);
        span.attributes = vec![attribute("nth", nth.to_string())];
        let request = Request::post("/v1/traces", protobuf(vec![span]))
            .header("Content-Type", "application/x-protobuf");
        assert_eq!(request.send(server.otlp_http).await.status, 200);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_come_newest_first_and_page_by_page() {
    let server = filled().await;
    for mode in ["spans", "traces"] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let target =
                format!("/api/v1/search?q=service:shop%20nth:*&mode={mode}&limit=1{cursor}");
            let body = server.ask(&Request::get(target)).await.json();
            assert_eq!(body["coverage"]["complete"], json!(true), "{body}");
            assert_eq!(body["stale"], json!(false), "{body}");
            found.push(body["hits"][0]["span_id"].as_str().expect("a hit").to_owned());
            match body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, ["03".repeat(8), "02".repeat(8), "01".repeat(8)], "{mode}");
    }
    let body = server.ask(&Request::get("/api/v1/search?q=nth:2")).await.json();
    let hit = &body["hits"][0];
    assert_eq!((&hit["trace_id"], &hit["service"]), (&json!("02".repeat(16)), &json!("shop")));
    assert_eq!((&hit["kind"], &hit["entry"]), (&json!("server"), &json!(true)));
    assert_eq!(body["filter"], json!("nth:\"2\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_hits_that_lead_to_the_span() {
    let server = filled().await;
    let page = server.ask(&Request::get("/search?q=nth:2")).await;
    assert_eq!(page.status, 200);
    let link = format!("/traces/{}?span={}", "02".repeat(16), "02".repeat(8));
    assert!(page.text().contains(&link), "{}", page.text());
    let empty = server.ask(&Request::get("/search?q=nth:7&mode=traces")).await;
    assert!(empty.text().contains("No trace passes this filter"), "{}", empty.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_told_what_is_wrong() {
    let server = Server::open().await;
    let ten_years = "from=1480000000000&to=1795000000000";
    for (query, says) in [
        ("q=serivce:x".to_owned(), "found `serivce`"),
        ("q=duration:fast".to_owned(), "expected a duration"),
        ("q=(a".to_owned(), "found the end"),
        ("from=2&to=1".to_owned(), "`from` is not before `to`"),
        (ten_years.to_owned(), "longer than 400 days"),
        ("from=x".to_owned(), "from"),
        ("cursor=x".to_owned(), "not a cursor"),
    ] {
        let answer = server.ask(&Request::get(format!("/api/v1/search?{query}"))).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(
            answer.json()["error"].as_str().is_some_and(|text| text.contains(says)),
            "{query}: {}",
            answer.text()
        );
        let page = server.ask(&Request::get(format!("/search?{query}"))).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text().contains("role=\"alert\""), "{query}: {}", page.text());
    }
    for query in ["mode=words", "limit=0", "limit=100000", "window=1y"] {
        let answer = server.ask(&Request::get(format!("/api/v1/search?{query}"))).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let place = server.ask(&Request::get("/api/v1/search?q=a%20serivce:x")).await.json();
    assert_eq!(place["place"], json!({"at": 2, "width": 7}));
    let page = server.ask(&Request::get("/search?q=a%20serivce:x")).await;
    assert!(page.text().contains("\n<span class=\"bad\">  ^^^^^^^</span>"), "{}", page.text());
    assert!(page.text().contains("did you mean") || page.text().contains("Did you mean"));
}
