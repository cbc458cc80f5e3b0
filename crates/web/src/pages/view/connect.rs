//! How to connect: what an empty server shows.

use maud::{Markup, html};

use crate::parts::fixes::snippet;

/// Addresses to copy into SDKs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connect {
    /// Sentry's DSN.
    pub(crate) dsn: String,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: String,
    /// OTLP over HTTP.
    pub(crate) otlp_http: String,
    /// Requests need the key of a project.
    pub(crate) keys_required: bool,
}

/// One way to connect.
struct Way {
    slug: &'static str,
    label: &'static str,
    where_to: &'static str,
    text: String,
}

fn ways(to: &Connect) -> [Way; 5] {
    let dsn = &to.dsn;
    let way = |slug, label, where_to, text| Way { slug, label, where_to, text };
    [
        way(
            "ruby",
            "Ruby · Sentry",
            "config/initializers/sentry.rb",
            format!(
                "Sentry.init do |config|\n  config.dsn = \"{dsn}\"\n  config.traces_sample_rate = 1.0\nend"
            ),
        ),
        way(
            "python",
            "Python · Sentry",
            "where the application starts",
            format!(
                "import sentry_sdk\n\nsentry_sdk.init(\n    dsn=\"{dsn}\",\n    traces_sample_rate=1.0,\n)"
            ),
        ),
        way(
            "node",
            "Node · Sentry",
            "instrument.js, loaded first",
            format!(
                "import * as Sentry from \"@sentry/node\";\n\nSentry.init({{\n  dsn: \"{dsn}\",\n  tracesSampleRate: 1.0,\n}});"
            ),
        ),
        way(
            "otel",
            "OpenTelemetry · HTTP",
            "environment of the application",
            otlp(to, &to.otlp_http, "http/protobuf"),
        ),
        way(
            "grpc",
            "OpenTelemetry · gRPC",
            "environment of the application",
            otlp(to, &to.otlp_grpc, "grpc"),
        ),
    ]
}

fn otlp(to: &Connect, endpoint: &str, protocol: &str) -> String {
    let key = if to.keys_required {
        "\nOTEL_EXPORTER_OTLP_HEADERS=<the header that `hotspan project add NAME` printed>"
    } else {
        ""
    };
    format!(
        "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\nOTEL_EXPORTER_OTLP_PROTOCOL={protocol}\nOTEL_SERVICE_NAME=my-service{key}"
    )
}

/// The panel: one line to change, for each SDK.
pub(crate) fn connect(to: &Connect) -> Markup {
    html! {
        section.lede {
            p { b { "Nothing has arrived yet." } " Point the SDK that your application already has at this server. One line changes; the first page is filled within a minute." }
        }
        div.tabs.connect {
            @for (index, way) in ways(to).iter().enumerate() {
                input type="radio" name="way" id={ "way-" (way.slug) } checked[index == 0];
                label for={ "way-" (way.slug) } { (way.label) }
            }
            @for way in ways(to) {
                section.tab {
                    p.soft { (way.where_to) }
                    (snippet(&way.text))
                }
            }
        }
        section.two {
            div {
                h2 { "By environment variable" }
                p.soft { "Sentry SDKs for Ruby, Python and Node read the DSN from here when the code names none." }
                (snippet(&format!("SENTRY_DSN={}", to.dsn)))
                @if to.keys_required {
                    p.soft { "This server wants the key of a project: " code { "hotspan project add NAME" } " prints a DSN and an OTLP header." }
                }
            }
            div {
                h2 { "Only looking around?" }
                p.soft { "A second server with recorded requests of real SDKs, credential lookups included:" }
                (snippet("hotspan demo"))
            }
        }
    }
}
