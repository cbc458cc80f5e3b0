//! The emulator's control port: faults are put in force while it runs. `PUT
//! /faults` takes one `step=effect` a line; an empty body ends all of them.

use std::time::Duration;

use bytes::Bytes;
use hotspan_imds::fault::{Fault, Faults};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::doors::guard;

const BODY_BYTES_MAX: usize = 4_096;
/// The next caller waits so long at most.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// Serves until it is dropped, one connection after the other.
pub(crate) async fn serve(listener: TcpListener, faults: Faults) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = service_fn(|request| answer(request, &faults));
        let mut one = http1::Builder::new();
        one.keep_alive(false);
        let serving = one.serve_connection(TokioIo::new(stream), service);
        // Who breaks off or dawdles has changed nothing.
        let _ = tokio::time::timeout(REQUEST_TIME_MAX, serving).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    faults: &Faults,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    if guard::refusal(&head).is_some() {
        return Ok(text(StatusCode::FORBIDDEN, "refused\n".to_owned()));
    }
    if (head.method, head.uri.path()) != (Method::PUT, "/faults") {
        return Ok(text(StatusCode::NOT_FOUND, "use PUT /faults\n".to_owned()));
    }
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n".to_owned()));
    };
    let body = body.to_bytes();
    let lines = String::from_utf8_lossy(&body);
    let read: Result<Vec<Fault>, _> =
        lines.lines().filter(|line| !line.trim().is_empty()).map(str::parse).collect();
    Ok(match read {
        Ok(wanted) => {
            let count = wanted.len();
            faults.set(wanted);
            text(StatusCode::OK, format!("{count} faults in force\n"))
        }
        Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    })
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
