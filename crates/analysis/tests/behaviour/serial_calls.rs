//! Requests one after the other that need nothing of each other, and those that may.

use expect_test::expect;

use super::draw::{check_findings, check_words};

#[test]
fn all_about_what_the_request_names() {
    check_findings(
        "
        trace 1 lang=python
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          GET http://orders/orders?user=7&limit=20 131+180
          GET http://points/users/7 312+130
        ",
        expect![[r#"
            serial-calls: One after the other: GET profiles/users/{id}, GET orders/orders?limit&user, GET points/users/{id}, 2 of 3 calls, 250.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn all_about_what_the_first_names() {
    check_findings(
        "
        server GET /dashboard 0..900
          SELECT * FROM sessions WHERE id = 9 1+3
          GET http://profiles/users/3107 10+120
          GET http://orders/orders?user=3107 131+180
          GET http://points/users/3107 312+130
          GET http://offers/users/3107/offers 444+90
        ",
        expect![[r#"
            serial-calls: One after the other: GET profiles/users/{id}, GET orders/orders?user, GET points/users/{id} and 1 more, 3 of 4 calls, 340.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn under_spans_of_their_own() {
    check_findings(
        "
        server GET /users/{id} 0..600 url.path=/users/7
          internal profile 9+122
            GET http://profiles/users/7 10+120
          internal orders 131.2+182
            GET http://orders/users/7/orders 132+180
          internal points 313.5+132
            GET http://points/users/7 314+130
        ",
        expect![[r#"
            serial-calls: One after the other: GET profiles/users/{id}, GET orders/users/{id}/orders, GET points/users/{id}, 2 of 3 calls, 250.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn addresses_without_a_value() {
    check_findings(
        "
        server GET /home 0..700
          GET http://news/latest 10+150
          GET http://weather/today 161+200
          GET http://rates/euro 362+140
        ",
        expect![[r#"
            serial-calls: One after the other: GET news/latest, GET weather/today, GET rates/euro, 2 of 3 calls, 290.0 ms, independent_in_turn (possible)
        "#]],
    );
}

#[test]
fn different_things_of_one_service() {
    check_findings(
        "
        server GET /users/{id}/profile 0..700 url.path=/users/7/profile
          GET http://api/users/7/posts 10+150
          GET http://api/users/7/friends 161+200
          GET http://api/users/7/photos 362+140
        ",
        expect![[r#"
            serial-calls: One after the other: GET api/users/{id}/posts, GET api/users/{id}/friends, GET api/users/{id}/photos, 2 of 3 calls, 290.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn what_an_answer_may_have_brought() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          GET http://accounts/accounts/3107 131+180
          GET http://ledgers/ledgers/88123 312+130
        ",
        expect![[""]],
    );
}

#[test]
fn a_write_among_them() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..700 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          POST http://audit/users/7 131+50
          GET http://orders/orders?user=7 182+180
          GET http://points/users/7 363+130
        ",
        expect![[""]],
    );
}

#[test]
fn calls_that_decide_about_others() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://auth/users/7/permissions 10+120
          GET http://orders/orders?user=7 131+180
          GET http://flags/features?user=7 312+130
          GET http://points/users/7 443+40
        ",
        expect![[""]],
    );
}

#[test]
fn lookups_and_tokens() {
    check_findings(
        "
        trace 1 lang=go
        server GET /a 0..900
          GET http://169.254.170.2/v2/credentials/1-2 10+150
          GET http://vault/v1/secret/data/app 161+150
          GET http://idp/.well-known/openid-configuration 312+150
        ",
        expect![[""]],
    );
}

#[test]
fn statements_of_one_connection() {
    check_findings(
        "
        server GET /a 0..900
          SELECT * FROM news WHERE day = 7 10+150
          SELECT * FROM rates WHERE day = 7 161+150
          SELECT * FROM weather WHERE day = 7 312+150
        ",
        expect![[""]],
    );
}

#[test]
fn remote_procedures_tell_no_arguments() {
    check_findings(
        "
        server GET /a 0..900
          client a 10+150 rpc.system=grpc rpc.service=shop.Cart rpc.method=Get
          client b 161+150 rpc.system=grpc rpc.service=shop.Price rpc.method=List
          client c 312+150 rpc.system=grpc rpc.service=shop.Stock rpc.method=List
        ",
        expect![[""]],
    );
}

#[test]
fn work_in_between() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..700 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          GET http://orders/orders?user=7 150+180
          GET http://points/users/7 350+130
        ",
        expect![[""]],
    );
}

#[test]
fn two_of_them() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+220
          GET http://orders/orders?user=7 231+180
        ",
        expect![[""]],
    );
}

#[test]
fn already_at_one_time() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+220
          GET http://orders/orders?user=7 11+180
          GET http://points/users/7 12+130
        ",
        expect![[""]],
    );
}

#[test]
fn little_to_save() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..2000 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+30
          GET http://orders/orders?user=7 41+30
          GET http://points/users/7 72+30
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /users/{id}/dashboard, 1 of 1 calls, 1898.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn one_that_failed() {
    check_findings(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          GET http://orders/orders?user=7 131+180 =404
          GET http://points/users/7 312+130
        ",
        expect![[""]],
    );
}

#[test]
fn the_words() {
    check_words(
        "
        server GET /users/{id}/dashboard 0..500 url.path=/users/7/dashboard
          GET http://profiles/users/7 10+120
          GET http://orders/orders?user=7 131+180
          GET http://points/users/7 312+130
        ",
        expect![[r#"
            3 requests run one after the other: GET profiles/users/{id}, GET orders/orders?user, GET points/users/{id}. They take 430 ms of the critical path. What their addresses name was known before GET profiles/users/{id} began, so none of them takes its address from another's answer. Running them together saves 250 ms (50.0% of the request): all but the longest. What is not seen is whether the code decides by one answer if the next is asked for: look at that first.
              430 ms: all of them together
              250 ms: of it beside the longest
              2 of 2: of the others name values, all of which were known before the first
        "#]],
    );
}

#[test]
fn short_ids_that_an_answer_brought() {
    check_findings(
        "
        server GET /parcel 0..600
          GET http://profiles/v1/customers/7/account 10+120
          GET http://shipping/v1/accounts/r2156/parcel 131+130
          GET http://geo/v1/parcels/r8841/place 262+120
          GET http://search/v1/shops?near=x71 383+120
        ",
        expect![[""]],
    );
}

#[test]
fn short_ids_that_were_known() {
    check_findings(
        "
        server GET /parcel 0..600
          GET http://profiles/v1/prices/sku-7 10+120
          GET http://shipping/v1/stock/sku-7 131+130
          GET http://geo/v2/offers/sku-7 262+120
        ",
        expect![[r#"
            serial-calls: One after the other: GET profiles/v1/prices/sku-{id}, GET shipping/v1/stock/sku-{id}, GET geo/v2/offers/sku-{id}, 2 of 3 calls, 240.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn three_calls_of_less_than_a_tenth_of_a_second() {
    check_findings(
        "
        server GET /page 0..300
          GET http://prices/v1/prices/sku-3 10+80
          GET http://stock/v1/stock/sku-3 91+85
          GET http://shipping/v1/offers/sku-3 177+80
        ",
        expect![[r#"
            serial-calls: One after the other: GET prices/v1/prices/sku-{id}, GET stock/v1/stock/sku-{id}, GET shipping/v1/offers/sku-{id}, 2 of 3 calls, 160.0 ms, independent_in_turn (likely)
        "#]],
    );
}

#[test]
fn a_quick_query_between_them() {
    check_findings(
        "
        server GET /page 0..400
          GET http://news/latest 10+110
          SELECT * FROM settings WHERE id = $1 121+3
          GET http://weather/today 125+120
          SELECT * FROM settings WHERE id = $1 246+3
          GET http://rates/euro 250+110
        ",
        expect![[r#"
            serial-calls: One after the other: GET news/latest, GET weather/today, GET rates/euro, 2 of 3 calls, 220.0 ms, independent_in_turn (possible)
        "#]],
    );
}

#[test]
fn a_long_query_between_them() {
    check_findings(
        "
        server GET /page 0..600
          GET http://news/latest 10+110
          SELECT * FROM settings WHERE id = $1 121+60
          GET http://weather/today 182+120
          GET http://rates/euro 303+110
        ",
        expect![[""]],
    );
}

#[test]
fn a_quick_write_between_them() {
    check_findings(
        "
        server GET /page 0..400
          GET http://news/latest 10+110
          UPDATE visits SET n = $1 WHERE id = $2 121+3
          GET http://weather/today 125+120
          GET http://rates/euro 246+110
        ",
        expect![[""]],
    );
}

#[test]
fn a_quick_check_between_them() {
    check_findings(
        "
        server GET /page 0..400
          GET http://news/latest 10+110
          GET http://users/permissions 121+3
          GET http://weather/today 125+120
          GET http://rates/euro 246+110
        ",
        expect![[""]],
    );
}
