use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bench_report::Fallible;

/// Longest time a server may take until it accepts connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs; stopped when dropped, and its data removed.
pub(crate) struct Server {
    address: String,
    dir: PathBuf,
    how: How,
}

enum How {
    Child(Child),
    /// PostgreSQL is many processes; its own program stops it.
    Postgres(PathBuf),
}

impl Server {
    /// Starts a program that stays in the foreground. `command` gets the address and a fresh directory.
    pub(crate) fn child(dir: &Path, command: impl FnOnce(&str, &Path) -> Command) -> Fallible<Self> {
        let address = free_address()?;
        fresh(dir)?;
        let log = File::create(dir.with_extension("log"))?;
        let mut command = command(&address, dir);
        let name = command.get_program().to_owned();
        let child = command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("cannot start {}: {error}", name.display()))?;
        let server = Self { address, dir: dir.to_owned(), how: How::Child(child) };
        server.reachable()?;
        Ok(server)
    }

    /// Makes a cluster and starts PostgreSQL on it, durable as by default.
    pub(crate) fn postgres(programs: &Path, dir: &Path) -> Fallible<Self> {
        let address = free_address()?;
        let (_, port) = address.split_once(':').ok_or("an address has a port")?;
        let dir = std::path::absolute(dir)?;
        fresh(&dir)?;
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(&dir))?;
        }
        let data = dir.join("data");
        done(
            unprivileged(&programs.join("initdb"))
                .args(["--username=bench", "--auth=trust", "--encoding=UTF8", "--no-locale"])
                .arg("-D")
                .arg(&data),
        )?;
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c max_connections=100 \
             -c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=1GB -c max_wal_size=8GB"
        );
        let mut start = unprivileged(&programs.join("pg_ctl"));
        start.arg("start").arg("-w").arg("-D").arg(&data).arg("-l").arg(dir.join("log")).arg("-o").arg(settings);
        done(&mut start)?;
        let server = Self { address, dir, how: How::Postgres(programs.join("pg_ctl")) };
        server.reachable()?;
        Ok(server)
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process, where it is one.
    pub(crate) fn process(&self) -> Option<u32> {
        match &self.how {
            How::Child(child) => Some(child.id()),
            How::Postgres(_) => None,
        }
    }

    fn reachable(&self) -> Fallible<()> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&self.address).is_err() {
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default();
                return Err(format!("nothing listens at {} after {PATIENCE:?}: {log}", self.address).into());
            }
            thread::sleep(Duration::from_millis(20)); // it starts
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What cannot be stopped or removed now is in the way of the next start, which says so.
        match &mut self.how {
            How::Child(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            How::Postgres(pg_ctl) => {
                let mut stop = unprivileged(pg_ctl);
                let _ = done(stop.args(["stop", "-m", "immediate", "-w", "-D"]).arg(self.dir.join("data")));
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn fresh(dir: &Path) -> Fallible<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    Ok(fs::create_dir_all(dir)?)
}

fn free_address() -> Fallible<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to run as root; then it runs as the user of its package.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn done(command: &mut Command) -> Fallible<()> {
    let name = format!("{command:?}");
    let output = command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = output.map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
