use std::collections::BTreeSet;

use super::packages::Packages;
use crate::facts::{
    crates::CrateManifest,
    files::{FileKind, Language},
    manifest::ServiceManifest,
    text::is_below,
};

/// Tables that hold events where no manifest names them.
const EVENT_TABLES: &[&str] =
    &["events", "event", "event_store", "event_log", "event_journal", "eventstore", "eventlog"];

/// Words without which a source makes no event and erases none.
const MARKS: &[&str] = &["event_type", "eventtype", "newevent", "nexus::event", "stream(", "streamasync("];

/// The names of a repository that uses are looked for by.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Hosts of services, in lower case.
    pub(crate) hosts: BTreeSet<String>,
    /// Tables of services and of events, in lower case.
    pub(crate) tables: BTreeSet<String>,
    /// Crates of services, as they are written in paths.
    pub(crate) crates: BTreeSet<String>,
    /// Directories of services.
    pub(crate) directories: BTreeSet<String>,
    /// Packages of Java and Kotlin, and the files that are in them.
    pub(crate) packages: Packages,
    /// What a source has to hold to be looked at, in lower case.
    pub(super) needles: Vec<String>,
}

impl Known {
    pub(crate) fn new(services: &[ServiceManifest], crates: &[CrateManifest], packages: Packages) -> Self {
        let lower = |text: &String| text.to_lowercase();
        let hosts: BTreeSet<_> = services.iter().flat_map(|service| &service.hosts).map(lower).collect();
        let named = |service: &ServiceManifest| {
            let immutable = service.immutable.iter().flatten();
            service.tables.iter().chain(immutable).map(|table| table.value.to_lowercase()).collect::<Vec<_>>()
        };
        let mut tables: BTreeSet<_> = services.iter().flat_map(named).collect();
        tables.extend(EVENT_TABLES.iter().map(|table| (*table).to_owned()));
        let owned = crates.iter().filter(|found| services.iter().any(|service| service.has_crate(found)));
        let crates: BTreeSet<_> = owned.map(|found| found.name.replace('-', "_")).collect();
        let directories: BTreeSet<_> = services.iter().map(|service| service.directory().to_owned()).collect();
        let last = |directory: &String| directory.rsplit('/').next().unwrap_or("").to_lowercase();
        let needles = hosts.iter().chain(&tables).chain(&crates).cloned().chain(directories.iter().map(last));
        let needles = needles.chain(MARKS.iter().map(|mark| (*mark).to_owned())).filter(|needle| !needle.is_empty());
        let needles = needles.collect::<BTreeSet<_>>().into_iter().collect();
        Self { hosts, tables, crates, directories, packages, needles }
    }

    /// Whether a table holds events where no manifest says.
    pub(crate) fn is_event_table(table: &str) -> bool {
        EVENT_TABLES.contains(&table)
    }

    /// The directory of the service whose a file is.
    pub(crate) fn service_directory(&self, file: &str) -> Option<&String> {
        let own = self.directories.iter().filter(|directory| is_below(file, directory));
        own.max_by_key(|directory| directory.len())
    }

    /// Whether a source can hold any use; most do not, and need not be taken apart.
    pub(crate) fn may_be_in(&self, source: &str, kind: FileKind) -> bool {
        // There are far too many packages to look for each.
        if kind == FileKind::Plain(Language::Java) && !self.packages.is_empty() && source.contains("import") {
            return true;
        }
        let source = source.to_lowercase();
        self.needles.iter().any(|needle| source.contains(needle.as_str()))
    }

    /// The service host that an address leads to: `http://billing:8080/x`, `billing.shop.svc.cluster.local:80`.
    pub(crate) fn host_of(&self, address: &str) -> Option<&str> {
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, address),
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let host = host.to_lowercase();
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        // Without scheme a word may be anything; with a port it is an address.
        let is_address = scheme.is_some_and(|scheme| !scheme.is_empty()) || port.is_some_and(is_port);
        let inside = host.split_once('.').filter(|(_, domain)| is_inside(domain)).map(|(name, _)| name);
        let name = inside.unwrap_or(&host);
        self.hosts.get(name).or_else(|| self.hosts.get(&host)).filter(|_| is_address).map(String::as_str)
    }
}

/// Whether a domain is one of a cluster, where the first part of a name is that of the service.
fn is_inside(domain: &str) -> bool {
    domain.contains("svc") || domain.ends_with("internal") || domain.ends_with("local") || !domain.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_service_by_its_host() {
        let known =
            Known { hosts: BTreeSet::from(["billing".to_owned(), "pay.shop.example".to_owned()]), ..Known::default() };
        for address in [
            "http://billing",
            "https://user:x@Billing:8080/pay",
            "grpc://billing:1",
            "billing:8080",
            "billing:80/x",
            "http://billing.shop.svc.cluster.local/x",
            "http://billing.shop/x",
        ] {
            assert_eq!(known.host_of(address), Some("billing"), "{address}");
        }
        assert_eq!(known.host_of("https://pay.shop.example/x"), Some("pay.shop.example"));
        for other in
            ["billing", "billing: x", "the billing:", "https://billing.example.com", "http://x/billing", "/billing", ""]
        {
            assert_eq!(known.host_of(other), None, "{other}");
        }
    }
}
