//! Which values addresses name, and how spans say that time was over.

use super::draw::digest_of;
use hotspan_analysis::digest::Remark;

#[test]
fn what_is_known_before() {
    for (known, asks, is_known) in [
        ("GET http://a/users/7 1+1", "GET http://b/v1/orders?user=7 1+1", true),
        ("GET http://a/users/7 1+1", "GET http://b/orders?user=8 1+1", false),
        ("GET http://a/users/7 1+1", "GET http://b/orders/7?limit=20&sort=name 1+1", true),
        ("GET http://a/users/7 1+1", "GET http://b/orders?user=7&cart=9 1+1", false),
        ("GET http://a/users/7 1+1", "GET http://b/rates 1+1", true),
        ("GET http://a/users/me 1+1", "GET http://b/accounts/31 1+1", false),
        (
            "GET http://a/u/123e4567-e89b-12d3-a456-426614174000 1+1",
            "GET http://b/o?u=123e4567-e89b-12d3-a456-426614174000 1+1",
            true,
        ),
        ("GET http://a/users/7 1+1", "GET http://b/x?a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8 1+1", false),
    ] {
        let (known, asks) = (digest_of("otel", known).values, digest_of("otel", asks).values);
        assert_eq!(asks & !known == 0, is_known, "{known:x} {asks:x}");
    }
}

#[test]
fn time_was_over() {
    for (told, over) in [
        ("", false),
        ("=504", true),
        ("=500", false),
        ("!error", false),
        ("!error error.type=timeout", true),
        ("!error error.type=Net::ReadTimeout", true),
        ("!error error.type=System.Threading.Tasks.TaskCanceledException", false),
        ("!error rpc.grpc.status_code=4", true),
        ("error.type=timeout", false),
    ] {
        let digest = digest_of("otel", &format!("GET http://a/ 1+1 {told}"));
        assert_eq!(digest.remark == Remark::TimedOut, over, "{told}");
    }
}
