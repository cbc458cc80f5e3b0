//! What repeats in nearly every request, cheap in each and dear in all, and
//! what is too little or too seldom.

use expect_test::expect;

use super::draw::check_issues;

/// `with` requests that have `calls` in them, then some that have none.
fn requests(with: u32, calls: &str, without: u32) -> String {
    let mut text =
        format!("trace 1 lang=ruby ×{with} every 100\nserver GET /orders 0..60\n{calls}\n");
    if without > 0 {
        let other = "server GET /orders 0..60\n  SELECT 1 1+1";
        text.push_str(&format!("trace 1 lang=ruby at=100000 ×{without} every 100\n{other}\n"));
    }
    text
}

const SAME_QUERY: &str = "  SELECT * FROM settings WHERE shop = 7 5+2 ×6 every 4";
const QUERIES: &str = "  SELECT * FROM orders WHERE user_id = $1 1+2
  SELECT * FROM items WHERE order_id = $1 5+1.6 ×7 every 3";

#[test]
fn in_every_request() {
    check_issues(
        &[
            &requests(60, SAME_QUERY, 0),
            &requests(60, "  GET http://config/tenants/7 5+3 ×4 every 6", 20),
            &requests(60, QUERIES, 0),
            &requests(60, "  GET http://prices/items/{n} 5+2 ×6 every 3", 0),
            &requests(
                60,
                "  repeat ×3 every 9
    SELECT * FROM users WHERE id = $1 5+2
    GET http://prices/items/{n} 8+3",
                0,
            ),
            &requests(
                60,
                "  SELECT * FROM orders WHERE user_id = $1 1+2
  INSERT INTO audit (order_id) VALUES ($1) 5+2 ×6 every 3",
                0,
            ),
        ],
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 0 traces, 60 of 80 requests 11.2%, same_again_in_every_request (likely) | Keep the answer for the length of the request
            n-plus-one-query: N+1 query: SELECT items, 0 traces, 60 of 60 requests 18.7%, one_for_each_in_every_request (likely) | Load the association with its rows
            n-plus-one-http: N+1 calls: GET prices/items/{id}, 0 traces, 60 of 60 requests 20.0%, one_for_each_in_every_request (likely) | Ask for all items with one request
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 0 traces, 60 of 60 requests 25.0%, one_for_each_in_every_request (likely) | Load the association with its rows
            n-plus-one-query: N+1 query: INSERT audit, 0 traces, 60 of 60 requests 20.0%, one_for_each_in_every_request (likely) | Insert or update all rows at once
        "#]],
    );
}

#[test]
fn what_it_says() {
    let records = super::draw::records(&requests(60, SAME_QUERY, 20));
    let found = &hotspan_analysis::analyze_profile(&super::draw::profile(&records))[0];
    let facts: Vec<String> =
        found.cause.facts.iter().map(|(figure, says)| format!("{figure} {says}\n")).collect();
    expect![[r#"
        60 of 80 requests ask again for what they were told before: 5 times too many a request, SELECT settings, 2.0 ms each. That is 10 ms of a request, too little for its trace to be worth a look, and 12.5% of the time of all of them. Most likely each place that needs the answer asks for it itself, and nothing keeps it for the length of a request.
        60 of 80 requests have it
        10 ms is what it costs one
    "#]].assert_eq(&format!("{}\n{}", found.cause.text, facts.concat()));
    assert_eq!(found.evidence.len(), 5);
}

#[test]
fn old_spellings_and_sentry() {
    let text = |header: &str| requests(60, SAME_QUERY, 0).replace("lang=ruby", header);
    check_issues(
        &[
            &text("style=otel-old"),
            &text("style=sentry sdk=sentry.ruby/6.6.2"),
            &text("style=span-v2 sdk=sentry.javascript.node/11"),
        ],
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
            repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
            repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the promise for the length of the request
        "#]],
    );
}

#[test]
fn in_every_run_of_a_job() {
    let runs = requests(60, SAME_QUERY, 0).replace("server GET", "internal GET");
    check_issues(
        &[&runs, &runs.replace("every 100\n", "every 3600000\n")],
        expect![[r#"
        repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
        repeated-identical-query: Repeated query: SELECT settings, 0 traces, 60 of 60 requests 16.7%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
    "#]],
    );
}

#[test]
fn both_forms_are_one_issue() {
    let some = requests(60, SAME_QUERY, 0);
    let more = requests(10, &SAME_QUERY.replace("5+2", "5+6").replace("every 4", "every 7"), 0);
    check_issues(
        &[&format!("{some}{}", more.replace("×10", "at=100000 ×10"))],
        expect![[r#"
        repeated-identical-query: Repeated query: SELECT settings, 10 traces, 70 of 70 requests 21.4%, same_query_again (very likely), same_again_in_every_request (very likely) | Keep the answer for the length of the request
    "#]],
    );
}

#[test]
fn what_traces_show_is_left_to_them() {
    let dear = SAME_QUERY.replace("5+2", "5+8").replace("every 4", "every 8");
    check_issues(
        &[&requests(40, &dear, 0)],
        expect![[r#"
        repeated-identical-query: Repeated query: SELECT settings, 40 traces, same_query_again (very likely) | Keep the answer for the length of the request
    "#]],
    );
}

#[test]
fn too_little_or_too_seldom() {
    let weak = "  SELECT * FROM settings WHERE shop = 7 5+0.8 ×6 every 4";
    let paging = "  GET http://list/items?page={n} 5+2 ×6 every 3";
    let written = "  repeat ×5 every 8
    SELECT * FROM stock WHERE item = 7 5+2
    UPDATE stock SET free = 3 WHERE item = 7 8+1";
    check_issues(
        &[
            // 4 ms of 60: dear enough by its share, but nobody waits for it.
            &requests(60, weak, 0),
            // A twentieth is not reached over all requests.
            &requests(60, SAME_QUERY, 0).replace("0..60", "0..260"),
            // In some requests only, and in too few to tell.
            &requests(40, SAME_QUERY, 60),
            &requests(29, SAME_QUERY, 0),
            // Pages, what changes in between, and caches.
            &requests(60, paging, 0),
            &requests(60, written, 0),
            &requests(60, "  client GET user:7 5+2 ×6 every 4 db.system=redis", 0),
            // Four calls are no loop.
            &requests(60, &QUERIES.replace("×7", "×4"), 0),
        ],
        expect![[""]],
    );
}

#[test]
fn one_waste_is_one_issue() {
    // A cycle whose parts repeat, and equal queries that are also many.
    let cycle = "  repeat ×6 every 8
    SELECT * FROM users WHERE id = $1 5+1.2
    SELECT * FROM rights WHERE user_id = $1 7+1.2";
    let equal = "  SELECT * FROM orders WHERE user_id = 1 1+2
  SELECT * FROM items WHERE order_id = 9 5+1.5 ×12 every 4";
    check_issues(
        &[&requests(60, cycle, 0), &requests(60, equal, 0)],
        expect![[r#"
        m-n-plus-one: Calls for each item: SELECT users, SELECT rights, 0 traces, 60 of 60 requests 24.0%, one_for_each_in_every_request (likely) | Load the association with its rows
        repeated-identical-query: Repeated query: SELECT items, 0 traces, 60 of 60 requests 27.5%, same_again_in_every_request (very likely) | Keep the answer for the length of the request
    "#]],
    );
}
