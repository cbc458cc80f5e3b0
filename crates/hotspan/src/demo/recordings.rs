//! The demo's script: which recordings are played, for whom, how often.
//!
//! The bytes are those of `fixtures/captures`, built into the binary so that
//! the demo needs nothing but itself.

/// One recorded request body.
pub(super) struct Recording {
    /// Where it comes from, for error messages.
    pub(super) name: &'static str,
    /// As the SDK sent it, compressed if it did.
    pub(super) body: &'static [u8],
}

/// Requests of one app over the demo's history.
pub(super) struct Stream {
    /// The project it reports to.
    pub(super) project: &'static str,
    /// How many requests it sends; the recordings take turns.
    pub(super) requests: usize,
    /// What it sends.
    pub(super) recordings: &'static [Recording],
}

macro_rules! recording {
    ($path:literal) => {
        Recording {
            name: $path,
            body: include_bytes!(concat!("../../../../fixtures/captures/", $path)),
        }
    };
}

/// The incident first: a Rails action that signs a hundred URLs, each with a
/// client of its own. Then an app that uploads with a client per file, and
/// apps that share one client and are quiet.
pub(super) const STREAMS: [Stream; 7] = [
    Stream {
        project: "report-api",
        requests: 260,
        recordings: &[
            recording!("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0/000.body"),
            recording!("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0/001.body"),
            recording!("sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0/000.body"),
            recording!("sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0/001.body"),
        ],
    },
    Stream {
        project: "report-api",
        requests: 500,
        recordings: &[recording!("sentry-ruby-5.3.0/token_swallow-b/000.body")],
    },
    Stream {
        project: "thumbnails",
        requests: 120,
        recordings: &[
            recording!("sentry-node-11.12.0/healthy-b/001.body"),
            recording!("sentry-node-11.12.0/healthy-b/002.body"),
        ],
    },
    Stream {
        project: "documents",
        requests: 180,
        recordings: &[recording!("sentry-ruby-6.6.2/healthy-a/001.body")],
    },
    Stream {
        project: "billing",
        requests: 160,
        recordings: &[recording!("sentry-python-2.75.0/healthy-a/001.body")],
    },
    Stream {
        project: "billing",
        requests: 300,
        recordings: &[recording!("sentry-python-2.75.0/healthy-c/002.body")],
    },
    Stream {
        project: "thumbnails",
        requests: 200,
        recordings: &[recording!("sentry-node-11.12.0/healthy-a/000.body")],
    },
];
