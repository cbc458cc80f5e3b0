//! The attributes that semantic conventions name, as far as analysis reads
//! them, looked up once for a span. What they mean together is known by the
//! modules that ask.

use std::ops::Deref;

use hotspan_model::{Attributes, Span, ValueRef};

macro_rules! keys {
    ($($name:ident = $text:literal,)+) => {
        /// An attribute that some convention, old or new, gives a meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Key { $($name,)+ }

        const TEXTS: &[&str] = &[$($text,)+];
    };
}

keys! {
    AwsOperation = "aws.operation",
    AwsService = "aws.service",
    DbCassandraTable = "db.cassandra.table",
    DbCollectionName = "db.collection.name",
    DbMongodbCollection = "db.mongodb.collection",
    DbName = "db.name",
    DbNamespace = "db.namespace",
    DbOperation = "db.operation",
    DbOperationName = "db.operation.name",
    DbQuerySummary = "db.query.summary",
    DbQueryText = "db.query.text",
    DbSqlTable = "db.sql.table",
    DbStatement = "db.statement",
    DbSystem = "db.system",
    DbSystemName = "db.system.name",
    HotspanErrorEvent = "hotspan.error_event",
    HttpHost = "http.host",
    HttpMethod = "http.method",
    HttpRequestMethod = "http.request.method",
    HttpRequestMethodFlat = "http.request_method",
    HttpResponseStatusCode = "http.response.status_code",
    HttpRoute = "http.route",
    HttpStatusCode = "http.status_code",
    HttpTarget = "http.target",
    HttpUrl = "http.url",
    MessagingDestination = "messaging.destination",
    MessagingDestinationName = "messaging.destination.name",
    MessagingDestinationTemplate = "messaging.destination.template",
    MessagingOperation = "messaging.operation",
    MessagingOperationName = "messaging.operation.name",
    MessagingSystem = "messaging.system",
    NetPeerIp = "net.peer.ip",
    NetPeerName = "net.peer.name",
    NetSockPeerAddr = "net.sock.peer.addr",
    NetworkPeerAddress = "network.peer.address",
    RpcMethod = "rpc.method",
    RpcService = "rpc.service",
    RpcSystem = "rpc.system",
    RpcSystemName = "rpc.system.name",
    SentryOp = "sentry.op",
    SentrySegmentNameSource = "sentry.segment.name.source",
    SentrySpanSource = "sentry.span.source",
    SentryTraceLifecycle = "sentry.trace_lifecycle",
    SentryTransactionSource = "sentry.transaction.source",
    ServerAddress = "server.address",
    Status = "status",
    StatusCode = "status_code",
    Url = "url",
    UrlFull = "url.full",
    UrlPath = "url.path",
}

/// A place in [`PLACES`] where no key is.
const FREE: u8 = u8::MAX;

/// Which key a text is, by [`place_of`]; one that finds its place taken stands
/// in the next free one.
const PLACES: [u8; 256] = {
    let mut places = [FREE; 256];
    let mut key = 0;
    while key < TEXTS.len() {
        let mut place = place_of(TEXTS[key].as_bytes());
        while places[place as usize] != FREE {
            place = place.wrapping_add(1);
        }
        places[place as usize] = key as u8;
        key += 1;
    }
    places
};

/// Three bytes and the length tell most names apart.
const fn place_of(text: &[u8]) -> u8 {
    let length = text.len();
    if length == 0 {
        return 0;
    }
    (length as u8)
        .wrapping_mul(29)
        .wrapping_add(text[length - 1].wrapping_mul(7))
        .wrapping_add(text[length / 2].wrapping_mul(13))
        .wrapping_add(text[length / 3])
}

#[inline]
fn key_of(text: &str) -> Option<usize> {
    let mut place = place_of(text.as_bytes());
    loop {
        let key = usize::from(PLACES[usize::from(place)]);
        let known = TEXTS.get(key)?;
        if *known == text {
            return Some(key);
        }
        place = place.wrapping_add(1);
    }
}

/// What a span tells in attributes that conventions name.
#[derive(Debug)]
pub(crate) struct Told<'a>([Option<ValueRef<'a>>; TEXTS.len()]);

impl<'a> Told<'a> {
    fn of(attributes: &'a Attributes) -> Self {
        let mut values = [None; TEXTS.len()];
        for (key, value) in attributes.iter() {
            if let Some(key) = key_of(key) {
                // Of a repeated key the first counts.
                values[key].get_or_insert(value);
            }
        }
        Self(values)
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: Key) -> Option<ValueRef<'a>> {
        self.0[key as usize]
    }

    /// The text of the first of `keys` that is present, is text and is not empty.
    pub(crate) fn first_str(&self, keys: &[Key]) -> Option<&'a str> {
        keys.iter().find_map(|&key| self.get(key)?.as_str().filter(|text| !text.is_empty()))
    }

    /// The whole number of the first of `keys` that has one.
    pub(crate) fn first_int(&self, keys: &[Key]) -> Option<i64> {
        keys.iter().find_map(|&key| self.get(key)?.as_int())
    }
}

/// A span whose attributes are the ones that conventions name.
#[derive(Debug)]
pub(crate) struct ToldSpan<'a> {
    span: &'a Span,
    /// Its attributes.
    pub(crate) attributes: Told<'a>,
}

impl<'a> ToldSpan<'a> {
    /// Looks up everything that `span` tells.
    pub(crate) fn of(span: &'a Span) -> Self {
        Self { span, attributes: Told::of(&span.attributes) }
    }
}

impl Deref for ToldSpan<'_> {
    type Target = Span;

    fn deref(&self) -> &Span {
        self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_no_other() {
        for (place, text) in TEXTS.iter().enumerate() {
            assert_eq!(key_of(text), Some(place), "{text}");
            assert_eq!(key_of(&text[1..]), None, "{text}");
            assert_eq!(key_of(&format!("{text}x")), None, "{text}");
        }
        assert_eq!(key_of(""), None);
        assert_eq!(TEXTS[Key::UrlPath as usize], "url.path");
    }
}
