//! Tables of profiles: what each leads to, and why some lead nowhere.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn write(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("to write");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("to set");
    path
}

fn source(config: PathBuf, credentials: Option<PathBuf>, profile: &str) -> ProfileSource {
    ProfileSource {
        role: "app".to_owned(),
        files: Files { config: Some(config), credentials },
        profile: profile.to_owned(),
        environment: Vec::new(),
        sts: Sts::default(),
    }
}

const BASE: &str =
    "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret-key\n";
const ARN: &str = "role_arn = arn:aws:iam::123456789012:role/";

/// What a chain does, in a line.
fn shape(chain: &Chain) -> String {
    let base = match &chain.base {
        Base::Keys(_) => "keys".to_owned(),
        Base::WebIdentity { token_file, assume } => {
            format!("{} -> {}", token_file.display(), assume.role_arn)
        }
        Base::Process(words) => words.join("|"),
    };
    let steps = chain.steps.iter().map(|step| {
        let name = step.role_arn.as_str().rsplit('/').next().unwrap_or_default();
        let id = step.external_id.as_deref().unwrap_or("-");
        format!(" > {name} {} {id} {}", step.session_name, step.duration.as_secs())
    });
    base + &steps.collect::<String>()
}

#[test]
fn what_profiles_lead_to() {
    let folder = tempfile::tempdir().expect("a folder");
    for (config, expected) in [
        (BASE.replace("profile base", "profile p"), "keys"),
        (
            format!("[profile p]\n{ARN}a\nsource_profile = base\n{BASE}"),
            "keys > a hotspan-agent - 3600",
        ),
        (
            format!(
                "[profile p]\n{ARN}b\nsource_profile = q\nrole_session_name = me\nexternal_id = x/1\n[profile q]\n{ARN}a\nsource_profile = base\nduration_seconds = 7200\n{BASE}"
            ),
            "keys > a hotspan-agent - 7200 > b me x/1 3600",
        ),
        (
            format!(
                "[profile p]\n{ARN}a\nsource_profile = p\naws_access_key_id = AKIA\naws_secret_access_key = own-secret-key\n"
            ),
            "keys > a hotspan-agent - 3600",
        ),
        (
            format!("[profile p]\n{ARN}a\nweb_identity_token_file = /run/token\n"),
            "/run/token -> arn:aws:iam::123456789012:role/a",
        ),
        (
            format!(
                "[profile p]\n{ARN}b\nsource_profile = w\n[profile w]\n{ARN}a\nweb_identity_token_file = /run/token\n"
            ),
            "/run/token -> arn:aws:iam::123456789012:role/a > b hotspan-agent - 3600",
        ),
        (
            "[profile p]\ncredential_process = /bin/echo 'two words' x\n".to_owned(),
            "/bin/echo|two words|x",
        ),
    ] {
        let file = write(&folder, "config", &config, 0o600);
        let chain = source(file, None, "p").chain();
        assert_eq!(
            chain.as_ref().map(shape).map_err(ToString::to_string),
            Ok(expected.to_owned()),
            "{config}"
        );
    }
}

#[test]
fn what_profiles_cannot_be_used_for() {
    let folder = tempfile::tempdir().expect("a folder");
    for (config, what, remedy) in [
        (BASE.to_owned(), "no profile \"p\"", "[profile NAME]"),
        ("[profile p]\nregion = eu-central-1\n".to_owned(), "no credentials", "source_profile"),
        (format!("[profile p]\n{ARN}a\n"), "no source_profile", "[role.assume]"),
        (
            format!(
                "[profile p]\n{ARN}a\nsource_profile = q\n[profile q]\n{ARN}b\nsource_profile = p\n"
            ),
            "back to",
            "end the chain",
        ),
        (
            format!("[profile p]\n{ARN}a\ncredential_source = Environment\n"),
            "credential_source",
            "[role.assume]",
        ),
        (
            format!("[profile p]\n{ARN}a\nsource_profile = base\nmfa_serial = x\n{BASE}"),
            "mfa_serial",
            "nobody is there",
        ),
        ("[profile p]\nsso_session = dev\n".to_owned(), "sso_session", "export-credentials"),
        ("[profile p]\nlogin_session = x\n".to_owned(), "login_session", "export-credentials"),
        (
            "[profile p]\nrole_arn = app\nsource_profile = base\n".to_owned() + BASE,
            "not the ARN of a role",
            "arn:aws:iam::123456789012",
        ),
        (
            format!("[profile p]\n{ARN}a\nsource_profile = base\nduration_seconds = 900\n{BASE}"),
            "short",
            "use 1h",
        ),
        (
            format!(
                "[profile p]\n{ARN}b\nsource_profile = q\nduration_seconds = 7200\n[profile q]\n{ARN}a\nsource_profile = base\n{BASE}"
            ),
            "a session themselves",
            "use 1h",
        ),
        (
            "[profile p]\ncredential_process = echo x\n".to_owned(),
            "credential_process",
            "whole path",
        ),
        (
            "[profile p]\ncredential_process = /bin/echo 'x\n".to_owned(),
            "credential_process",
            "quotes",
        ),
        (
            format!("[profile p]\n{ARN}a\nweb_identity_token_file = token\n"),
            "token file",
            "whole path",
        ),
        ("[profile p\nkey = base-secret-key\n".to_owned(), "not of the form", "aws configure"),
    ] {
        let file = write(&folder, "config", &config, 0o600);
        let error = source(file, None, "p").chain().expect_err(&config);
        assert!(error.what.contains(what), "{config}: {error}");
        assert!(error.remedy.contains(remedy), "{config}: {error}");
        assert!(!error.to_string().contains("base-secret-key"), "{config}: {error}");
    }
}

#[test]
fn files_that_others_can_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = write(&folder, "program", "#!/bin/sh\n", 0o700);
    let through = format!("[profile p]\ncredential_process = {}\n", program.display());
    let keys = BASE.replace("profile base", "profile p");
    for (config, config_mode, credentials_mode, program_mode, trusted) in [
        (&keys, 0o600, 0o600, 0o700, true),
        (&keys, 0o620, 0o600, 0o700, false),
        (&keys, 0o600, 0o602, 0o700, false),
        (&through, 0o600, 0o600, 0o755, true),
        (&through, 0o600, 0o600, 0o775, false),
    ] {
        let config = write(&folder, "config", config, config_mode);
        let credentials = write(&folder, "credentials", "", credentials_mode);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(program_mode))
            .expect("to set");
        let found = source(config, Some(credentials), "p").chain();
        let told = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(found.is_ok(), trusted, "{told}");
        assert!(trusted || told.contains("can be written by others"), "{told}");
    }
}
