use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// A program that tests use when it is there.
pub(crate) struct Tool {
    /// The variable through which tests find it.
    pub(crate) variable: &'static str,
    program: &'static str,
    /// What it must be able to do: a program and its arguments, which ends well.
    proof: &'static [&'static str],
    /// What is not proved without it.
    pub(crate) without: &'static str,
}

/// All of them.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        variable: "NEXUS_PYTHON",
        program: "python3",
        proof: &["python3", "-c", "import venv, ensurepip"],
        without: "the Confluent client for Python against the registry, and the policies in another implementation of Rego",
    },
    Tool {
        variable: "NEXUS_NPM",
        program: "npm",
        proof: &["node", "--version"],
        without: "the Confluent client for JavaScript against the registry",
    },
];

impl Tool {
    /// The program: as the variable says, else from the path, when it can do what it must.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        if let Some(named) = std::env::var_os(self.variable) {
            return Some(PathBuf::from(named));
        }
        let ends_well = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let (proof, arguments) = self.proof.split_first()?;
        let able = ends_well(self.program, &["--version"]) && ends_well(proof, arguments);
        able.then(|| PathBuf::from(self.program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_cannot_do_its_work_is_not_found() {
        let tool = |program, proof| Tool { variable: "NEXUS_NO_SUCH_VARIABLE", program, proof, without: "" };
        assert_eq!(tool("no-such-program", &["true"]).find(), None);
        assert_eq!(tool("cargo", &["no-such-program"]).find(), None);
        assert_eq!(tool("cargo", &["cargo", "--version"]).find(), Some(PathBuf::from("cargo")));
    }
}
