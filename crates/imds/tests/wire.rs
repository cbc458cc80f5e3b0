//! Requests and the bytes that come back, over a real socket. The date, the
//! only thing that differs between runs besides tokens, is masked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use hotspan_imds::civil::UnixSeconds;
use hotspan_imds::credentials::{CredentialSource, Credentials};
use hotspan_imds::documents::Instance;
use hotspan_imds::fault::Faults;
use hotspan_imds::record::{Record, Version};
use hotspan_imds::secret::Secret;
use hotspan_imds::server::Server;
use hotspan_imds::service::{Behaviour, Service};
use hotspan_imds::token::TokenKey;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Fixed;

impl CredentialSource for Fixed {
    fn credentials(&self, _now: UnixSeconds) -> Option<Credentials> {
        Some(Credentials {
            access_key_id: "ASIATEST".to_owned(),
            secret_access_key: Secret::new("the-secret/access+key".to_owned()),
            session_token: Secret::new("the-session-token".to_owned()),
            last_updated: UnixSeconds(1_795_400_000),
            expiration: UnixSeconds(1_795_421_600),
        })
    }
}

struct Nothing;

impl CredentialSource for Nothing {
    fn credentials(&self, _now: UnixSeconds) -> Option<Credentials> {
        None
    }
}

fn behaviour() -> Behaviour {
    Behaviour {
        role: "app-role".to_owned(),
        instance: Instance {
            id: "i-0123456789abcdef0".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            availability_zone: "eu-central-1a".to_owned(),
            instance_type: "m7g.large".to_owned(),
            image_id: "ami-0123456789abcdef0".to_owned(),
            private_ip: "10.0.1.17".to_owned(),
            started: UnixSeconds(1_795_000_000),
        },
        allows_v1: true,
        has_extended: false,
        forwarded_status: StatusCode::FORBIDDEN,
        container_token: None,
        faults: Faults::default(),
    }
}

/// A running server, and what it told its observer.
struct Running {
    address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
}

async fn start(behaviour: Behaviour, source: impl CredentialSource) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let records = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&records);
    let service = Service::new(behaviour, TokenKey::new([7; 64]), source);
    let server = Server::new(service, Duration::ZERO, move |record: Record| {
        seen.lock().expect("records").push(record);
    });
    tokio::spawn(server.run(listener));
    Running { address, records }
}

