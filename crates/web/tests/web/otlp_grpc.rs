//! OTLP over gRPC, with a gRPC client that is not ours.

use std::marker::PhantomData;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::payload::{MIB, attribute, export, span};
use crate::server::Server;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Encodes requests and decodes answers with prost.
#[derive(Clone, Copy)]
struct Prost<Q, A>(PhantomData<(Q, A)>);

impl<Q: Message + Send + 'static, A: Message + Default + Send + 'static> Codec for Prost<Q, A> {
    type Encode = Q;
    type Decode = A;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message, A> Encoder for Prost<Q, A> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, item: Q, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<Q, A: Message + Default> Decoder for Prost<Q, A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        A::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

async fn client(server: &Server) -> Grpc<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.otlp_grpc)).expect("a URI");
    Grpc::new(endpoint.connect().await.expect("the server listens"))
}

async fn call<Q, A>(
    client: &mut Grpc<Channel>,
    path: &'static str,
    request: Request<Q>,
) -> Result<A, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let path = PathAndQuery::from_static(path);
    let answer = client.unary(request, path, Prost::<Q, A>(PhantomData)).await?;
    Ok(answer.into_inner())
}

/// Sends traces; the answer is `Ok`, or the code's name, and the counters moved.
async fn check(
    server: &Server,
    client: &mut Grpc<Channel>,
    name: &str,
    request: Request<ExportTraceServiceRequest>,
    expected: &str,
) -> Result<ExportTraceServiceResponse, Status> {
    let (answer, moved) = server.moved(call(client, TRACES, request)).await;
    let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
    assert_eq!(format!("{code:?} {moved}").trim_end(), expected, "{name}: {answer:?}");
    answer
}

const TAKEN: &str = "Ok accepted.requests+1 accepted.spans+1";

#[tokio::test(flavor = "multi_thread")]
async fn encodings() {
    let server = Server::open().await;
    for (number, encoding) in
        [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)]
            .into_iter()
            .enumerate()
    {
        let mut client = client(&server).await;
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding).accept_compressed(encoding);
        }
        let request = Request::new(export(vec![span(1, number as u8 + 1)]));
        let answer = check(&server, &mut client, "encoding", request, TAKEN).await;
        assert_eq!(answer.expect("checked").partial_success, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_success_and_other_signals() {
    let server = Server::open().await;
    let mut client = client(&server).await;
    let spans = vec![span(2, 1), span(2, 0), span(0, 1)];
    let expected = "Ok accepted.requests+1 accepted.spans+1 rejected.zero_span_id+1 \
                    rejected.zero_trace_id+1";
    let request = Request::new(export(spans));
    let answer = check(&server, &mut client, "partial", request, expected).await;
    let partial = answer.expect("checked").partial_success.expect("a partial success");
    assert_eq!(partial.rejected_spans, 2);
    let logs = Request::new(ExportLogsServiceRequest::default());
    let answer: Result<ExportLogsServiceResponse, Status> = call(&mut client, LOGS, logs).await;
    assert_eq!(answer.expect("taken").partial_success, None);
    let unknown = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
    let nothing = Request::new(ExportLogsServiceRequest::default());
    let answer: Result<ExportLogsServiceResponse, Status> =
        call(&mut client, unknown, nothing).await;
    assert_eq!(answer.expect_err("not served").code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_final_and_busy_is_not() {
    let server = Server::open().await;
    let zeros = |bytes: usize| Span {
        attributes: vec![attribute("long", "x".repeat(bytes))],
        ..span(3, 1)
    };
    let too_large = "ResourceExhausted rejected_requests.body_too_large+1";
    for (name, encoding) in [
        ("plain", None),
        ("gzip bomb", Some(CompressionEncoding::Gzip)),
        ("zstd bomb", Some(CompressionEncoding::Zstd)),
    ] {
        let mut client = client(&server).await;
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let request = Request::new(export(vec![zeros(65 * MIB)]));
        let answer = check(&server, &mut client, name, request, too_large).await;
        // Exporters send again when they are told how long to wait.
        let details = answer.expect_err("checked").details().to_vec();
        assert!(!holds(&details, b"RetryInfo"), "{name}: {details:?}");
    }
    let small = Server::start(|config| {
        config.receiving_bytes_max = MIB;
        config.otlp_patience = std::time::Duration::from_millis(20);
    })
    .await;
    let mut client = client(&small).await;
    let request = Request::new(export(vec![zeros(2 * MIB)]));
    let busy = "ResourceExhausted rejected_requests.busy+1";
    let answer = check(&small, &mut client, "busy", request, busy).await;
    let details = answer.expect_err("checked").details().to_vec();
    assert!(holds(&details, b"RetryInfo"), "{details:?}");
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_metadata() {
    let server = Server::start(|config| config.keys_required = true).await;
    let key = server.state.catalogue.add_project("shop").await.expect("a project").key;
    let mut client = client(&server).await;
    for (name, header, expected) in [
        ("none", None, "Unauthenticated rejected_requests.key_missing+1"),
        ("key", Some(("x-hotspan-key", key.clone())), TAKEN),
        ("bearer", Some(("authorization", format!("Bearer {key}"))), TAKEN),
        (
            "wrong",
            Some(("x-hotspan-key", "nope".to_owned())),
            "PermissionDenied rejected_requests.key_unknown+1",
        ),
    ] {
        let mut request = Request::new(export(vec![span(4, name.len() as u8)]));
        if let Some((header, value)) = header {
            let value = MetadataValue::try_from(value).expect("ASCII");
            request.metadata_mut().insert(header, value);
        }
        let _ = check(&server, &mut client, name, request, expected).await;
    }
}
