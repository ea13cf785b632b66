use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use ignore::WalkBuilder;

use super::text::{Text, directory_of};
use crate::CheckError;

/// Most bytes of one file that are read.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Most files that are read.
const MOST_FILES: usize = 200_000;
/// Patterns of what no rule looks at, written as in `.gitignore`.
const IGNORE_FILE: &str = ".nexusignore";

/// What a file is to the rules, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    ServiceManifest,
    CrateManifest,
    SchemaFile,
    SchemaLock,
    Policy,
    Sql,
    Rust,
    /// Source of another language, of which only texts and words are read.
    Plain(Language),
    Deployment,
}

/// How strings and comments of a language are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    Python,
    Script,
    Go,
    Java,
}

impl FileKind {
    /// What a path is; `None` when no rule looks at such files.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "nexus.service.toml" => return Some(Self::ServiceManifest),
            "Cargo.toml" => return Some(Self::CrateManifest),
            "nexus.schemas.lock" => return Some(Self::SchemaLock),
            _ => {}
        }
        match name.rsplit_once('.')?.1 {
            "rego" => Some(Self::Policy),
            "sql" => Some(Self::Sql),
            "rs" => Some(Self::Rust),
            "py" => Some(Self::Plain(Language::Python)),
            "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" => Some(Self::Plain(Language::Script)),
            "go" => Some(Self::Plain(Language::Go)),
            "java" | "kt" | "kts" => Some(Self::Plain(Language::Java)),
            "yml" | "yaml" => Some(Self::Deployment),
            "json" if super::schemas::SchemaPath::of(path).is_some() => Some(Self::SchemaFile),
            _ => None,
        }
    }

    /// Whether only rules about single files need it, so that it may be left out when it has not changed.
    pub(crate) fn stands_alone(self) -> bool {
        matches!(self, Self::Sql | Self::Rust | Self::Plain(_) | Self::Deployment)
    }
}

/// One file to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// Relative to the root, with `/`.
    pub(crate) file: String,
    pub(crate) kind: FileKind,
    path: PathBuf,
}

/// Every file below a directory that a rule looks at, in order of their paths. What git ignores, hidden files,
/// installed packages and symbolic links are left out.
///
/// # Errors
/// When a directory cannot be read, or there are too many files.
pub(crate) fn walk(root: &Path) -> Result<Vec<Found>, CheckError> {
    let mut found = Vec::new();
    let unreadable = |error: &dyn std::fmt::Display, path: Option<&Path>| CheckError::Unreadable {
        file: path.unwrap_or(root).display().to_string(),
        reason: error.to_string(),
    };
    fs::read_dir(root).map_err(|error| unreadable(&error, None))?;
    let walk = WalkBuilder::new(root)
        .require_git(false)
        .git_global(false)
        .ignore(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .filter_entry(|entry| entry.file_name() != "node_modules")
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| unreadable(&error, None))?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let file = relative(root, entry.path());
        if let Some(kind) = FileKind::of(&file) {
            found.push(Found { file, kind, path: entry.into_path() });
        }
        if found.len() > MOST_FILES {
            return Err(CheckError::TooMany { limit: MOST_FILES });
        }
    }
    found.sort();
    Ok(found)
}

/// The path below the root, with `/`.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().filter(|part| !matches!(part, std::path::Component::CurDir));
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

impl Found {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or is too large.
    pub(crate) fn read(&self) -> Result<Text, CheckError> {
        let unreadable =
            |error: std::io::Error| CheckError::Unreadable { file: self.file.clone(), reason: error.to_string() };
        let size = fs::metadata(&self.path).map_err(unreadable)?.len();
        if size > MOST_BYTES {
            return Err(CheckError::TooLarge { file: self.file.clone(), size, limit: MOST_BYTES });
        }
        Ok(Text::new(self.file.clone(), fs::read(&self.path).map_err(unreadable)?))
    }

    /// Reads its beginning, at most so many bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn head(&self, bytes: usize) -> Result<Text, CheckError> {
        let unreadable =
            |error: std::io::Error| CheckError::Unreadable { file: self.file.clone(), reason: error.to_string() };
        let file = fs::File::open(&self.path).map_err(unreadable)?;
        let mut head = Vec::new();
        file.take(bytes as u64).read_to_end(&mut head).map_err(unreadable)?;
        Ok(Text::new(self.file.clone(), head))
    }

    /// Whether it is code that only tests run.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.file.rsplit('/').next().unwrap_or("");
        let directories = ["test", "tests", "__tests__", "benches", "testdata"];
        directory_of(&self.file).split('/').any(|part| directories.contains(&part))
            || name == "tests.rs"
            || name == "conftest.py"
            || [".test.", ".spec.", "_test."].iter().any(|mark| name.contains(mark) && self.kind != FileKind::Policy)
            || (name.starts_with("test_") && self.kind == FileKind::Plain(Language::Python))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        assert_eq!(FileKind::of("a/nexus.service.toml"), Some(FileKind::ServiceManifest));
        assert_eq!(FileKind::of("schemas/event/OrderPlaced/2.json"), Some(FileKind::SchemaFile));
        assert_eq!(FileKind::of("schemas/event/OrderPlaced/1.upcast.json"), Some(FileKind::SchemaFile));
        assert_eq!(FileKind::of("package.json"), None);
        assert_eq!(FileKind::of("README.md"), None);
    }

    #[test]
    fn tests_are_known_by_their_paths() {
        let is_test = |file: &str| {
            let kind = FileKind::of(file).unwrap();
            Found { file: file.to_owned(), kind, path: PathBuf::new() }.is_test()
        };
        for test in
            ["a/tests/x.rs", "a/src/tests.rs", "a/x.spec.ts", "a/x_test.go", "a/test_x.py", "src/test/java/X.java"]
        {
            assert!(is_test(test), "{test}");
        }
        for product in ["a/src/testing.rs", "a/contest/x.ts", "latest.py"] {
            assert!(!is_test(product), "{product}");
        }
    }
}