impl Running {
    /// Sends `head` (lines without their ends) and reads until the server closes.
    async fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("to connect");
        let request = format!("{}\r\n\r\n", head.trim().replace('\n', "\r\n"));
        stream.write_all(request.as_bytes()).await.expect("to send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    async fn status(&self, head: &str) -> String {
        let answer = self.ask(head).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// A token as an SDK gets it.
    async fn token(&self) -> String {
        let answer = self
            .ask("PUT /latest/api/token HTTP/1.1\nHost: 169.254.169.254\nX-aws-ec2-metadata-token-ttl-seconds: 21600")
            .await;
        answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
    }
}

fn masked(answer: &str) -> String {
    let lines = answer.split("\r\n").map(|line| match line.split_once(": ") {
        Some(("Date", _)) => "Date: …".to_owned(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn answers_are_those_of_ec2() {
    let server = start(behaviour(), Fixed).await;
    let check = async |head: &str, expected: Expect| {
        expected.assert_eq(&masked(&server.ask(head).await));
    };
    check(
        "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
            HTTP/1.1 200 OK
            Content-Type: text/plain
            Accept-Ranges: none
            Last-Modified: Wed, 18 Nov 2026 11:06:40 GMT
            Content-Length: 8
            Server: EC2ws
            Connection: close
            Date: …

            app-role"#]],
    )
    .await;
    check(
        "GET /latest/meta-data/iam/security-credentials/app-role HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
            HTTP/1.1 200 OK
            Content-Type: text/plain
            Accept-Ranges: none
            Last-Modified: Mon, 23 Nov 2026 02:13:20 GMT
            Content-Length: 240
            Server: EC2ws
            Connection: close
            Date: …

            {
              "Code" : "Success",
              "LastUpdated" : "2026-11-23T02:13:20Z",
              "Type" : "AWS-HMAC",
              "AccessKeyId" : "ASIATEST",
              "SecretAccessKey" : "the-secret/access+key",
              "Token" : "the-session-token",
              "Expiration" : "2026-11-23T08:13:20Z"
            }"#]],
    )
    .await;
    check(
        "GET /latest/meta-data/nothing HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
        HTTP/1.1 404 Not Found
        Content-Type: text/html
        Content-Length: 339
        Server: EC2ws
        Connection: close
        Date: …

        <?xml version="1.0" encoding="iso-8859-1"?>
        <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
        		 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
        <html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
         <head>
          <title>404 - Not Found</title>
         </head>
         <body>
          <h1>404 - Not Found</h1>
         </body>
        </html>
    "#]],
    )
    .await;
    check(
        "PUT /latest/api/token HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
        HTTP/1.1 400 Bad Request
        Content-Type: text/html
        Content-Length: 343
        Server: EC2ws
        Connection: close
        Date: …

        <?xml version="1.0" encoding="iso-8859-1"?>
        <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
        		 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
        <html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
         <head>
          <title>400 - Bad Request</title>
         </head>
         <body>
          <h1>400 - Bad Request</h1>
         </body>
        </html>
    "#]],
    )
    .await;
    check(
        "PUT /latest/api/token/ HTTP/1.1\nHost: 169.254.169.254\nX-aws-ec2-metadata-token-ttl-seconds: 60",
        expect![[r#"
            HTTP/1.1 403 Forbidden
            Content-Type: text/plain
            Server: EC2ws
            Connection: close
            Content-Length: 0
            Date: …

        "#]],
    )
    .await;
    check(
        "GET /latest/api/token HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
        HTTP/1.1 405 Not Allowed
        Content-Type: text/plain
        Allow: OPTIONS, PUT
        Server: EC2ws
        Connection: close
        Content-Length: 0
        Date: …

    "#]],
    )
    .await;
    check(
        "GET /latest/dynamic/instance-identity/document HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
            HTTP/1.1 200 OK
            Content-Type: text/plain
            Accept-Ranges: none
            Last-Modified: Wed, 18 Nov 2026 11:06:40 GMT
            Content-Length: 480
            Server: EC2ws
            Connection: close
            Date: …

            {
              "accountId" : "123456789012",
              "architecture" : "x86_64",
              "availabilityZone" : "eu-central-1a",
              "billingProducts" : null,
              "devpayProductCodes" : null,
              "marketplaceProductCodes" : null,
              "imageId" : "ami-0123456789abcdef0",
              "instanceId" : "i-0123456789abcdef0",
              "instanceType" : "m7g.large",
              "kernelId" : null,
              "pendingTime" : "2026-11-18T11:06:40Z",
              "privateIp" : "10.0.1.17",
              "ramdiskId" : null,
              "region" : "eu-central-1",
              "version" : "2017-09-30"
            }"#]],
    )
    .await;
    check(
        "GET /latest/meta-data/iam/info HTTP/1.1\nHost: 169.254.169.254",
        expect![[r#"
        HTTP/1.1 200 OK
        Content-Type: text/plain
        Accept-Ranges: none
        Last-Modified: Wed, 18 Nov 2026 11:06:40 GMT
        Content-Length: 194
        Server: EC2ws
        Connection: close
        Date: …

        {
          "Code" : "Success",
          "LastUpdated" : "2026-11-18T11:06:40Z",
          "InstanceProfileArn" : "arn:aws:iam::123456789012:instance-profile/app-role",
          "InstanceProfileId" : "AIPAEMULATED00000000"
        }"#]],
    )
    .await;
    check("GET /v2/credentials/0f1e HTTP/1.1\nHost: 169.254.170.2", expect![[r#"
        HTTP/1.1 200 OK
        Content-Type: application/json
        Content-Length: 184
        Server: EC2ws
        Connection: close
        Date: …

        {"RoleArn":"arn:aws:iam::123456789012:role/app-role","AccessKeyId":"ASIATEST","SecretAccessKey":"the-secret/access+key","Token":"the-session-token","Expiration":"2026-11-23T08:13:20Z"}"#]]).await;
}

#[tokio::test]
async fn a_token_opens_the_documents_and_tells_its_remaining_life() {
    let required = Behaviour { allows_v1: false, ..behaviour() };
    let server = start(required, Fixed).await;
    let token = server.token().await;
    assert_eq!(token.len(), 56);
    let list = "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\nHost: 169.254.169.254";
    let answer = server.ask(&format!("{list}\nX-aws-ec2-metadata-token: {token}")).await;
    let remaining = answer
        .lines()
        .find_map(|line| line.strip_prefix("X-Aws-Ec2-Metadata-Token-Ttl-Seconds: "))
        .and_then(|seconds| seconds.parse::<i64>().ok())
        .expect("the remaining life");
    assert!((21_000..=21_600).contains(&remaining), "{remaining}");
    assert!(answer.ends_with("\r\n\r\napp-role"), "{answer}");
    assert_eq!(server.status(list).await, "401");
    let forged = format!("{list}\nX-aws-ec2-metadata-token: {}", "A".repeat(56));
    assert_eq!(server.status(&forged).await, "401");
}

#[tokio::test]
async fn requests_and_their_statuses() {
    let server = start(behaviour(), Fixed).await;
    let put = "PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1";
    let ttl = "X-aws-ec2-metadata-token-ttl-seconds";
    let get = |path: &str| format!("GET {path} HTTP/1.1\nHost: 127.0.0.1");
    let table = [
        (format!("{put}\n{ttl}: 1"), "200"),
        (format!("{put}\n{ttl}: 21600"), "200"),
        (format!("{put}\n{ttl}: 0"), "400"),
        (format!("{put}\n{ttl}: 21601"), "400"),
        (format!("{put}\n{ttl}: an hour"), "400"),
        (format!("{put}\n{ttl}: 60\nX-Forwarded-For: 10.0.0.1"), "403"),
        (format!("{put}\n{ttl}: 60\nForwarded: for=10.0.0.1"), "403"),
        (format!("PUT //latest/api/token HTTP/1.1\nHost: 127.0.0.1\n{ttl}: 60"), "200"),
        ("POST /latest/api/token HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0".into(), "405"),
        ("DELETE /latest/meta-data/ HTTP/1.1\nHost: 127.0.0.1".into(), "405"),
        (get("/latest/meta-data/instance-id"), "200"),
        (get("/latest/meta-data/instance-id/"), "200"),
        (get("//latest/meta-data/placement/availability-zone/"), "200"),
        (get("/2021-07-15/meta-data/placement/region"), "200"),
        (get("/latest/meta-data"), "200"),
        (get("/latest/user-data"), "404"),
        (get("/latest/meta-data/iam/security-credentials/other"), "404"),
        (get("/latest/meta-data/iam/security-credentials-extended/"), "404"),
        (get("/latest/meta-data/iam/security-credentials-extended/app-role"), "404"),
        (get("/v1/credentials"), "200"),
        ("GET /latest/meta-data/ HTTP/1.1\nHost: evil.example".into(), "403"),
        (format!("{}\nOrigin: http://evil.example", get("/latest/meta-data/")), "403"),
        (format!("{}\nSec-Fetch-Site: cross-site", get("/latest/meta-data/")), "403"),
        (get(&format!("/latest/{}", "a".repeat(2_000))), "404"),
        (format!("{}\nX-Long: {}", get("/latest/"), "a".repeat(20_000)), "431"),
        ("nonsense".into(), "400"),
    ];
    for (head, status) in table {
        assert_eq!(server.status(&head).await, status, "{:.120}", head);
    }
}

#[tokio::test]
async fn the_extended_path_adds_the_account_where_it_exists() {
    let server = start(Behaviour { has_extended: true, ..behaviour() }, Fixed).await;
    let path = "/latest/meta-data/iam/security-credentials-extended/app-role";
    let answer = server.ask(&format!("GET {path} HTTP/1.1\nHost: 127.0.0.1")).await;
    assert!(answer.contains("\"AccountId\" : \"123456789012\""), "{answer}");
}

#[tokio::test]
async fn containers_must_send_their_token() {
    let server = start(
        Behaviour {
            container_token: Some(Secret::new("container-token".to_owned())),
            ..behaviour()
        },
        Fixed,
    )
    .await;
    let get = "GET /v2/credentials/x HTTP/1.1\nHost: 169.254.170.2";
    for (authorization, status) in [
        ("", "401"),
        ("\nAuthorization: container-token", "200"),
        ("\nAuthorization: container-toke", "401"),
    ] {
        let head = format!("{get}{authorization}");
        assert_eq!(server.status(&head).await, status, "{authorization}");
    }
}

#[tokio::test]
async fn without_credentials_it_says_so_and_never_200() {
    let server = start(behaviour(), Nothing).await;
    for path in ["/latest/meta-data/iam/security-credentials/app-role", "/v2/credentials/x"] {
        let head = format!("GET {path} HTTP/1.1\nHost: 127.0.0.1");
        assert_eq!(server.status(&head).await, "503", "{path}");
    }
}

#[tokio::test]
async fn faults_hit_their_step_only() {
    let token =
        "PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 60";
    let list = "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\nHost: 127.0.0.1";
    let credentials =
        "GET /latest/meta-data/iam/security-credentials/app-role HTTP/1.1\nHost: 127.0.0.1";
    for (fault, statuses) in [
        ("token=400", ["400", "200", "200"]),
        ("token=403", ["403", "200", "200"]),
        ("token=500", ["500", "200", "200"]),
        ("list=404", ["200", "404", "200"]),
        ("credentials=503", ["200", "200", "503"]),
        ("credentials=garbage", ["200", "200", "200"]),
    ] {
        let faulty =
            Behaviour { faults: Faults::new(vec![fault.parse().expect("a fault")]), ..behaviour() };
        let server = start(faulty, Fixed).await;
        for (head, status) in [token, list, credentials].into_iter().zip(statuses) {
            assert_eq!(server.status(head).await, status, "{fault}: {head}");
        }
        if fault == "credentials=garbage" {
            let answer = server.ask(credentials).await;
            assert!(!answer.ends_with('}'), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_swallowed_request_is_accepted_and_never_answered() {
    let faulty = Behaviour {
        faults: Faults::new(vec!["token=swallow".parse().expect("a fault")]),
        ..behaviour()
    };
    let server = start(faulty, Fixed).await;
    let mut stream = TcpStream::connect(server.address).await.expect("to connect");
    let head = "PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("to send");
    let mut byte = [0];
    let waited = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await;
    assert!(waited.is_err(), "{waited:?}");
    // Others are served meanwhile, as IMDSv1 is behind a hop limit of 1.
    let get = "GET /latest/meta-data/instance-id HTTP/1.1\nHost: 127.0.0.1";
    assert_eq!(server.status(get).await, "200");
    let records = server.records.lock().expect("records").clone();
    let seen: Vec<_> = records.iter().map(|r| (r.status, r.version)).collect();
    assert_eq!(seen, [(None, Version::V2), (Some(200), Version::V1)]);
}
