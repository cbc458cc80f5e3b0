//! Requests that are made once for each item, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn a_request_for_each_item() {
    check_findings(
        "
        server GET /cart 0..400
          GET http://catalog/carts/7 5+10
          GET http://prices/items/{n} 20+8 ×10 every 12
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET prices/items/{id}, 10 of 10 calls, 80.0 ms, request_per_row (very likely)
        "#]],
    );
}

#[test]
fn after_a_query_and_at_one_time() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          GET http://prices/items/{n} 20+60 ×8 every 3
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET prices/items/{id}, 8 of 8 calls, 81.0 ms, request_per_row (likely)
        "#]],
    );
}

#[test]
fn over_parents() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          repeat ×6 every 30
            internal resolve Item.price 20+28
              GET http://prices/items/{n} 22+20
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET prices/items/{id}, 6 of 6 calls, 120.0 ms, request_per_row (likely)
        "#]],
    );
}

#[test]
fn remote_procedures() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          client shop.Prices/Get 20+8 ×10 every 12 rpc.system=grpc rpc.service=shop.Prices rpc.method=Get
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: shop.Prices/Get, 10 of 10 calls, 80.0 ms, request_per_row (very likely)
        "#]],
    );
}

#[test]
fn copies_of_one_host() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          GET http://10.0.0.1/items/{n} 20+8 ×3 every 24
          GET http://10.0.0.27/items/2{n} 32+8 ×3 every 24
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET 10.0.0.1/items/{id}, 6 of 6 calls, 48.0 ms, request_per_row (likely)
        "#]],
    );
}

#[test]
fn an_operation_with_its_request_counts_once() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          repeat ×6 every 20
            client shop.Prices/Get 20+18 rpc.system=grpc rpc.service=shop.Prices rpc.method=Get
              POST http://prices/shop.Prices/Get 21+16
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: shop.Prices/Get, 6 of 6 calls, 108.0 ms, request_per_row (likely)
        "#]],
    );
}

#[test]
fn a_first_page_for_each() {
    check_findings(
        "
        server GET /feed 0..400
          GET http://users/friends 5+10
          GET http://posts/of/1?page=1 20+10
          GET http://posts/of/2?page=1 32+10
          GET http://posts/of/3?page=1 44+10
          GET http://posts/of/4?page=1 56+10
          GET http://posts/of/5?page=1 68+10
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET posts/of/{id}?page, 5 of 5 calls, 50.0 ms, request_per_row (likely)
        "#]],
    );
}

#[test]
fn without_anything_before_them() {
    check_findings(
        "
        server POST /notify 0..400
          POST http://mail/send 20+20 ×8 every 25
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: POST mail/send, 8 of 8 calls, 160.0 ms, request_per_item (likely)
        "#]],
    );
}

#[test]
fn four_are_too_few() {
    check_findings(
        "
        server GET /cart 0..400
          GET http://catalog/carts/7 5+10
          GET http://prices/items/{n} 20+18 ×4 every 22
        ",
        expect![[""]],
    );
}

#[test]
fn pages_of_one_list() {
    check_findings(
        "
        server GET /sync 0..900
          GET http://catalog/carts/7 5+10
          GET http://crm/contacts?page=1 20+60
          GET http://crm/contacts?page=2 90+60
          GET http://crm/contacts?page=3 160+60
          GET http://crm/contacts?page=4 230+60
          GET http://crm/contacts?page=5 300+60
        ",
        expect![[""]],
    );
}

#[test]
fn pages_by_cursor() {
    check_findings(
        "
        server GET /sync 0..900
          GET http://crm/contacts?cursor=a 20+60
          GET http://crm/contacts?cursor=b 90+60
          GET http://crm/contacts?cursor=c 160+60
          GET http://crm/contacts?cursor=d 230+60
          GET http://crm/contacts?cursor=e 300+60
        ",
        expect![[""]],
    );
}

#[test]
fn files() {
    check_findings(
        "
        server POST /upload 0..900
          SELECT * FROM uploads WHERE id = $1 5+10
          PUT http://bucket.s3.amazonaws.com/tmp/1 20+60 ×10 every 70
        ",
        expect![[""]],
    );
}

#[test]
fn files_by_an_sdk() {
    check_findings(
        "
        server POST /upload 0..900
          SELECT * FROM uploads WHERE id = $1 5+10
          repeat ×10 every 70
            aws S3.PutObject 20+60
              PUT http://bucket.s3.amazonaws.com/tmp/1 21+58
        ",
        expect![[""]],
    );
}

#[test]
fn health_checks() {
    check_findings(
        "
        server GET /overview 0..900
          SELECT * FROM services 5+10
          GET http://a/healthz 20+30 ×10 every 35
        ",
        expect![[""]],
    );
}

#[test]
fn graphql_may_ask_for_anything() {
    check_findings(
        "
        server GET /page 0..900
          SELECT * FROM pages WHERE id = $1 5+10
          POST http://api/graphql 20+30 ×10 every 35
        ",
        expect![[""]],
    );
}

#[test]
fn polling_for_a_result() {
    check_findings(
        "
        server POST /render 0..9000
          POST http://render/jobs 5+10
          GET http://render/jobs/7 100+20 ×12 every 500
        ",
        expect![[""]],
    );
}

#[test]
fn credential_lookups_are_told_as_such() {
    check_findings(
        "
        trace 1 lang=ruby
        server POST /up 0..2000
          repeat ×10 every 100
            PUT http://169.254.169.254/latest/api/token 10+10
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+10
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 30+10
        ",
        expect![[r#"
            credential-lookup: AWS credential lookups, 10 of 30 calls, 300.0 ms, new_provider_per_use (very likely)
        "#]],
    );
}

#[test]
fn websockets() {
    check_findings(
        "
        server GET /live 0..900
          SELECT * FROM rooms WHERE id = $1 5+10
          GET http://rooms/join/{n} 20+30 ×6 every 35 =101
        ",
        expect![[""]],
    );
}

#[test]
fn parts_of_a_store_that_are_all_asked() {
    check_findings(
        "
        server GET /search 0..400
          SELECT * FROM users WHERE id = $1 5+10
          GET http://shard{n}/v1/search?q=shoes 20+60 ×16 every 2
        ",
        expect![[""]],
    );
}

#[test]
fn copies_that_are_asked_for_different_things() {
    check_findings(
        "
        server GET /cart 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          GET http://prices-{n}/items/{n} 20+8 ×10 every 12
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: GET prices-1/items/{id}, 10 of 10 calls, 80.0 ms, request_per_row (very likely)
        "#]],
    );
}

#[test]
fn a_put_for_each_item() {
    check_findings(
        "
        server POST /reserve 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          PUT http://stock/v1/stock/{n}/reservation 20+8 ×10 every 12
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: PUT stock/v1/stock/{id}/reservation, 10 of 10 calls, 80.0 ms, request_per_row (very likely)
        "#]],
    );
}

#[test]
fn a_put_for_each_file() {
    check_findings(
        "
        server POST /store 0..400
          SELECT * FROM items WHERE cart_id = $1 5+10
          PUT http://127.0.0.3/bucket/{n} 20+8 ×10 every 12
          PUT http://docs/v1/letters/{n}.pdf 150+8 ×10 every 12
        ",
        expect![[""]],
    );
}

#[test]
fn the_same_thing_put_again() {
    check_findings(
        "
        server POST /job 0..400
          SELECT * FROM jobs WHERE id = $1 5+10
          PUT http://jobs/v1/jobs/7/progress 20+8 ×10 every 12
        ",
        expect![[""]],
    );
}
