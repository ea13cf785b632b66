//! The files of the suite.

use std::path::{Path, PathBuf};

use jsonschema::Draft;
use serde_json::Value;

/// Name, folder and draft.
pub(super) const DRAFTS: [(&str, &str, Draft); 5] = [
    ("Draft 4", "draft4", Draft::Draft4),
    ("Draft 6", "draft6", Draft::Draft6),
    ("Draft 7", "draft7", Draft::Draft7),
    ("2019-09", "draft2019-09", Draft::Draft201909),
    ("2020-12", "draft2020-12", Draft::Draft202012),
];

/// Where the suite serves its remote documents.
const REMOTE: &str = "http://localhost:1234";

/// One schema of the suite with its tests: description, document, and whether it is valid.
pub(super) struct Case {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) tests: Vec<(String, Value, bool)>,
}

/// The suite, or the sample of it in the repository.
pub(super) struct Suite {
    root: PathBuf,
    whole: bool,
}

impl Suite {
    /// The suite that `NEXUS_CONFORMANCE_DIR` names, otherwise the sample; says so.
    pub(super) fn find() -> Self {
        if let Some(dir) = std::env::var_os("NEXUS_CONFORMANCE_DIR") {
            let root = Path::new(&dir).join("json-schema");
            assert!(root.is_dir(), "NEXUS_CONFORMANCE_DIR has no folder json-schema");
            return Self { root, whole: true };
        }
        eprintln!("NEXUS_CONFORMANCE_DIR is not set: a small sample is used instead of the whole suite");
        Self { root: Path::new(env!("CARGO_MANIFEST_DIR")).join("data/json-schema"), whole: false }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The required cases of a draft.
    pub(super) fn cases(&self, folder: &str) -> Vec<Case> {
        let mut cases = Vec::new();
        for path in json_files(&self.root.join("tests").join(folder)) {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            for case in read(&path).as_array().unwrap() {
                let tests = case["tests"].as_array().unwrap().iter().map(|test| {
                    let description = test["description"].as_str().unwrap().to_owned();
                    (description, test["data"].clone(), test["valid"].as_bool().unwrap())
                });
                cases.push(Case {
                    file: file.clone(),
                    name: case["description"].as_str().unwrap().to_owned(),
                    schema: case["schema"].clone(),
                    tests: tests.collect(),
                });
            }
        }
        cases
    }

    /// The documents that the suite refers to, by address.
    pub(super) fn remotes(&self) -> Vec<(String, Value)> {
        let root = self.root.join("remotes");
        let mut found = Vec::new();
        let mut pending = vec![root.clone()];
        while let Some(folder) = pending.pop() {
            pending.extend(entries(&folder).into_iter().filter(|path| path.is_dir()));
            for path in json_files(&folder) {
                let place = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((format!("{REMOTE}/{place}"), read(&path)));
            }
        }
        found
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

fn read(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
