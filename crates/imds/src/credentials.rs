//! Credentials and the three texts they are handed out as. Where they come
//! from is the source's affair.

use serde::Serialize;

use crate::civil::UnixSeconds;
use crate::secret::Secret;

/// Session credentials of a role.
#[derive(Clone)]
pub struct Credentials {
    /// Begins with `ASIA`; no secret by itself.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Goes with every signed request.
    pub session_token: Secret,
    /// When they were issued.
    pub last_updated: UnixSeconds,
    /// When they end; passed on as it is, never invented.
    pub expiration: UnixSeconds,
}

/// Says which credentials there are. Called for every request that asks for
/// them, so it must answer from memory.
pub trait CredentialSource: Send + Sync + 'static {
    /// The credentials at `now`; `None` while there are none to give.
    fn credentials(&self, now: UnixSeconds) -> Option<Credentials>;
}

/// The document of `iam/security-credentials/<role>`: two spaces, a space
/// before each colon, no newline at the end, as EC2 writes it.
pub fn instance_document(credentials: &Credentials, account_id: Option<&str>) -> Secret {
    let (issued, expiration) = times(credentials);
    let mut fields = vec![
        ("Code", "Success"),
        ("LastUpdated", issued.as_str()),
        ("Type", "AWS-HMAC"),
        ("AccessKeyId", credentials.access_key_id.as_str()),
        ("SecretAccessKey", credentials.secret_access_key.expose()),
        ("Token", credentials.session_token.expose()),
        ("Expiration", expiration.as_str()),
    ];
    fields.extend(account_id.map(|account| ("AccountId", account)));
    Secret::new(spaced_json(&fields))
}

/// The document of the container endpoint.
pub fn container_document(credentials: &Credentials, role_arn: &str) -> Option<Secret> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document<'a> {
        role_arn: &'a str,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        token: &'a str,
        expiration: &'a str,
    }
    let document = Document {
        role_arn,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        expiration: &credentials.expiration.rfc3339(),
    };
    serde_json::to_string(&document).ok().map(Secret::new)
}

fn times(credentials: &Credentials) -> (String, String) {
    (credentials.last_updated.rfc3339(), credentials.expiration.rfc3339())
}

/// An object of texts the way EC2 prints them. Values are checked by nobody
/// else, so they are escaped here.
pub(crate) fn spaced_json(fields: &[(&str, &str)]) -> String {
    let lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("  \"{name}\" : {}", serde_json::Value::from(*value)))
        .collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}
