use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_check::{CheckOptions, Checked, check};
use tempfile::TempDir;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture that a test may change.
pub(crate) struct Copy {
    directory: TempDir,
}

impl Copy {
    pub(crate) fn of(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&fixture(name), directory.path());
        Self { directory }
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts one text in the place of another, which has to be there.
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.root().join(file)).unwrap();
        assert!(text.contains(old), "{file} has no {old:?}");
        self.write(file, text.replacen(old, new, 1));
    }

    pub(crate) fn options(&self) -> CheckOptions {
        options(self.root())
    }

    pub(crate) fn checked(&self) -> Checked {
        check(&self.options()).unwrap()
    }
}

pub(crate) fn options(root: &Path) -> CheckOptions {
    CheckOptions { root: root.to_path_buf(), ..CheckOptions::default() }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A finding in short: rule, file, line, column.
pub(crate) fn places(checked: &Checked) -> Vec<(&str, &str, u32, u32)> {
    let place = |finding: &'_ nexus_check::Finding| (finding.place.start.line, finding.place.start.column);
    let all = checked.findings.iter();
    all.map(|finding| (finding.rule, finding.place.file.as_str(), place(finding).0, place(finding).1)).collect()
}
