use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::CheckError;

/// Longest time git may take for one answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A revision of a repository, asked for through the git that is installed.
pub(crate) struct Git<'a> {
    root: &'a Path,
    revision: &'a str,
}

impl<'a> Git<'a> {
    pub(crate) fn new(root: &'a Path, revision: &'a str) -> Self {
        Self { root, revision }
    }

    fn failed(&self, reason: impl Into<String>) -> CheckError {
        CheckError::Base { base: format!("`{}`", self.revision), reason: reason.into() }
    }

    /// The commit that the revision names.
    pub(crate) fn commit(&self) -> Result<String, CheckError> {
        let wanted = format!("{}^{{commit}}", self.revision);
        let asked = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted], &[]);
        let commit = asked.map(|output| String::from_utf8_lossy(&output).trim().to_owned());
        match commit {
            Ok(commit) if !commit.is_empty() => Ok(commit),
            Err(error @ CheckError::Base { .. }) if !self.is_repository() => Err(error),
            _ => Err(self.failed("no commit of that name is here; fetch it first")),
        }
    }

    fn is_repository(&self) -> bool {
        self.run(&["rev-parse", "--git-dir"], &[]).is_ok()
    }

    /// The files of a commit below the root.
    pub(crate) fn files(&self, commit: &str) -> Result<Vec<String>, CheckError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--name-only", commit], &[])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        // A name with a line break cannot be asked for; no schema has one.
        Ok(listed.split('\0').filter(|file| !file.is_empty() && !file.contains('\n')).map(str::to_owned).collect())
    }

    /// What is in files of a commit, in their order.
    pub(crate) fn contents(&self, commit: &str, files: &[String]) -> Result<Vec<Vec<u8>>, CheckError> {
        let wanted: String = files.iter().map(|file| format!("{commit}:./{file}\n")).collect();
        let output = self.run(&["cat-file", "--batch"], wanted.as_bytes())?;
        let mut rest = output.as_slice();
        let mut contents = Vec::new();
        for file in files {
            let blob = next_blob(&mut rest).ok_or_else(|| self.failed(format!("git does not give {file}")))?;
            contents.push(blob.to_vec());
        }
        Ok(contents)
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, CheckError> {
        let mut child = Command::new("git")
            .current_dir(self.root)
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.failed(format!("git cannot be run: {error}")))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = input.to_vec();
        // Git answers while it still reads, so both sides have a thread.
        thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut output));
            send.send(read.map(|_| output))
        });
        let Ok(read) = receive.recv_timeout(TIME_LIMIT) else {
            _ = child.kill();
            _ = child.wait();
            return Err(self.failed(format!("git did not answer within {} s", TIME_LIMIT.as_secs())));
        };
        let output = read.map_err(|error| self.failed(format!("git's answer cannot be read: {error}")))?;
        let status = child.wait().map_err(|error| self.failed(error.to_string()))?;
        if status.success() {
            return Ok(output);
        }
        let mut said = String::new();
        _ = stderr.map(|mut stderr| stderr.read_to_string(&mut said));
        Err(self.failed(format!("git says: {}", said.trim())))
    }
}

/// The next answer of `cat-file --batch`: `<id> blob <size>`, the bytes, a line break.
fn next_blob<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(rest.get(..end)?).ok()?;
    let size: usize = head.split(' ').nth(2).filter(|_| head.contains(" blob "))?.parse().ok()?;
    let blob = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + size + 2..)?;
    Some(blob)
}
