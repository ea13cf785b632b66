use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The nearest folder with a `.git`, from here upwards; here when there is none.
pub(super) fn root(here: &Path) -> PathBuf {
    here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(here).to_owned()
}

/// The files below the root that git has staged, relative to it, those left out that the next commit deletes.
///
/// # Errors
/// What git said, when it cannot tell.
pub(super) fn staged(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut command = Command::new("git");
    command.args(["diff", "--cached", "--name-only", "--relative", "--no-renames", "--diff-filter=d", "-z"]);
    let failed =
        |reason: &dyn std::fmt::Display| format!("git does not tell what is staged in {}: {reason}", root.display());
    let output = command.current_dir(root).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
    }
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| path(name).map_err(|reason| failed(&reason))).collect()
}

#[cfg(unix)]
fn path(name: &[u8]) -> Result<PathBuf, String> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(name)))
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> Result<PathBuf, String> {
    String::from_utf8(name.to_vec()).map(PathBuf::from).map_err(|error| error.to_string())
}
