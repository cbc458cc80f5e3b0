//! What lookups cost: wall time that the request waited for.

use expect_test::expect;

use super::draw::check;

/// Three calls from `at` on, 20 ms each.
fn triplet(indent: usize, at: u32) -> String {
    let pad = " ".repeat(indent);
    format!(
        "{pad}PUT http://169.254.169.254/latest/api/token {at}+20
{pad}GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ {}+20
{pad}GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role {}+20\n",
        at + 20,
        at + 40
    )
}

fn request(lines: &str) -> String {
    format!("trace 1 lang=ruby\nserver GET /r 0..1000\n{lines}")
}

fn triplets(indent: usize, starts: [u32; 3]) -> String {
    starts.map(|at| triplet(indent, at)).concat()
}

#[test]
fn in_the_action_or_beside_it() {
    let nested = format!("  internal action 10..990\n{}", triplets(4, [50, 300, 600]));
    check(
        &request(&nested),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 180.0 own 820.0
          aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
          -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
    let beside = format!("  internal action 10..990\n{}", triplets(2, [50, 300, 600]));
    check(
        &request(&beside),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 180.0 own 820.0
          aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
          -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn beside_an_action_that_covers_only_part() {
    // The first call begins before the action: no cover, still waited for.
    let beside = format!("  internal action 60..990\n{}", triplets(2, [50, 300, 600]));
    check(
        &request(&beside),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 180.0 own 820.0
          aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
          -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn parallel_lookups_count_once() {
    let task = format!("  internal upload 10..500\n{}", triplet(4, 50));
    check(
        &request(&task.repeat(3)),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 60.0 own 940.0
          aws-imds: 3 lookups, 9 calls, 60.0 ms, hidden 0.0 ms
          -> AWS credential lookups 6.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn lookups_that_nobody_waits_for_cost_nothing() {
    let prefetch = format!("  internal prefetch 10..700\n{}", triplets(4, [50, 300, 600]));
    let work = "  internal work 0..990\n    SELECT 1 5+980\n";
    check(
        &request(&format!("{prefetch}{work}")),
        expect![[r#"
        http `GET /r`: 1000.0 ms = database 980.0 own 20.0
          aws-imds: 3 lookups, 9 calls, 0.0 ms, hidden 0.0 ms
    "#]],
    );
}

#[test]
fn overlaps_by_rounding_lose_nothing() {
    check(
        &request(
            "  internal action 1..999
    repeat ×3 every 300
      PUT http://169.254.169.254/latest/api/token 10+21
      GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 30+21
      GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 50+20
",
        ),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 180.0 own 820.0
              aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
              -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
        "#]],
    );
}

#[test]
fn the_sdk_operation_around_a_lookup_is_not_counted() {
    let inside = format!("  aws S3.PutObject 40..400\n{}", triplet(4, 50));
    check(
        &request(&format!("{inside}{}", triplets(2, [500, 600, 700]))),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 240.0 rpc 300.0 own 460.0
          aws-imds: 4 lookups, 12 calls, 240.0 ms, hidden 0.0 ms
          -> AWS credential lookups 24.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
    // Beside it, as some instrumentations hang it.
    let beside = format!("  aws S3.PutObject 40..400\n{}", triplets(2, [50, 150, 250]));
    check(
        &request(&beside),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 180.0 rpc 180.0 own 640.0
          aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
          -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn connecting_is_not_counted_unless_it_happens_inside() {
    let connect = "  internal connect 30..50 net.peer.name=169.254.169.254\n";
    check(
        &request(&format!("{connect}{}", triplets(2, [50, 300, 600]))),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 180.0 connection_setup 20.0 own 800.0
          aws-imds: 3 lookups, 9 calls, 180.0 ms, hidden 0.0 ms
          -> AWS credential lookups 18.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
    let inside = "  PUT http://169.254.169.254/latest/api/token 50+20
    internal connect 50..60 net.peer.name=169.254.169.254
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 70+20
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 90+20\n";
    check(
        &request(&format!("{inside}{}", triplets(2, [300, 400, 600]))),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 240.0 own 760.0
          aws-imds: 4 lookups, 12 calls, 240.0 ms, hidden 0.0 ms
          -> AWS credential lookups 24.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn time_after_the_entry_span_ended_is_nobody_s() {
    check(
        &request(&triplets(2, [500, 900, 960])),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 160.0 own 840.0
          aws-imds: 3 lookups, 9 calls, 160.0 ms, hidden 0.0 ms
          -> AWS credential lookups 16.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
}
