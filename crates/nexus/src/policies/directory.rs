use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nexus_core::{
    Actor,
    ports::{PolicyModule, RequestContext},
};
use nexus_runtime::{Node, PolicyBundle, RequestInfo};

use crate::Failure;

/// The bundle of `--policy DIR`.
pub(crate) const LOCAL: &str = "local";
/// How often a watched directory is looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of all modules of a directory.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Most directories inside each other.
const MAX_DEPTH: usize = 16;

/// Reads the `.rego` files of a directory and those below it, each named by its place in it.
///
/// # Errors
/// When the directory cannot be read, holds none, or holds too much.
pub(crate) fn read(directory: &Path) -> Result<Vec<PolicyModule>, Failure> {
    let mut modules = Vec::new();
    for path in files(directory)? {
        let place = path.strip_prefix(directory).unwrap_or(&path);
        let name = place.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let source = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        modules.push(PolicyModule { name, source });
    }
    if modules.is_empty() {
        return Err(Failure::usage(format_args!("there are no .rego files in {}", directory.display())));
    }
    Ok(modules)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut found, mut open, mut bytes) = (Vec::new(), vec![(directory.to_owned(), 0)], 0_u64);
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let about = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
            if about.is_dir() && !hidden && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if about.is_file() && !hidden && path.extension().is_some_and(|extension| extension == "rego") {
                bytes = bytes.saturating_add(about.len());
                found.push(path);
            }
        }
    }
    if bytes > MAX_BYTES {
        let reason = format!("the .rego files in {} have more than {MAX_BYTES} bytes", directory.display());
        return Err(Failure::usage(reason));
    }
    found.sort();
    Ok(found)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format_args!("{} cannot be read: {error}", path.display()))
}

/// What tells whether a directory has changed without reading its files.
fn state(directory: &Path) -> Option<Vec<(PathBuf, u64, SystemTime)>> {
    let files = files(directory).ok()?.into_iter();
    files
        .map(|path| {
            let about = fs::metadata(&path).ok()?;
            Some((path, about.len(), about.modified().ok()?))
        })
        .collect()
}

/// Follows a directory from now on: what changes comes into force once its tests hold; otherwise what was in force
/// stays, and the log says why. Ends with the node.
pub(crate) fn watch(node: &Node, directory: PathBuf) {
    let (policy, stop, clock) = (node.policy().clone(), node.stopping().clone(), node.clock().clone());
    let (service, environment) = (node.service().clone(), node.environment().clone());
    let (mut seen, mut modules) = (state(&directory), read(&directory).ok());
    tokio::spawn(async move {
        while tokio::time::timeout(PAUSE, stop.cancelled()).await.is_err() {
            let now = state(&directory);
            // A file may change again within the clock's step, so what changed last is read in any case.
            let settled = now.iter().flatten().all(|(_, _, at)| at.elapsed().is_ok_and(|age| age > 2 * PAUSE));
            if now == seen && settled {
                continue;
            }
            seen = now;
            let read = match read(&directory) {
                Ok(read) => read,
                Err(failure) => {
                    tracing::warn!(%failure, "the policy directory cannot be read; the policy stays as it is");
                    continue;
                }
            };
            if modules.as_ref() == Some(&read) {
                continue;
            }
            modules = Some(read.clone());
            let context = RequestContext {
                service: service.clone(),
                client_id: None,
                environment: environment.clone(),
                time: clock.now(),
            };
            let info = RequestInfo {
                actor: keeper(),
                context,
                correlation_id: None,
                causation_id: None,
                traceparent: None,
                extra: None,
            };
            let bundle = PolicyBundle { name: LOCAL.to_owned(), modules: read };
            if let Err(failure) = policy.declare(bundle, info).await {
                tracing::error!(%failure, "the policy directory changed and is refused; the policy stays as it is");
            }
        }
    });
}

/// On whose behalf a directory is followed: whoever may write there operates the server.
fn keeper() -> Actor {
    Actor::new(Actor::system().id, vec!["admin".into(), "system".into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_by_their_place_and_hidden_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "package x\n").unwrap();
        };
        ["b.rego", "a/c.rego", "a/.hidden.rego", ".git/d.rego", "e.txt"].into_iter().for_each(write);
        let names: Vec<_> = read(folder.path()).unwrap().into_iter().map(|module| module.name).collect();
        assert_eq!(names, ["a/c.rego", "b.rego"]);
        assert!(read(&folder.path().join("nothing")).is_err());
        assert!(read(tempfile::tempdir().unwrap().path()).is_err());
    }
}
