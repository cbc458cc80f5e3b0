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
    AwsDynamodbTableNames = "aws.dynamodb.table_names",
    AwsOperation = "aws.operation",
    AwsOperationName = "aws.operation_name",
    AwsS3Bucket = "aws.s3.bucket",
    AwsS3Object = "aws.s3.key",
    AwsSecretArn = "aws.secretsmanager.secret.arn",
    AwsService = "aws.service",
    AwsServiceId = "aws.service_id",
    CacheItemSize = "cache.item_size",
    CacheItem = "cache.key",
    DbCassandraTable = "db.cassandra.table",
    DbCollectionName = "db.collection.name",
    DbMongodbCollection = "db.mongodb.collection",
    DbName = "db.name",
    DbNamespace = "db.namespace",
    DbOperation = "db.operation",
    DbOperationName = "db.operation.name",
    DbQuerySummary = "db.query.summary",
    DbQueryText = "db.query.text",
    DbResponseReturnedRows = "db.response.returned_rows",
    DbSqlTable = "db.sql.table",
    DbStatement = "db.statement",
    DbStoredProcedureName = "db.stored_procedure.name",
    DbSystem = "db.system",
    DbSystemName = "db.system.name",
    DnsQuestionName = "dns.question.name",
    ElasticsearchMethod = "elasticsearch.method",
    ElasticsearchUrl = "elasticsearch.url",
    ErrorType = "error.type",
    GraphqlOperationName = "graphql.operation.name",
    GraphqlOperationType = "graphql.operation.type",
    HotspanErrorEvent = "hotspan.error_event",
    HttpConnDoneAddr = "http.conn.done.addr",
    HttpHost = "http.host",
    HttpMethod = "http.method",
    HttpQuery = "http.query",
    HttpRemote = "http.remote",
    HttpRequestBodySize = "http.request.body.size",
    HttpRequestContentLength = "http.request_content_length",
    HttpRequestHeaderContentLength = "http.request.header.content-length",
    HttpRequestHeaderContentLengthFlat = "http.request.header.content_length",
    HttpRequestMethod = "http.request.method",
    HttpRequestMethodFlat = "http.request_method",
    HttpRequestResendCount = "http.request.resend_count",
    HttpResendCount = "http.resend_count",
    HttpResponseBodySize = "http.response.body.size",
    HttpResponseContentLength = "http.response_content_length",
    HttpResponseContentType = "http.response_content_type",
    HttpResponseHeaderContentLength = "http.response.header.content-length",
    HttpResponseHeaderContentLengthFlat = "http.response.header.content_length",
    HttpResponseHeaderContentType = "http.response.header.content-type",
    HttpResponseHeaderContentTypeFlat = "http.response.header.content_type",
    HttpResponseStatusCode = "http.response.status_code",
    HttpResponseTransferSize = "http.response_transfer_size",
    HttpRoute = "http.route",
    HttpStatusCode = "http.status_code",
    HttpTarget = "http.target",
    HttpUrl = "http.url",
    MessagingDestination = "messaging.destination",
    MessagingDestinationAnonymous = "messaging.destination.anonymous",
    MessagingDestinationName = "messaging.destination.name",
    MessagingDestinationTemplate = "messaging.destination.template",
    MessagingDestinationTemporary = "messaging.destination.temporary",
    MessagingMessageBodySize = "messaging.message.body.size",
    MessagingMessageEnvelopeSize = "messaging.message.envelope.size",
    MessagingMessagePayloadSize = "messaging.message.payload_size_bytes",
    MessagingOperation = "messaging.operation",
    MessagingOperationName = "messaging.operation.name",
    MessagingOperationType = "messaging.operation.type",
    MessagingPayloadSize = "messaging.message_payload_size_bytes",
    MessagingSystem = "messaging.system",
    NetHostName = "net.host.name",
    NetPeerIp = "net.peer.ip",
    NetPeerName = "net.peer.name",
    NetSockPeerAddr = "net.sock.peer.addr",
    NetworkPeerAddress = "network.peer.address",
    RpcGrpcStatusCode = "rpc.grpc.status_code",
    RpcMethod = "rpc.method",
    RpcResponseStatusCode = "rpc.response.status_code",
    RpcService = "rpc.service",
    RpcSystem = "rpc.system",
    RpcSystemName = "rpc.system.name",
    SentryGraphqlOperation = "sentry.graphql.operation",
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
    UrlQuery = "url.query",
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

    /// The text of the first of `keys` that has one, be it text or the first
    /// of a list of texts (`["text"]`, kept as JSON).
    pub(crate) fn first_listed(&self, keys: &[Key]) -> Option<&'a str> {
        keys.iter().find_map(|&key| match self.get(key)? {
            ValueRef::Str(text) => Some(text).filter(|text| !text.is_empty()),
            ValueRef::Json(list) => first_of_list(list),
            _ => None,
        })
    }

    /// The whole number of the first of `keys` that has one.
    pub(crate) fn first_int(&self, keys: &[Key]) -> Option<i64> {
        keys.iter().find_map(|&key| self.get(key)?.as_int())
    }
}

fn first_of_list(json: &str) -> Option<&str> {
    let quoted = json.trim_start().strip_prefix('[')?.trim_start().strip_prefix('"')?;
    let (text, _) = quoted.split_once('"')?;
    // Escapes would have to be undone; nothing that is looked up has any.
    Some(text).filter(|text| !text.is_empty() && !text.contains('\\'))
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

    /// Every attribute, those without a meaning here included.
    pub(crate) fn all_attributes(&self) -> &'a Attributes {
        &self.span.attributes
    }

    /// Its name, which lives as long as the span does.
    pub(crate) fn told_name(&self) -> &'a str {
        &self.span.name
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
