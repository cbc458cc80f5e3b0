//! Connections: names resolved, connections opened, connections waited for.

use super::draw::check;

#[test]
fn connections() {
    check(&[
        (
            "otel",
            "internal connect 1+1 net.peer.name=api",
            "Connect api: connect (connection_setup)",
        ),
        ("otel", "internal connect 1+1", "-"),
        (
            "otel-old",
            "internal tcp.connect 1+1 net.peer.name=api",
            "Connect api: connect (connection_setup)",
        ),
        (
            "otel-old",
            "internal tls.connect 1+1 net.peer.name=api",
            "Connect api: tls (connection_setup)",
        ),
        ("otel-old", "client dns.lookup 1+1", "Dns : resolve (dns)"),
        (
            "otel-old",
            "internal http.getconn 1+1 net.host.name=api:443",
            "Connect api: acquire (connection_setup)",
        ),
        (
            "otel-old",
            "internal http.connect 1+1 http.remote=10.0.0.7:443",
            "Connect 10.0.0.7: connect (connection_setup)",
        ),
        ("otel-old", "internal http.tls 1+1", "Connect : tls (connection_setup)"),
        ("otel-old", "internal http.dns 1+1 net.host.name=api", "Dns api: resolve (dns)"),
        (
            "otel",
            "internal HTTP wait_for_connection api:443 1+1",
            "Connect api: acquire (connection_setup)",
        ),
        ("otel", "internal DNS lookup api 1+1 dns.question.name=api", "Dns api: resolve (dns)"),
        (
            "otel",
            "internal TLS client handshake api 1+1 server.address=api",
            "Connect api: tls (connection_setup)",
        ),
        ("otel", "internal RESOLVE 1+1 server.address=api", "Dns api: resolve (dns)"),
        (
            "otel",
            "client SSL handshake 1+1 server.address=api",
            "Connect api: tls (connection_setup)",
        ),
        (
            "otel",
            "internal HikariDataSource.getConnection 1+1",
            "Connect : acquire (connection_setup)",
        ),
        (
            "otel",
            "internal prisma:engine:connection 1+1 db.system=postgresql",
            "Connect postgresql: acquire (connection_setup)",
        ),
        (
            "otel",
            "client PDO::__construct 1+1 db.system=mysql",
            "Connect mysql: connect (connection_setup)",
        ),
        ("sentry", "client x 1+1 sentry.op=http.connect", "Connect : connect (connection_setup)"),
        ("otel", "internal signal.connect 1+1", "-"),
        ("otel", "internal OrderService.getConnection 1+1", "-"),
    ]);
}
