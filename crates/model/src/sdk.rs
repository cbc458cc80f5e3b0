//! Which SDK made a span: decides which time-outs, caps and fixes apply.

/// A programming language that fixes can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// Ruby.
    Ruby,
    /// Python.
    Python,
    /// JavaScript and TypeScript on Node.js, and other runtimes of them.
    JavaScript,
    /// Go.
    Go,
    /// Java, Kotlin, Scala and the rest of the JVM.
    Java,
    /// PHP.
    Php,
    /// C#, F# and the rest of .NET.
    DotNet,
    /// Rust.
    Rust,
    /// Not told, or one that Hotspan has no fixes for.
    #[default]
    Unknown,
}

impl Language {
    /// Every language, in the order of their names here.
    pub const ALL: [Self; 9] = [
        Self::Ruby,
        Self::Python,
        Self::JavaScript,
        Self::Go,
        Self::Java,
        Self::Php,
        Self::DotNet,
        Self::Rust,
        Self::Unknown,
    ];

    /// The stable lower-case name used in JSON and in the knowledge files.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Ruby => "ruby",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Java => "java",
            Self::Php => "php",
            Self::DotNet => "dotnet",
            Self::Rust => "rust",
            Self::Unknown => "unknown",
        }
    }

    /// The name a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ruby => "Ruby",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Php => "PHP",
            Self::DotNet => ".NET",
            Self::Rust => "Rust",
            Self::Unknown => "any language",
        }
    }

    /// Reads [`Self::slug`] and the names that `telemetry.sdk.language` and
    /// Sentry's `sdk.name` use (`nodejs`, `webjs`, `sentry.ruby`, …).
    pub fn from_sdk_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |part: &str| name.contains(part);
        match () {
            () if has("ruby") => Self::Ruby,
            () if has("python") => Self::Python,
            () if has("javascript") || has("node") || has("webjs") => Self::JavaScript,
            () if has("java") || has("kotlin") || has("android") => Self::Java,
            () if has("php") => Self::Php,
            () if has("dotnet") || has("aspnet") => Self::DotNet,
            () if has("rust") => Self::Rust,
            () if name == "go" || has("sentry.go") || has("golang") => Self::Go,
            () => Self::Unknown,
        }
    }
}

/// The telemetry SDK that sent a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Sdk {
    /// `sentry.ruby`, `opentelemetry`, …; empty when not told.
    pub name: String,
    /// As sent; empty when not told.
    pub version: String,
    /// The language the SDK is for.
    pub language: Language,
}
