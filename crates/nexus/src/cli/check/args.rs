use std::path::PathBuf;

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use nexus_check::{Against, GraphRendering, Level, Rendering};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only these files and folders; everything when there are none.
    pub(crate) paths: Vec<PathBuf>,
    /// The root of the repository; by default the nearest folder above with a `.git`.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Also compare with an earlier state: a git revision, a folder (`./released`), or the address of a server.
    #[arg(long, value_name = "REF|DIR|URL", value_parser = against)]
    pub(crate) against: Option<Against>,
    /// Only the files that git has staged, as they are on disk. For a hook before a commit.
    #[arg(long, conflicts_with = "paths")]
    pub(crate) changed: bool,
    /// The digest of the policy bundle that is in force, which must be that of the files.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) bundle_digest: Option<String>,
    /// How to tell what was found.
    #[arg(long, value_name = "FORMAT", value_parser = rendering())]
    pub(crate) format: Option<Rendering>,
    /// The least level that fails.
    #[arg(long, value_enum, default_value = "error")]
    pub(crate) fail_level: FailLevel,
    /// Pass over the findings that this file knows.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Take what was mended out of the baseline.
    #[arg(long, requires = "baseline", conflicts_with_all = ["paths", "changed"])]
    pub(crate) update_baseline: bool,
    /// Write a first baseline with all that is found now, `nexus.baseline.json` unless `--baseline` names another.
    #[arg(long, conflicts_with_all = ["paths", "changed", "update_baseline"])]
    pub(crate) create_baseline: bool,
    /// Print the services, and the events and calls between them, and judge nothing.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["paths", "changed", "against", "format", "baseline", "create_baseline"])]
    pub(crate) graph: Option<GraphFormat>,
    /// Print the page of a rule, with an example and how to mend it, and check nothing.
    #[arg(long, value_name = "RULE", conflicts_with_all = ["paths", "changed", "against", "format", "baseline", "create_baseline", "graph"])]
    pub(crate) explain: Option<String>,
}

/// The least level of a finding that fails the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailLevel {
    Error,
    Warning,
}

/// How a graph of services is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Json,
    Mermaid,
}

impl GraphFormat {
    pub(super) const fn rendering(self) -> GraphRendering {
        match self {
            Self::Json => GraphRendering::Json,
            Self::Mermaid => GraphRendering::Mermaid,
        }
    }
}

impl FailLevel {
    pub(super) const fn level(self) -> Level {
        match self {
            Self::Error => Level::Error,
            Self::Warning => Level::Warning,
        }
    }
}

/// A rendering as an argument.
fn rendering() -> impl TypedValueParser<Value = Rendering> {
    PossibleValuesParser::new(Rendering::ALL.map(Rendering::as_str)).try_map(|name| name.parse::<Rendering>())
}

/// An address has a scheme, a folder begins with `.` or is a whole path, everything else is a revision.
fn against(text: &str) -> Result<Against, String> {
    let is_folder = text.starts_with('.') || PathBuf::from(text).is_absolute();
    match text {
        "" => Err("it is empty".to_owned()),
        _ if text.starts_with("http://") || text.starts_with("https://") => Ok(Against::Url(text.to_owned())),
        _ if is_folder => Ok(Against::Directory(PathBuf::from(text))),
        // git would read it as an option.
        _ if text.starts_with('-') => Err("a revision does not begin with `-`".to_owned()),
        _ => Ok(Against::Revision(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_compare_with_is_told_apart_by_its_form() {
        assert_eq!(against("origin/main"), Ok(Against::Revision("origin/main".to_owned())));
        assert_eq!(against("./old"), Ok(Against::Directory(PathBuf::from("./old"))));
        assert_eq!(against(".."), Ok(Against::Directory(PathBuf::from(".."))));
        assert_eq!(against("https://nexus"), Ok(Against::Url("https://nexus".to_owned())));
        assert!(against("").is_err() && against("--output=x").is_err());
    }
}
