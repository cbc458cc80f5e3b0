//! From a path to what is asked for. SDKs write these paths with and without
//! slashes at both ends, and all of them are meant.

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A session token; `slash` when the path ends in one, which EC2 refuses.
    Token {
        /// Whether there is a slash at the end.
        slash: bool,
    },
    /// The roles there are.
    RoleList,
    /// The credentials of a role.
    Credentials(String),
    /// The roles at the newer path that adds the account id.
    ExtendedRoleList,
    /// Credentials with the account id.
    ExtendedCredentials(String),
    /// A document or listing, by its path below the version.
    Document(String),
    /// Credentials for a container.
    Container,
    /// Nothing that exists.
    Unknown,
}

/// The longest path worth looking at.
const PATH_BYTES_MAX: usize = 1_024;

/// What `path` (without query) asks for.
pub fn route_of(path: &str) -> Route {
    if path.len() > PATH_BYTES_MAX {
        return Route::Unknown;
    }
    // Endpoints that end in a slash make SDKs ask for `//latest/…`.
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["v1", "credentials"] | ["v2", "credentials"] | ["v2", "credentials", _] => {
            Route::Container
        }
        [] => Route::Document(String::new()),
        [version, rest @ ..] if is_version(version) => below_version(rest, path.ends_with('/')),
        _ => Route::Unknown,
    }
}

fn below_version(parts: &[&str], slash: bool) -> Route {
    match parts {
        ["api", "token"] => Route::Token { slash },
        ["meta-data", "iam", "security-credentials"] => Route::RoleList,
        ["meta-data", "iam", "security-credentials", role] => {
            Route::Credentials((*role).to_owned())
        }
        ["meta-data", "iam", "security-credentials-extended"] => Route::ExtendedRoleList,
        ["meta-data", "iam", "security-credentials-extended", role] => {
            Route::ExtendedCredentials((*role).to_owned())
        }
        _ => Route::Document(parts.join("/")),
    }
}

/// `latest`, or the date of a version.
fn is_version(part: &str) -> bool {
    let date = part.len() == 10
        && part.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    part == "latest" || date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_understood() {
        for (path, route) in [
            ("/latest/api/token", Route::Token { slash: false }),
            ("//latest/api/token", Route::Token { slash: false }),
            ("/latest/api/token/", Route::Token { slash: true }),
            ("/latest/meta-data/iam/security-credentials", Route::RoleList),
            ("/latest/meta-data/iam/security-credentials/", Route::RoleList),
            ("/latest/meta-data/iam/security-credentials/app", Route::Credentials("app".into())),
            ("//latest//meta-data/iam/security-credentials/app/", Route::Credentials("app".into())),
            ("/2021-07-15/meta-data/instance-id", Route::Document("meta-data/instance-id".into())),
            ("/latest/meta-data/iam/security-credentials-extended/", Route::ExtendedRoleList),
            (
                "/latest/dynamic/instance-identity/document",
                Route::Document("dynamic/instance-identity/document".into()),
            ),
            ("/", Route::Document(String::new())),
            ("/latest", Route::Document(String::new())),
            ("/v2/credentials/0f1e", Route::Container),
            ("/v1/credentials", Route::Container),
            ("/v3/credentials", Route::Unknown),
            ("/2021-07/meta-data", Route::Unknown),
            ("*", Route::Unknown),
        ] {
            assert_eq!(route_of(path), route, "{path}");
        }
    }
}
