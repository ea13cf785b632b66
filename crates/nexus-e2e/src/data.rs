use std::path::{Path, PathBuf};

/// The input files of a run.
#[derive(Debug, Clone)]
pub struct Data {
    /// The months, oldest first.
    pub files: Vec<PathBuf>,
    /// Whether this is the whole data set, or the small sample of the repository.
    pub whole: bool,
}

/// The whole data set where `NEXUS_DATA_DIR` names it, otherwise the sample; says so on standard error.
///
/// # Panics
/// When `NEXUS_DATA_DIR` names a directory without the seven months.
#[must_use]
#[expect(clippy::panic, clippy::print_stderr, reason = "a test without its data must fail, and say what it used")]
pub fn data() -> Data {
    match std::env::var_os("NEXUS_DATA_DIR") {
        Some(dir) => {
            let files = months(&Path::new(&dir).join("online-retail"));
            if files.len() != 7 {
                panic!("NEXUS_DATA_DIR has {} months under online-retail, 7 are expected", files.len());
            }
            Data { files, whole: true }
        }
        None => {
            eprintln!("NEXUS_DATA_DIR is not set: the small sample is used instead of the seven months");
            let files = months(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data"));
            Data { files, whole: false }
        }
    }
}

fn months(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let csv = |path: &PathBuf| path.to_string_lossy().ends_with(".csv") || path.to_string_lossy().ends_with(".csv.gz");
    let mut files: Vec<_> = entries.filter(csv).collect();
    files.sort();
    files
}
