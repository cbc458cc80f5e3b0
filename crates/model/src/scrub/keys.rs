//! Which names (of attributes, headers, query parameters, JSON fields) have
//! secrets for values. Names only; no value is looked at here.

/// Names that are secret as a whole, as [`plain`] spells them.
const SECRET: &[&str] = &[
    "accesskey",
    "apikey",
    "assertion",
    "auth",
    "authorization",
    "clientassertion",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "jwt",
    "passphrase",
    "passwd",
    "proxyauthorization",
    "pwd",
    "samlresponse",
    "sessionid",
    "setcookie",
    "sig",
    "xapikey",
    "xamzcredential",
    "xgoogcredential",
];

/// Names that are secret however they begin: `csrf_token`, `user[password]`.
const SECRET_ENDINGS: &[&str] = &[
    "apikey",
    "password",
    "privatekey",
    "secret",
    "secretaccesskey",
    "secretkey",
    "signature",
    "token",
];

/// Places in a listing, which end like secrets but are none.
const HARMLESS: &[&str] =
    &["nexttoken", "pagetoken", "continuationtoken", "cursortoken", "synctoken"];

/// Values that were bound to a statement.
const BOUND_VALUES: &[&str] = &["db.query.parameter.", "db.operation.parameter."];

/// True when the value of an attribute with this name is a secret as a whole.
/// Headers come in many spellings (`http.request.header.x_api_key`,
/// `request.headers.X-Api-Key`), so only the last part counts.
pub(super) fn holds_secret(attribute: &str) -> bool {
    let bound = attribute.starts_with("db.")
        && (attribute == "db.params"
            || BOUND_VALUES.iter().any(|start| attribute.starts_with(start)));
    let last = || attribute.rsplit('.').next().unwrap_or_default();
    bound || (may_be_secret(attribute) && is_secret(last()))
}

/// What secret names end in, the last three letters of each.
const LAST_LETTERS: &[[u8; 3]] = &[
    *b"als", *b"ase", *b"ial", *b"ies", *b"ion", *b"jwt", *b"ken", *b"key", *b"kie", *b"nid",
    *b"nse", *b"ord", *b"pwd", *b"ret", *b"sig", *b"swd", *b"ure", *b"uth",
];

/// False when a look at the end of a name is enough to know that it is not
/// secret: nearly every attribute of every span passes here.
#[inline]
fn may_be_secret(name: &str) -> bool {
    // A byte after `%` may be part of an encoded sign.
    let Some(end @ [.., a, b, c]) = name.as_bytes().last_chunk::<5>() else { return true };
    if end.contains(&b'%') {
        return true;
    }
    if [a, b, c].iter().all(|byte| byte.is_ascii_alphanumeric()) {
        return LAST_LETTERS.contains(&[a, b, c].map(u8::to_ascii_lowercase));
    }
    !c.is_ascii_digit()
}

/// True when a header, parameter or field with this name has a secret value.
pub(super) fn is_secret(name: &str) -> bool {
    let mut buffer = [0; PLAIN_BYTES_MAX];
    let plain = plain(name, &mut buffer);
    let ends_with = |ending: &&str| plain.ends_with(ending.as_bytes());
    (SECRET.iter().any(|secret| plain == secret.as_bytes()) || SECRET_ENDINGS.iter().any(ends_with))
        && !HARMLESS.iter().any(ends_with)
}

/// Only the end of a longer name is looked at.
const PLAIN_BYTES_MAX: usize = 48;

/// Lower-case letters and digits only, in `buffer` because every attribute of
/// every span passes here; `%5B` and its like go as a whole.
fn plain<'a>(name: &str, buffer: &'a mut [u8; PLAIN_BYTES_MAX]) -> &'a [u8] {
    let bytes = name.as_bytes();
    let mut start = PLAIN_BYTES_MAX;
    for (at, byte) in bytes.iter().enumerate().rev() {
        let encoded = (1..=2).any(|back| at >= back && bytes[at - back] == b'%');
        if byte.is_ascii_alphanumeric() && !encoded {
            if start == 0 {
                break;
            }
            start -= 1;
            buffer[start] = byte.to_ascii_lowercase();
        }
    }
    &buffer[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_letters_are_those_of_the_names() {
        let mut letters: Vec<[u8; 3]> = SECRET
            .iter()
            .chain(SECRET_ENDINGS)
            .filter_map(|name| name.as_bytes().last_chunk().copied())
            .collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters, LAST_LETTERS);
    }

    #[test]
    fn names_of_secrets() {
        for (name, secret) in [
            ("http.request.header.authorization", true),
            ("http.request.header.x_aws_ec2_metadata_token", true),
            ("request.headers.X-Api-Key", true),
            ("http.request.header.set-cookie", true),
            ("http.request.header.proxy-authorization", true),
            ("db.query.parameter.0", true),
            ("db.params", true),
            ("form.user[password]", true),
            ("form.user%5Bpassword%5D", true),
            ("X-Amz-Signature", true),
            ("X-Amz-Credential", true),
            ("X-Amz-Security-Token", true),
            ("AWS_SECRET_ACCESS_KEY", true),
            ("AWSAccessKeyId", false),
            ("X-Amz-SignedHeaders", false),
            ("next_token", false),
            ("aws.next-token", false),
            ("gen_ai.usage.input_tokens", false),
            ("http.route", false),
            ("session.id", false),
            ("", false),
        ] {
            assert_eq!(holds_secret(name), secret, "{name}");
        }
    }
}
