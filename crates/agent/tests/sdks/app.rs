//! The Rust SDK as one of those that are tried at the doors: `shared|fresh
//! COUNT [PAUSE_MILLIS]` prints what it is, then a line for each time that
//! credentials were asked for.
//!
//! Only a client goes through the SDK's cache of credentials, so STS is called,
//! with a wire that answers at once and says who signed.
#![expect(clippy::print_stdout, reason = "what it prints is read by who started it")]

use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

/// Answers with the key that a request was signed with.
#[derive(Debug)]
struct Wire;

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let signed = request.headers().get("authorization").unwrap_or_default();
        let key = signed.split(['=', '/']).nth(1).unwrap_or_default();
        let body = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>{key}</UserId>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        let status = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

async fn load() -> SdkConfig {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await
}

fn client(config: &SdkConfig) -> aws_sdk_sts::Client {
    let wire: SharedHttpClient = http_client_fn(|_, _| SharedHttpConnector::new(Wire));
    let config = aws_sdk_sts::config::Builder::from(config).http_client(wire).build();
    aws_sdk_sts::Client::from_conf(config)
}

/// The last four characters of the key.
async fn resolve(client: &aws_sdk_sts::Client) -> Result<String, String> {
    let answer = client.get_caller_identity().send().await;
    let answer =
        answer.map_err(|error| aws_sdk_sts::error::DisplayErrorContext(error).to_string())?;
    let key = answer.user_id().unwrap_or_default();
    Ok(key[key.len().saturating_sub(4)..].to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_shared = arguments[0] == "shared";
    let count: u32 = arguments[1].parse().expect("a count");
    let pause = arguments.get(2).map_or(0, |pause| pause.parse().expect("milliseconds"));
    println!("{}", serde_json::json!({ "sdk": format!("sts {}", aws_sdk_sts::meta::PKG_VERSION) }));
    let mut shared = None;
    for turn in 0..count {
        let begun = Instant::now();
        let client = match shared.take().filter(|_| is_shared) {
            Some(client) => client,
            None => client(&load().await),
        };
        let found = resolve(&client).await;
        let micros = begun.elapsed().as_micros();
        shared = Some(client);
        println!(
            "{}",
            match found {
                Ok(key) => serde_json::json!({ "key": key, "micros": micros }),
                Err(error) => serde_json::json!({ "error": error, "micros": micros }),
            }
        );
        if turn + 1 < count {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}
