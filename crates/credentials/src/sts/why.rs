//! Why STS gave nothing, in words for people: its own code, the status, and
//! what to look at. Its message is left out, because it may repeat what it was
//! sent.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::document::word;

/// What to look at, by STS's code.
const ADVICE: [(&str, &str); 11] = [
    (
        "AccessDenied",
        "the role's trust policy, or the policy of who asks, does not let it be assumed; or there is no such role",
    ),
    ("ExpiredToken", "the credentials that asked are over"),
    ("ExpiredTokenException", "the token in token_file is over; whoever writes it has to renew it"),
    (
        "InvalidIdentityToken",
        "the token in token_file is not for this role; its issuer or audience is not known to IAM",
    ),
    ("IDPRejectedClaim", "the issuer of the token in token_file rejects it"),
    ("IDPCommunicationError", "AWS could not reach the issuer of the token in token_file"),
    ("InvalidClientTokenId", "AWS does not know the keys that asked"),
    (
        "SignatureDoesNotMatch",
        "the secret key is wrong, or the machine's clock; the clock is set right at the next attempt",
    ),
    (
        "RegionDisabledException",
        "STS is switched off in this region for the role's account; use another region",
    ),
    (
        "ValidationError",
        "the role may allow shorter sessions only, or the request is of a form that STS does not take",
    ),
    ("PackedPolicyTooLarge", "the tags are too long together"),
];

/// Says why.
pub(super) fn why<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().map(word).unwrap_or_default();
            refusal(&code, context.raw().status().as_u16())
        }
        SdkError::ResponseError(context) => {
            format!("STS answered nonsense (status {})", context.raw().status().as_u16())
        }
        SdkError::TimeoutError(_) => "STS did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => format!("no connection to STS: {}", innermost(error)),
        _ => "the request to STS cannot be written".to_owned(),
    }
}

fn refusal(code: &str, status: u16) -> String {
    let advice = ADVICE.iter().find(|(known, _)| *known == code).map(|(_, advice)| *advice);
    match (code, advice) {
        ("", _) if status < 300 => format!("STS answered nonsense (status {status})"),
        ("", _) => format!("STS failed: status {status}"),
        (code, Some(advice)) => format!("STS refused: {code} (status {status}); {advice}"),
        (code, None) => format!("STS refused: {code} (status {status})"),
    }
}

/// The error at the end of the chain, which is of the system or of TLS and
/// knows nothing of what was to be sent.
fn innermost(error: &dyn Error) -> String {
    const CHARS_MAX: usize = 200;
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string().chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        for (code, status, told) in [
            (
                "AccessDenied",
                403,
                "STS refused: AccessDenied (status 403); the role's trust policy",
            ),
            ("Throttling", 400, "STS refused: Throttling (status 400)"),
            ("", 503, "STS failed: status 503"),
            ("", 200, "STS answered nonsense (status 200)"),
        ] {
            assert!(refusal(code, status).starts_with(told), "{code}");
        }
    }
}
