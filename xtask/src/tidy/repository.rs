use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::Fallible;

/// The repository as data: what tidy's rules look at.
pub(crate) struct Repository {
    /// Every file that is or would be committed, relative to the root, with `/`.
    pub(crate) paths: BTreeSet<String>,
    /// The text of those that are UTF-8.
    pub(crate) texts: BTreeMap<String, String>,
    /// The Rust files that parse.
    pub(crate) rust: BTreeMap<String, syn::File>,
    /// The Rust files that do not, with the reason.
    pub(crate) unparsed: BTreeMap<String, syn::Error>,
    /// The crates of the workspace.
    pub(crate) members: Vec<Member>,
}

/// One crate of the workspace and what it uses of the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Path of its Cargo.toml.
    pub(crate) manifest: String,
    /// Normal and build dependencies inside the workspace.
    pub(crate) dependencies: Vec<String>,
    /// Development dependencies inside the workspace.
    pub(crate) dev_dependencies: Vec<String>,
}

impl Repository {
    pub(crate) fn load(root: &Path) -> Fallible<Self> {
        let mut paths = BTreeSet::new();
        let mut texts = BTreeMap::new();
        for path in git_files(root)? {
            let Ok(bytes) = std::fs::read(root.join(&path)) else {
                continue; // deleted in the work tree
            };
            if let Ok(text) = String::from_utf8(bytes) {
                texts.insert(path.clone(), text);
            }
            paths.insert(path);
        }
        let mut repository = Self::from_texts(texts);
        repository.paths = paths;
        repository.members = members(root)?;
        Ok(repository)
    }

    pub(crate) fn from_texts(texts: BTreeMap<String, String>) -> Self {
        let mut rust = BTreeMap::new();
        let mut unparsed = BTreeMap::new();
        for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".rs")) {
            match syn::parse_file(text) {
                Ok(file) => drop(rust.insert(path.clone(), file)),
                Err(error) => drop(unparsed.insert(path.clone(), error)),
            }
        }
        Self { paths: texts.keys().cloned().collect(), texts, rust, unparsed, members: Vec::new() }
    }

    /// A small repository for a test.
    #[cfg(test)]
    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        Self::from_texts(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// The text of a file; empty when there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// The first line of a file that contains `needle`, 1-based; 1 when none does.
    pub(crate) fn line_of(&self, path: &str, needle: &str) -> usize {
        self.text(path).lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1)
    }

    /// Whether the path is a file, or a folder with files, of the repository.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.paths.contains(path)
            || self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
    }
}

/// What is committed and what would be; what is ignored is not ours to judge.
fn git_files(root: &Path) -> Fallible<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("git cannot list the files: {said}").into());
    }
    let listed = String::from_utf8(output.stdout)?;
    let files: BTreeSet<_> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    Ok(files.into_iter().map(str::to_owned).collect())
}

fn members(root: &Path) -> Fallible<Vec<Member>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let names: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let member = |package: &cargo_metadata::Package| {
        let inside = |dev: bool| {
            package
                .dependencies
                .iter()
                .filter(|dependency| (dependency.kind == DependencyKind::Development) == dev)
                .map(|dependency| dependency.name.clone())
                .filter(|name| names.contains(name))
                .collect()
        };
        let manifest = package.manifest_path.as_std_path();
        Member {
            name: package.name.to_string(),
            manifest: manifest
                .strip_prefix(&metadata.workspace_root)
                .unwrap_or(manifest)
                .to_string_lossy()
                .replace('\\', "/"),
            dependencies: inside(false),
            dev_dependencies: inside(true),
        }
    };
    Ok(metadata.packages.iter().map(member).collect())
}
