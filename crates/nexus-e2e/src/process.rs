#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot start its program must fail")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::Http;

/// Longest time a server may take to say that it is ready.
const START: Duration = Duration::from_secs(60);
/// Longest time any program may run.
const RUN: Duration = Duration::from_mins(5);

/// The built binary: `NEXUS_BIN`, or the one beside this test's own build.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NEXUS_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().expect("a test knows its own path");
    let path = own.ancestors().nth(2).expect("tests are built in target/PROFILE/deps").join("nexus");
    if !path.exists() {
        panic!(
            "{} is not built; run `cargo build -p nexus-cli`, or the tests through `cargo xtask test`",
            path.display()
        );
    }
    path
}

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    /// What it printed until it was ready.
    pub banner: String,
    /// How long it took to be ready.
    pub ready_after: Duration,
    address: String,
}

impl Server {
    /// `nexus dev` on a free port.
    #[must_use]
    pub fn dev(arguments: &[&str]) -> Self {
        Self::start(&[&["dev", "--random-ports"], arguments].concat())
    }

    /// `nexus dev` that keeps its data.
    #[must_use]
    pub fn kept(data: &Path) -> Self {
        Self::dev(&["--data", data.to_str().expect("test paths are UTF-8")])
    }

    /// Starts the binary and waits for its banner.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_program(&binary(), arguments)
    }

    /// Starts another application and waits for its banner.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start_program(program: &Path, arguments: &[&str]) -> Self {
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut banner = String::new();
        while !banner.contains("Stop with Ctrl-C") {
            let left = START.saturating_sub(started.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) => banner.push_str(&(line + "\n")),
                Err(_) => {
                    let _ = child.kill();
                    panic!("the server did not get ready: {:?}\n{banner}", child.wait());
                }
            }
        }
        let ready_after = started.elapsed();
        let address = banner
            .split_whitespace()
            .find_map(|word| word.strip_prefix("http://"))
            .map(|rest| rest.trim_end_matches('/').to_owned())
            .expect("the banner names an address");
        Self { child, banner, ready_after, address }
    }

    /// Its address as `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&self.url())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs the binary as a client of this server.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Finished {
        let url = self.url();
        run(&[arguments, &["--server", &url]].concat())
    }

    /// The same, saying who asks with this token.
    #[must_use]
    pub fn cli_as(&self, token: &str, arguments: &[&str]) -> Finished {
        let url = self.url();
        let mut command = Command::new(binary());
        command.args(arguments).args(["--server", &url]).env("NEXUS_TOKEN", token);
        end(command, RUN)
    }

    /// Ends it without warning, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("it is running");
        self.child.wait().expect("it has ended");
    }

    /// Asks it to stop with a signal and waits until it has.
    ///
    /// # Panics
    /// When it does not stop within a minute.
    #[must_use]
    pub fn stop(mut self, signal: &str) -> Option<i32> {
        let kill = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(kill.expect("kill runs").success(), "the server was gone already");
        wait(&mut self.child, Duration::from_mins(1)).expect("the server stops when asked to")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the binary to its end.
///
/// # Panics
/// When it does not end in time.
#[must_use]
pub fn run(arguments: &[&str]) -> Finished {
    run_program(&binary(), arguments)
}

/// Runs another application to its end.
///
/// # Panics
/// When it does not end in time.
#[must_use]
pub fn run_program(program: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(program);
    command.args(arguments);
    end(command, RUN)
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started or does not end in time.
pub(crate) fn end(mut command: Command, limit: Duration) -> Finished {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let reader = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = reader(child.stdout.take().map(|stream| Box::new(stream) as _));
    let stderr = reader(child.stderr.take().map(|stream| Box::new(stream) as _));
    let code = wait(&mut child, limit);
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    match code {
        Some(code) => Finished { code, stdout, stderr },
        None => panic!("{command:?} did not end in time\n{stdout}\n{stderr}"),
    }
}

/// Waits for a process; kills it and answers `None` when it takes longer than `limit`.
fn wait(child: &mut Child, limit: Duration) -> Option<Option<i32>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status.code());
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        // waits: for another process, which tells nobody when it ends
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Looks again and again until something holds that a server does in its own time, such as following a directory.
///
/// # Panics
/// When it does not hold within a minute.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        // waits: for a server to do what nobody can ask it to have done
        std::thread::sleep(Duration::from_millis(100));
    }
}
