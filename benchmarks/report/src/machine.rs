use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// Where and when something was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory, in GiB.
    pub memory_gib: u64,
    /// Device and file system of the working directory.
    pub disk: String,
    /// Kernel.
    pub kernel: String,
    /// When, in UTC.
    pub date: String,
    /// Commit that was measured; ends with `+` when the work tree had changes.
    pub commit: String,
    /// Load of the machine when the run began, over one minute.
    pub load: String,
}

impl Machine {
    /// Asks the system; what it does not say is `unknown`.
    #[must_use]
    pub fn here() -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: field("/proc/meminfo", "MemTotal")
                .split_whitespace()
                .next()
                .and_then(|kib| kib.parse::<u64>().ok())
                .map_or(0, |kib| kib.div_ceil(1 << 20)),
            disk: said("df", &["--output=source,fstype,size", "-h", "."])
                .lines()
                .last()
                .map_or_else(|| "unknown".to_owned(), |line| line.split_whitespace().collect::<Vec<_>>().join(", ")),
            kernel: said("uname", &["-sr"]),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string(),
            commit: commit(),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| text.split_whitespace().next().map(str::to_owned))
                .unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    /// One line for a page.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { processor, cores, memory_gib, disk, kernel, .. } = self;
        format!("{cores} cores ({processor}), {memory_gib} GiB of memory, disk {disk}, {kernel}")
    }
}

fn commit() -> String {
    let short = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed =
        said("git", &["status", "--porcelain", "--untracked-files=no", "--", "../crates", "../examples", "."]);
    if changed.is_empty() || changed == "unknown" { short } else { format!("{short}+") }
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
