//! The connection to STS: TLS with the machine's list of trusted certificates,
//! through the configured proxy or none.

use aws_sdk_sts::config::SharedHttpClient;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use std::time::Duration;

use super::place::Place;

/// STS is near in every region; a way that takes longer is a dead one.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A client for one request.
pub(super) fn client(place: &Place) -> Result<SharedHttpClient, String> {
    let is_tls = place.endpoint.as_ref().is_none_or(|endpoint| endpoint.is_tls());
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIME_MAX).build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .proxy_config(proxy(place)?)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trusted(is_tls)?)
        .build();
    let connector = SharedHttpConnector::new(connector);
    Ok(http_client_fn(move |_, _| connector.clone()))
}

/// For TLS only: what needs none is on this machine. Never from the
/// environment, which is what the SDK does when it is told nothing.
fn proxy(place: &Place) -> Result<ProxyConfig, String> {
    let Some(proxy) = &place.proxy else { return Ok(ProxyConfig::disabled()) };
    ProxyConfig::https(proxy.as_str()).map_err(|_| "sts_proxy cannot be used".to_owned())
}

/// Reading the certificates takes some milliseconds and half a megabyte, for
/// nothing where there is no TLS.
fn trusted(is_tls: bool) -> Result<TlsContext, String> {
    let store = TrustStore::empty().with_native_roots(is_tls);
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|_| "TLS cannot be set up".to_owned())
}
